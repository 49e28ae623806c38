-- The requests, calls and ends that a scope covers, by the time they were intended or stored, into the tables of gathered_tables.sql, those of a run together.
INSERT INTO report_requests
SELECT r.run_id, r.intended_at, r.sent_at, r.resolved_at, r.first_status, r.final_status, r.source, r.perceived_ms, r.real_ms,
       r.question_id IS NOT NULL AND q.question_id IS NULL, r.intended_at < %(since)s::timestamptz
FROM traffic_requests r LEFT JOIN questions q ON q.question_id = r.question_id AND q.run_id = r.run_id
-- A request is awaited for a day and tried for an hour at most: what was open when the scope began was intended after this.
WHERE r.intended_at >= %(since)s::timestamptz - interval '25 hours' AND r.intended_at < %(until)s::timestamptz
  AND (r.intended_at >= %(since)s::timestamptz OR r.resolved_at >= %(since)s::timestamptz)
  AND (%(run_id)s::text IS NULL OR r.run_id = %(run_id)s)
ORDER BY r.run_id;

WITH RECURSIVE again AS (
    -- Replays, and what was sent again in their place.
    SELECT submission_id FROM submissions
    WHERE kind = 'replay' AND submitted_at < %(until)s::timestamptz AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
    UNION ALL
    SELECT s.submission_id FROM submissions s JOIN again ON s.follows = again.submission_id WHERE s.kind = 'requeue'
), mine AS (
    SELECT CASE WHEN s.run_id = a.run_id THEN a.run_id END AS run_id, a.submission_id, a.question_id, a.retry_count, a.outcome, a.error_type,
           a.error_kind, a.model, a.response_time_ms, a.error_pickup_ms, a.bert_score, a.enqueued_at, a.llm_started_at, a.llm_finished_at, a.scored_at, a.stored_at,
           again.submission_id IS NOT NULL AS replayed,
           lag(a.outcome) OVER trip AS before, lead(a.outcome) OVER trip IS NOT NULL AS has_later
    FROM attempts a LEFT JOIN submissions s ON s.submission_id = a.submission_id LEFT JOIN again ON again.submission_id = a.submission_id
    WHERE a.stored_at >= %(since)s::timestamptz AND a.stored_at < %(until)s::timestamptz
      AND (%(run_id)s::text IS NULL OR s.run_id = %(run_id)s AND a.run_id = %(run_id)s)
    WINDOW trip AS (PARTITION BY a.submission_id ORDER BY a.retry_count)
)
INSERT INTO report_calls
SELECT run_id, mine.submission_id, mine.question_id, retry_count, outcome, error_type, error_kind, model, response_time_ms, error_pickup_ms, enqueued_at, llm_started_at,
       llm_finished_at, scored_at, stored_at, replayed,
       CASE WHEN before IS NULL AND retry_count > 0 THEN (
           SELECT b.outcome FROM attempts b
           WHERE b.submission_id = mine.submission_id AND b.retry_count < mine.retry_count
           ORDER BY b.retry_count DESC LIMIT 1
       ) ELSE before END,
       before IS NOT NULL, has_later, p.question_id IS NOT NULL, outcome = 'success' AND bert_score IS NOT NULL AND p.question_id IS NULL
FROM mine
LEFT JOIN (SELECT question_id, submission_id, accepted_retry_count FROM answers WHERE accepted_as = 'passed') AS p
       ON p.question_id = mine.question_id AND p.submission_id = mine.submission_id AND p.accepted_retry_count = mine.retry_count
ORDER BY run_id;

WITH RECURSIVE again AS (
    -- Replays, and what was sent again in their place.
    SELECT submission_id FROM submissions
    WHERE kind = 'replay' AND submitted_at < %(until)s::timestamptz AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
    UNION ALL
    SELECT s.submission_id FROM submissions s JOIN again ON s.follows = again.submission_id WHERE s.kind = 'requeue'
), mine AS (
    SELECT s.run_id, a.submission_id, a.accepted_as, a.first_score, a.bert_score, a.retries_quality, a.waited_ms, a.scored_at, a.stored_at
    FROM answers a LEFT JOIN submissions s ON s.submission_id = a.submission_id
    WHERE a.stored_at >= %(since)s::timestamptz AND a.stored_at < %(until)s::timestamptz
      AND (%(run_id)s::text IS NULL OR s.run_id = %(run_id)s)
      AND NOT EXISTS (SELECT FROM again WHERE again.submission_id = a.submission_id)
), times AS (
    SELECT mine.submission_id,
           sum(c.llm_started_at - c.enqueued_at) AS queue,
           sum(c.llm_finished_at - c.llm_started_at) AS model,
           sum(c.scored_at - c.llm_finished_at) AS scoring
    FROM mine JOIN attempts c ON c.submission_id = mine.submission_id AND (%(run_id)s::text IS NULL OR c.run_id = %(run_id)s)
    GROUP BY mine.submission_id
)
INSERT INTO report_answers
SELECT mine.*, times.queue, times.model, times.scoring FROM mine LEFT JOIN times ON times.submission_id = mine.submission_id ORDER BY run_id;

WITH RECURSIVE again AS (
    -- Replays, and what was sent again in their place.
    SELECT submission_id FROM submissions
    WHERE kind = 'replay' AND submitted_at < %(until)s::timestamptz AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
    UNION ALL
    SELECT s.submission_id FROM submissions s JOIN again ON s.follows = again.submission_id WHERE s.kind = 'requeue'
)
INSERT INTO report_failures
SELECT CASE WHEN s.run_id = f.run_id THEN f.run_id END, f.submission_id, f.cause
FROM failed_questions f LEFT JOIN submissions s ON s.submission_id = f.submission_id
WHERE f.failed_at >= %(since)s::timestamptz AND f.failed_at < %(until)s::timestamptz
  AND (%(run_id)s::text IS NULL OR s.run_id = %(run_id)s AND f.run_id = %(run_id)s)
  AND NOT EXISTS (SELECT FROM again WHERE again.submission_id = f.submission_id);

ANALYZE report_requests, report_calls, report_answers, report_failures
