-- Whom to call when a question has ended.
-- depends: 0005_question_search

CREATE TABLE callbacks (
    callback_id  uuid        PRIMARY KEY, -- the `webhook-id`, the same over all tries
    question_id  uuid        NOT NULL REFERENCES questions ON DELETE CASCADE,
    url          text        NOT NULL,
    created_at   timestamptz NOT NULL,
    due_at       timestamptz NOT NULL,
    tries        integer     NOT NULL DEFAULT 0,
    delivered_at timestamptz,
    given_up_at  timestamptz,
    last_error   text
);
CREATE UNIQUE INDEX callbacks_once ON callbacks (question_id, url) WHERE delivered_at IS NULL AND given_up_at IS NULL;
CREATE INDEX callbacks_open ON callbacks (due_at) WHERE delivered_at IS NULL AND given_up_at IS NULL;
