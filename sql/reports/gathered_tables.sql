-- What a report's queries read of requests, calls and ends, gathered once for its scope (gather.sql): emptied when the transaction ends.
CREATE TEMP TABLE IF NOT EXISTS report_requests (
    run_id       text,
    intended_at  timestamptz,
    sent_at      timestamptz,
    resolved_at  timestamptz,
    first_status text,
    final_status text,
    source       text,
    perceived_ms double precision,
    real_ms      double precision,
    reused       boolean, -- its question was first asked elsewhere
    earlier      boolean  -- intended before the scope and open when it began: not among the scope's requests
) ON COMMIT DELETE ROWS;
CREATE INDEX IF NOT EXISTS report_requests_by_run ON report_requests (run_id);

CREATE TEMP TABLE IF NOT EXISTS report_calls (
    run_id           text,
    submission_id    uuid,
    question_id      uuid,
    retry_count      integer,
    outcome          text,
    error_type       text,
    error_kind       text,
    model            text,
    response_time_ms double precision,
    error_pickup_ms  double precision,
    enqueued_at      timestamptz,
    llm_started_at   timestamptz,
    llm_finished_at  timestamptz,
    scored_at        timestamptz,
    stored_at        timestamptz,
    replayed         boolean, -- of a replay, or of what was sent again in its place
    before           text,    -- outcome of the trip's call before this one, whenever that was; null: the trip's first
    has_earlier      boolean, -- the trip has another call before this one in the scope
    has_later        boolean,
    passed           boolean, -- its answer reached the threshold and ended the trip
    low              boolean  -- its answer was scored and did not reach it
) ON COMMIT DELETE ROWS;
CREATE INDEX IF NOT EXISTS report_calls_by_run ON report_calls (run_id);

-- Answers of the scope's own trips: replays are not among them.
CREATE TEMP TABLE IF NOT EXISTS report_answers (
    run_id          text,
    submission_id   uuid,
    accepted_as     text,
    first_score     double precision,
    bert_score      double precision,
    retries_quality integer,
    waited_ms       double precision,
    scored_at       timestamptz,
    stored_at       timestamptz,
    queue           interval, -- of all the trip's attempts together, whenever they were
    model           interval,
    scoring         interval
) ON COMMIT DELETE ROWS;
CREATE INDEX IF NOT EXISTS report_answers_by_run ON report_answers (run_id);

-- Failures of the scope's own trips.
CREATE TEMP TABLE IF NOT EXISTS report_failures (
    run_id        text,
    submission_id uuid,
    cause         text
) ON COMMIT DELETE ROWS;
