-- Reports of days, runs and calibrations; what the services used; Flink's samples by the hour.
-- depends: 0002_samples

CREATE TABLE metric_reports (
    kind       text        NOT NULL CHECK (kind IN ('day', 'run', 'calibration')),
    subject    text        NOT NULL, -- the day as YYYY-MM-DD, the run_id, or scorer and dataset of a calibration
    since      timestamptz NOT NULL,
    until      timestamptz NOT NULL,
    simulated  boolean     NOT NULL,
    report     jsonb       NOT NULL,
    body       text, -- the report as HTML for a page of others, so that none has to draw it
    drawn_with text, -- a digest of what drew the body: drawn with something else, it is out of date
    created_at timestamptz NOT NULL,
    PRIMARY KEY (kind, subject)
);
CREATE INDEX metric_reports_by_time ON metric_reports (kind, since);

CREATE TABLE flink_samples_hourly (
    hour    timestamptz      NOT NULL,
    metric  text             NOT NULL,
    samples integer          NOT NULL,
    average double precision NOT NULL,
    largest double precision NOT NULL,
    last    double precision NOT NULL, -- the newest of the hour
    PRIMARY KEY (metric, hour)
);

CREATE TABLE service_samples (
    time    timestamptz      NOT NULL,
    service text             NOT NULL,
    metric  text             NOT NULL, -- cpu_seconds, memory_bytes, model_calls_in_flight, model_slots
    value   double precision NOT NULL,
    PRIMARY KEY (service, metric, time)
);
CREATE INDEX service_samples_by_time ON service_samples (time);

CREATE TABLE service_samples_hourly (
    hour    timestamptz      NOT NULL,
    service text             NOT NULL,
    metric  text             NOT NULL,
    samples integer          NOT NULL,
    average double precision NOT NULL,
    largest double precision NOT NULL,
    last    double precision NOT NULL,
    PRIMARY KEY (service, metric, hour)
);

-- Reports choose rows by the time they were written, and a run's answers by its submissions.
CREATE INDEX answers_by_time ON answers (stored_at);
CREATE INDEX answers_by_submission ON answers (submission_id);
CREATE INDEX replays_by_time ON submissions (submitted_at) WHERE kind = 'replay';
