-- Model calls that the scope's own trips made again, by cause and by the time they were stored, and how many of them succeeded.
WITH mine AS (
    SELECT a.submission_id, a.question_id, a.retry_count, a.outcome
    FROM attempts a JOIN trips t ON t.submission_id = a.submission_id
    WHERE NOT t.replayed AND a.retry_count > 0
      AND a.stored_at >= %(since)s::timestamptz AND a.stored_at < %(until)s::timestamptz
      AND (%(run_id)s::text IS NULL OR t.run_id = %(run_id)s)
), retries AS (
    -- An attempt is made again for what became of the one before it, which another day may hold.
    SELECT CASE before.outcome WHEN 'success' THEN 'quality' ELSE before.outcome END AS cause,
           count(*) AS made,
           count(*) FILTER (WHERE CASE before.outcome WHEN 'success' THEN passed.question_id IS NOT NULL
                                                      ELSE mine.outcome = 'success' END) AS succeeded
    FROM mine
    CROSS JOIN LATERAL (
        SELECT b.outcome FROM attempts b
        WHERE b.submission_id = mine.submission_id AND b.retry_count < mine.retry_count
        ORDER BY b.retry_count DESC LIMIT 1
    ) AS before
    LEFT JOIN answers passed
           ON passed.question_id = mine.question_id AND passed.submission_id = mine.submission_id
          AND passed.accepted_as = 'passed' AND passed.accepted_retry_count = mine.retry_count
    GROUP BY cause
)
SELECT coalesce(jsonb_object_agg(cause, jsonb_build_object('made', made, 'succeeded', succeeded)), '{}') AS retries FROM retries
