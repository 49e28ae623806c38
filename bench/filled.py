"""A private database as after months of use: 200 traffic runs with 1,000,000 attempts, their summaries and reports; one run goes on."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import msgspec
import psycopg2

from streaming.figures.run_summary import summarise
from streaming.figures.scope import Kind
from streaming.reports.page import body
from streaming.reports.store import keep
from streaming.reports.stored_html import FILES, drawn_with
from streaming.traffic.runs import store_summary
from tests.example_report import day_report, run_report
from tests.integration.private_tables import private_tables

RUNS = 200
QUESTIONS = 4_000  # of each run
ATTEMPTS = 5_000
REQUESTS = 5_000
GOING_ON = f"run-{RUNS}"
EXAMPLES = {Kind.RUN: run_report(), Kind.DAY: day_report()}
# What a test needs of constraints costs a filler its time.
_LIGHT = """
ALTER TABLE answers DROP CONSTRAINT answers_question_id_fkey;
ALTER TABLE failed_questions DROP CONSTRAINT failed_questions_question_id_fkey;
ALTER TABLE submissions DROP CONSTRAINT submissions_question_id_fkey;
"""
# A question's id follows from its run and number, and its first submission has the same.
_RUN = """
INSERT INTO traffic_runs (run_id, answer_set, dataset, state, plan, model, simulated, started_at, sent_at, finished_at)
SELECT %(run_id)s, %(run_id)s, 'bench', %(state)s, jsonb_build_object('requests', %(requests)s, 'rate', 10 + %(run)s %% 7), 'llama3.2:1b',
       true, %(begun)s, %(begun)s + interval '8 minutes', CASE WHEN %(state)s = 'drained' THEN %(begun)s + interval '9 minutes' END;

CREATE TEMPORARY TABLE asked ON COMMIT DROP AS
SELECT n, md5(%(run_id)s || '/' || n)::uuid AS id, CASE WHEN %(state)s = 'sending' AND n > %(questions)s * 0.5 THEN 'pending'
       WHEN n %% 40 = 0 THEN 'failed' ELSE 'answered' END AS status, %(begun)s + n * interval '100 ms' AS at
FROM generate_series(1, %(questions)s) AS n;

INSERT INTO questions (question_id, answer_set, question_text, original_answer, status, submission_id, run_id, created_at, submitted_at,
                       enqueued_at, resolved_at)
SELECT id, %(run_id)s, 'Question ' || n || ' of ' || %(run_id)s || ': why is the sky ' || md5(n::text) || '?', repeat('reference ', 10),
       status, id, %(run_id)s, at, at, at + interval '20 ms', CASE WHEN status <> 'pending' THEN at + interval '900 ms' END
FROM asked;

INSERT INTO submissions (submission_id, question_id, kind, run_id, submitted_at) SELECT id, id, 'first', %(run_id)s, at FROM asked;

INSERT INTO answers (question_id, submission_id, llm_response, bert_score, first_score, processing_attempts, total_processing_time_ms,
                     accepted_as, accepted_retry_count, model, stored_at)
SELECT id, id, repeat('answer ', 30), 0.8, 0.7, 1, 900, 'passed', 0, 'llama3.2:1b', at + interval '900 ms'
FROM asked WHERE status = 'answered';

INSERT INTO failed_questions (question_id, submission_id, retry_count, cause, last_error, last_attempt_timestamp, run_id, failed_at)
SELECT id, id, 3, (ARRAY['overload_exhausted', 'quota_exhausted', 'model_missing'])[1 + n %% 3], 'server busy', at, %(run_id)s, at
FROM asked WHERE status = 'failed';

INSERT INTO attempts (submission_id, retry_count, question_id, run_id, outcome, bert_score, llm_response, model, response_time_ms, tokens,
                      enqueued_at, llm_started_at, llm_finished_at, scored_at, stored_at)
SELECT id, tries, id, %(run_id)s, CASE WHEN status = 'failed' THEN 'overload' ELSE 'success' END, 0.7 + 0.1 * tries, repeat('answer ', 30),
       'llama3.2:1b', 240, 60, at, at + interval '20 ms', at + interval '260 ms', at + interval '400 ms', at + interval '500 ms'
FROM asked, generate_series(0, %(attempts)s / %(questions)s) AS tries
WHERE tries = 0 OR n <= %(attempts)s - %(questions)s;

INSERT INTO traffic_requests (run_id, request_number, question_id, intended_at, sent_at, first_reply_at, resolved_at, first_status,
                              final_status, perceived_ms, real_ms)
SELECT %(run_id)s, number, asked.id, asked.at, asked.at, asked.at + interval '30 ms',
       CASE WHEN asked.status <> 'pending' THEN asked.at + interval '900 ms' END, 'pending', nullif(asked.status, 'pending'), 30, 900
FROM generate_series(1, %(requests)s) AS number JOIN asked ON asked.n = 1 + number %% %(questions)s;
"""
_SAMPLES = """
INSERT INTO kafka_samples (time, topic, partition, "group", end_offset, committed_offset, lag)
SELECT now() - n * interval '15 seconds', 'questions-pending', part, 'llm_consumer_service', 1000000 - n, 1000000 - n, 0
FROM generate_series(0, 40320) AS n, generate_series(0, 5) AS part
"""


@contextmanager
def filled() -> Iterator[str]:
    """The URL of the database; its tables are dropped at the end."""
    with private_tables() as url:
        with closing(psycopg2.connect(url)) as database:
            _fill(database)
        yield url


def _fill(database: psycopg2.extensions.connection) -> None:
    with database, database.cursor() as cursor:
        cursor.execute(_LIGHT)
        cursor.execute(_SAMPLES)
    now = datetime.now(UTC)
    # One report stands for all: drawing each would cost a minute.
    reports = [(kind, msgspec.json.encode(each).decode(), body(each, (), FILES)) for kind, each in EXAMPLES.items()]
    for run in range(1, RUNS + 1):
        begun = datetime.fromtimestamp(now.timestamp() - (RUNS - run) * 12 * 3600 - 300, UTC)
        run_id, state = f"run-{run}", "sending" if run == RUNS else "drained"
        sizes = {"questions": QUESTIONS, "attempts": ATTEMPTS, "requests": REQUESTS}
        with database, database.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")
            cursor.execute(_RUN, {"run": run, "run_id": run_id, "state": state, "begun": begun, **sizes})
        for kind, report, drawn in reports if state == "drained" else ():
            subject = run_id if kind is Kind.RUN else f"{begun:%Y-%m-%d}"
            keep(database, kind, subject, (begun, now), simulated=True, report=report, body=drawn, drawn_with=drawn_with(), now=now)
    database.autocommit = True
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SELECT run_id FROM traffic_runs WHERE state = 'drained' ORDER BY started_at DESC LIMIT 1")
        (newest,) = cursor.fetchone() or ("",)
    database.autocommit = False
    # One summary stands for all: they differ in nothing that a page looks at.
    summary = summarise(database, newest)
    for run in range(1, RUNS):
        store_summary(database, msgspec.structs.replace(summary, run_id=f"run-{run}"))
