-- A busy day, 2026-03-01: 50 runs, a million model calls of 700,000 questions, a million requests, a million samples of Kafka.
-- Question i belongs to run i % 50, which begins at minute 28 * (i % 50) and goes on for 25 minutes.
-- Without a write-ahead log they fill in half the time; how they are read does not change.
ALTER TABLE question_references SET UNLOGGED;
ALTER TABLE callbacks SET UNLOGGED;
ALTER TABLE submissions SET UNLOGGED;
ALTER TABLE answers SET UNLOGGED;
ALTER TABLE failed_questions SET UNLOGGED;
ALTER TABLE questions SET UNLOGGED;
ALTER TABLE attempts SET UNLOGGED;
ALTER TABLE traffic_requests SET UNLOGGED;
ALTER TABLE kafka_samples SET UNLOGGED;

CREATE TEMP VIEW asked AS
SELECT i, md5('question' || i)::uuid AS question_id, md5('submission' || i)::uuid AS submission_id, 'run-' || i % 50 AS run_id,
       timestamptz '2026-03-01 00:00:00+00' + interval '28 min' * (i % 50) + interval '25 min' * ((i / 50) / 14000.0) AS at,
       i % 14 < 5 AS again, i % 97 = 0 AS fails, 0.3 + 0.6 * ((i * 7919) % 1000) / 1000.0 AS score
FROM generate_series(0::bigint, 699999) AS i;

INSERT INTO traffic_runs (run_id, answer_set, dataset, state, plan, model, simulated, started_at, sent_at, finished_at)
SELECT 'run-' || r, 'run-' || r, 'made up', 'drained', '{}', 'm (simulated)', true, begun, begun + interval '24 min', begun + interval '27 min'
FROM generate_series(0, 49) AS r, LATERAL (SELECT timestamptz '2026-03-01 00:00:00+00' + interval '28 min' * r AS begun) AS x;

INSERT INTO questions (question_id, answer_set, question_text, status, submission_id, run_id, created_at, submitted_at, enqueued_at, resolved_at)
SELECT question_id, run_id, 'Why?', CASE WHEN fails THEN 'failed' ELSE 'answered' END, submission_id, run_id,
       at, at, at, at + interval '5 s'
FROM asked;

INSERT INTO submissions (submission_id, question_id, kind, run_id, submitted_at)
SELECT submission_id, question_id, 'first', run_id, at FROM asked;

INSERT INTO attempts (submission_id, retry_count, question_id, run_id, outcome, error_type, error_kind, bert_score, llm_response, model,
                      response_time_ms, error_pickup_ms, enqueued_at, llm_started_at, llm_finished_at, scored_at, stored_at)
SELECT submission_id, n, question_id, run_id, outcome, CASE WHEN outcome = 'success' THEN NULL ELSE outcome END,
       CASE WHEN outcome = 'overload' THEN 'http_503' END, CASE WHEN outcome = 'success' THEN score END,
       CASE WHEN outcome = 'success' THEN repeat('because ', 10) END, 'm (simulated)', took, CASE WHEN n > 0 AND i % 14 < 2 THEN 5.0 + i % 50 END,
       began, began + interval '40 ms', began + interval '40 ms' + took * interval '1 ms',
       CASE WHEN outcome = 'success' THEN began + interval '300 ms' + took * interval '1 ms' END, began + interval '400 ms' + took * interval '1 ms'
FROM asked
CROSS JOIN generate_series(0, 2) AS n
CROSS JOIN LATERAL (
    SELECT CASE WHEN n = 0 AND i % 14 < 2 THEN 'overload' WHEN fails THEN 'fatal' ELSE 'success' END AS outcome,
           at + n * interval '2 s' AS began, 50.0 + (i * 31 + n * 17) % 900 AS took
) AS x
WHERE n = 0 OR n = 1 AND again OR n = 2 AND i % 14 = 0;

INSERT INTO answers (question_id, submission_id, llm_response, bert_score, first_score, processing_attempts, total_processing_time_ms,
                     accepted_as, accepted_retry_count, model, scorer, retries_quality, scored_at, stored_at)
SELECT question_id, submission_id, repeat('because ', 10), score + again::int * 0.05, score, 1 + again::int, 500,
       CASE WHEN score < 0.5 THEN 'best_attempt' ELSE 'passed' END, again::int, 'm (simulated)', 's', again::int,
       at + interval '4 s', at + interval '4100 ms'
FROM asked WHERE NOT fails;

INSERT INTO failed_questions (question_id, submission_id, retry_count, cause, last_error, last_attempt_timestamp, run_id, failed_at)
SELECT question_id, submission_id, 1, 'refused_by_model', 'no', at, run_id, at + interval '4 s' FROM asked WHERE fails;

INSERT INTO traffic_requests (run_id, request_number, question_id, intended_at, sent_at, first_reply_at, resolved_at, first_status,
                              final_status, source, perceived_ms, real_ms)
SELECT run_id, i / 50 + CASE WHEN g > i THEN 14000 ELSE 0 END, question_id, at, at, at + interval '10 ms', at + interval '5 s',
       CASE WHEN g > i THEN 'found' ELSE 'pending' END, CASE WHEN fails THEN 'failed' ELSE 'answered' END,
       CASE WHEN g > i THEN 'cache' END, 5 + i % 40, 100 + (i * 13) % 9000
FROM generate_series(0, 999999) AS g JOIN asked ON asked.i = g % 700000;

INSERT INTO kafka_samples (time, topic, partition, "group", end_offset, committed_offset, lag)
SELECT timestamptz '2026-03-01 00:00:00+00' + interval '2.9 s' * n, topic, partition, "group", n * 5, n * 5 - n % 60, n % 60
FROM generate_series(0, 29792) AS n
CROSS JOIN (
    VALUES ('questions-pending', 6, 'llm_consumer_service'), ('llm-responses-success', 6, 'flink_score_job'),
           ('llm-responses-error-overload', 3, 'retry_overload_consumer'), ('llm-responses-error-overload', 3, 'storage_persister'),
           ('llm-responses-error-quota', 3, 'retry_quota_consumer'), ('llm-responses-error-quota', 3, 'storage_persister'),
           ('llm-responses-error-fatal', 3, 'storage_persister'), ('validated-responses', 3, 'storage_persister'),
           ('low-quality-responses', 3, 'storage_persister'), ('dead-letters', 1, '')
) AS read (topic, partitions, "group")
CROSS JOIN LATERAL generate_series(0, partitions - 1) AS partition;

INSERT INTO service_samples (time, service, metric, value)
SELECT timestamptz '2026-03-01 00:00:00+00' + interval '15 s' * n, 'service ' || s, metric, value
FROM generate_series(0, 5759) AS n
CROSS JOIN generate_series(1, 9) AS s
CROSS JOIN LATERAL (VALUES ('cpu_seconds', n * 0.5 * s), ('memory_bytes', 1e8 + n)) AS x (metric, value);

INSERT INTO flink_samples (time, metric, value)
SELECT timestamptz '2026-03-01 00:00:00+00' + interval '15 s' * n, 'event_time_lag_ms', 100 + n % 900 FROM generate_series(0, 5759) AS n;

ANALYZE questions, submissions, attempts, answers, failed_questions, traffic_runs, traffic_requests, kafka_samples, service_samples, flink_samples;
