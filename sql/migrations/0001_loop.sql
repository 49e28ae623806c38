-- What the loop stores: the corpus, questions and what became of them, traffic runs.
-- depends:

CREATE TABLE dataset_questions (
    dataset          text        NOT NULL,
    text_hash        uuid        NOT NULL, -- uuid5 of the normalised text: the same question in any answer set
    question_text    text        NOT NULL,
    original_answer  text,
    topic            smallint,
    line_number      bigint      NOT NULL,
    other_references integer     NOT NULL DEFAULT 0, -- further answers that rows with the same text gave
    reference_hashes uuid[]      NOT NULL DEFAULT '{}', -- md5 of every distinct answer, so that loading again counts none twice
    loaded_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (dataset, text_hash)
);
CREATE INDEX dataset_questions_by_text ON dataset_questions (text_hash);
CREATE INDEX dataset_questions_by_line ON dataset_questions (dataset, line_number);

CREATE TABLE questions (
    question_id      uuid        PRIMARY KEY,
    answer_set       text        NOT NULL,
    question_text    text        NOT NULL,
    original_answer  text,
    other_references integer     NOT NULL DEFAULT 0,
    status           text        NOT NULL CHECK (status IN ('pending', 'answered', 'failed')),
    submission_id    uuid        NOT NULL, -- the newest submission; only its messages may end the question
    run_id           text,
    model            text, -- the model asked for, null: the configured one
    created_at       timestamptz NOT NULL,
    submitted_at     timestamptz NOT NULL,
    enqueued_at      timestamptz,
    resolved_at      timestamptz
);
CREATE INDEX questions_unenqueued ON questions (submitted_at) WHERE status = 'pending' AND enqueued_at IS NULL;
CREATE INDEX questions_pending ON questions (enqueued_at) WHERE status = 'pending';
CREATE INDEX questions_by_run ON questions (run_id, status);
CREATE INDEX questions_by_set ON questions (answer_set);

-- Reference answers that differ from the stored one, so that each is counted once however often it is posted.
CREATE TABLE question_references (
    question_id    uuid NOT NULL REFERENCES questions ON DELETE CASCADE,
    reference_hash text NOT NULL,
    PRIMARY KEY (question_id, reference_hash)
);

-- Every trip of a question through the loop: the first, a replay of a failure, or a requeue of one that was lost.
CREATE TABLE submissions (
    submission_id  uuid        PRIMARY KEY,
    question_id    uuid        NOT NULL REFERENCES questions ON DELETE CASCADE,
    kind           text        NOT NULL CHECK (kind IN ('first', 'replay', 'requeue')),
    follows        uuid        UNIQUE, -- the submission that this one repeats: at most one repeats it
    run_id         text,
    model          text,
    submitted_at   timestamptz NOT NULL
);
CREATE INDEX submissions_by_question ON submissions (question_id, submitted_at);
CREATE INDEX submissions_by_run ON submissions (run_id);

CREATE TABLE answers (
    question_id              uuid             PRIMARY KEY REFERENCES questions ON DELETE CASCADE,
    submission_id            uuid             NOT NULL,
    llm_response             text             NOT NULL,
    bert_score               double precision,
    first_score              double precision,
    processing_attempts      integer          NOT NULL,
    total_processing_time_ms double precision NOT NULL,
    accepted_as              text             NOT NULL CHECK (accepted_as IN ('passed', 'best_attempt', 'unscored')),
    accepted_retry_count     integer          NOT NULL,
    model                    text,
    scorer                   text,
    retries_overload         integer          NOT NULL DEFAULT 0,
    retries_quota            integer          NOT NULL DEFAULT 0,
    retries_quality          integer          NOT NULL DEFAULT 0,
    waited_ms                double precision NOT NULL DEFAULT 0, -- retry delays
    scored_at                timestamptz,
    stored_at                timestamptz      NOT NULL
);

CREATE TABLE attempts (
    submission_id    uuid             NOT NULL,
    retry_count      integer          NOT NULL,
    question_id      uuid             NOT NULL,
    run_id           text,
    outcome          text             NOT NULL CHECK (outcome IN ('success', 'overload', 'quota', 'fatal')),
    error_type       text,
    error            text,
    bert_score       double precision,
    scorer           text,
    llm_response     text,
    model            text,
    response_time_ms double precision,
    tokens           integer,
    prompt_tokens    integer,
    truncated        boolean          NOT NULL DEFAULT false,
    retry_after_s    double precision,
    waited_ms        double precision NOT NULL DEFAULT 0, -- retry delays of the submission before this attempt
    enqueued_at      timestamptz,
    llm_started_at   timestamptz,
    llm_finished_at  timestamptz,
    scored_at        timestamptz,
    stored_at        timestamptz      NOT NULL,
    PRIMARY KEY (submission_id, retry_count)
);
CREATE INDEX attempts_by_question ON attempts (question_id);
CREATE INDEX attempts_by_run ON attempts (run_id);
CREATE INDEX attempts_by_time ON attempts (stored_at);

CREATE TABLE failed_questions (
    question_id            uuid        NOT NULL REFERENCES questions ON DELETE CASCADE,
    submission_id          uuid        NOT NULL,
    retry_count            integer     NOT NULL,
    cause                  text        NOT NULL,
    last_error             text        NOT NULL,
    last_attempt_timestamp timestamptz NOT NULL,
    run_id                 text,
    retries_overload       integer     NOT NULL DEFAULT 0,
    retries_quota          integer     NOT NULL DEFAULT 0,
    retries_quality        integer     NOT NULL DEFAULT 0,
    failed_at              timestamptz NOT NULL,
    replayed_at            timestamptz,
    PRIMARY KEY (question_id, submission_id)
);
CREATE INDEX failed_questions_by_run ON failed_questions (run_id);
CREATE INDEX failed_questions_by_time ON failed_questions (failed_at);

CREATE TABLE traffic_runs (
    run_id      text        PRIMARY KEY,
    answer_set  text        NOT NULL,
    dataset     text        NOT NULL,
    state       text        NOT NULL CHECK (state IN ('sending', 'draining', 'drained', 'timed_out', 'cancelled', 'failed')),
    plan        jsonb       NOT NULL, -- arrivals, popularity, seed, requests: enough to repeat the run
    model       text,
    simulated   boolean     NOT NULL,
    started_at  timestamptz NOT NULL,
    sent_at     timestamptz,
    finished_at timestamptz,
    summary     jsonb
);
CREATE INDEX traffic_runs_by_time ON traffic_runs (started_at);

CREATE TABLE traffic_requests (
    run_id         text             NOT NULL,
    request_number integer          NOT NULL,
    question_id    uuid,
    intended_at    timestamptz      NOT NULL,
    sent_at        timestamptz,
    first_reply_at timestamptz,
    resolved_at    timestamptz,
    first_status   text, -- found, pending, error or refused
    final_status   text, -- answered, failed, unresolved or refused
    source         text, -- cache or database, where found at once
    error          text,
    perceived_ms   double precision, -- intended to first reply
    real_ms        double precision, -- intended to answer
    PRIMARY KEY (run_id, request_number)
);
CREATE INDEX traffic_requests_by_time ON traffic_requests (intended_at);
