-- Failures of the scope's own trips, by cause and by the time they were stored.
WITH RECURSIVE again AS (
    -- Replays, and what was sent again in their place.
    SELECT submission_id FROM submissions
    WHERE kind = 'replay' AND submitted_at < %(until)s::timestamptz AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
    UNION ALL
    SELECT s.submission_id FROM submissions s JOIN again ON s.follows = again.submission_id WHERE s.kind = 'requeue'
)
SELECT coalesce(jsonb_object_agg(cause, n), '{}') AS counts
FROM (
    SELECT f.cause, count(*) AS n
    FROM failed_questions f LEFT JOIN submissions s ON s.submission_id = f.submission_id
    WHERE f.failed_at >= %(since)s::timestamptz AND f.failed_at < %(until)s::timestamptz
      AND (%(run_id)s::text IS NULL OR s.run_id = %(run_id)s AND f.run_id = %(run_id)s)
      AND NOT EXISTS (SELECT FROM again WHERE again.submission_id = f.submission_id)
    GROUP BY f.cause
) AS x
