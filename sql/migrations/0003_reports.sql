-- Reports of days, runs and calibrations; what the services used; Flink's samples by the hour.
-- depends: 0002_samples

CREATE TABLE metric_reports (
    kind       text        NOT NULL CHECK (kind IN ('day', 'run', 'calibration')),
    subject    text        NOT NULL, -- the day as YYYY-MM-DD, the run_id, or scorer and dataset of a calibration
    since      timestamptz NOT NULL,
    until      timestamptz NOT NULL,
    simulated  boolean     NOT NULL,
    report     jsonb       NOT NULL,
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

-- Every trip, and whether it asks a failure again: a replay does, and so does what was sent again in the place of a lost replay.
CREATE VIEW trips AS
SELECT s.submission_id, s.question_id, s.kind, s.run_id, s.submitted_at,
       CASE s.kind
           WHEN 'first' THEN false
           WHEN 'replay' THEN true
           ELSE (
               WITH RECURSIVE before AS (
                   SELECT b.kind, b.follows FROM submissions b WHERE b.submission_id = s.follows
                   UNION ALL
                   SELECT b.kind, b.follows FROM submissions b JOIN before ON b.submission_id = before.follows
                   WHERE before.kind = 'requeue'
               )
               SELECT coalesce(bool_or(before.kind = 'replay'), false) FROM before
           )
       END AS replayed
FROM submissions s;

-- Reports choose rows by the time they were written.
CREATE INDEX answers_by_time ON answers (stored_at);
CREATE INDEX submissions_again_by_time ON submissions (submitted_at) WHERE kind <> 'first';
