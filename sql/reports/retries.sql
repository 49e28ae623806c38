-- Model calls that the scope's own trips made again, by cause and by the time they were stored, and how many of them succeeded.
WITH RECURSIVE again AS (
    -- Replays, and what was sent again in their place.
    SELECT submission_id FROM submissions
    WHERE kind = 'replay' AND submitted_at < %(until)s::timestamptz AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
    UNION ALL
    SELECT s.submission_id FROM submissions s JOIN again ON s.follows = again.submission_id WHERE s.kind = 'requeue'
), mine AS (
    SELECT a.submission_id, a.question_id, a.retry_count, a.outcome,
           lag(a.outcome) OVER (PARTITION BY a.submission_id ORDER BY a.retry_count) AS before
    FROM attempts a LEFT JOIN submissions s ON s.submission_id = a.submission_id
    WHERE a.stored_at >= %(since)s::timestamptz AND a.stored_at < %(until)s::timestamptz
      AND (%(run_id)s::text IS NULL OR s.run_id = %(run_id)s AND a.run_id = %(run_id)s)
      AND NOT EXISTS (SELECT FROM again WHERE again.submission_id = a.submission_id)
), retries AS (
    -- An attempt is made again for what became of the one before it, which another day may hold.
    SELECT submission_id, question_id, retry_count, outcome,
           CASE WHEN before IS NOT NULL THEN before ELSE (
               SELECT b.outcome FROM attempts b
               WHERE b.submission_id = mine.submission_id AND b.retry_count < mine.retry_count
               ORDER BY b.retry_count DESC LIMIT 1
           ) END AS before
    FROM mine WHERE retry_count > 0
), by_cause AS (
    SELECT CASE before WHEN 'success' THEN 'quality' ELSE before END AS cause,
           count(*) AS made,
           count(*) FILTER (WHERE CASE before WHEN 'success' THEN passed.question_id IS NOT NULL ELSE outcome = 'success' END) AS succeeded
    FROM retries
    LEFT JOIN answers passed
           ON passed.question_id = retries.question_id AND passed.submission_id = retries.submission_id
          AND passed.accepted_as = 'passed' AND passed.accepted_retry_count = retries.retry_count
    WHERE before IS NOT NULL
    GROUP BY cause
)
SELECT coalesce(jsonb_object_agg(cause, jsonb_build_object('made', made, 'succeeded', succeeded)), '{}') AS retries FROM by_cause
