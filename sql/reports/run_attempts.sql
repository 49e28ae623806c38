-- The run's own trips: first submissions, and what was sent again in their place because it was lost.
WITH RECURSIVE trips AS (
    SELECT submission_id FROM submissions WHERE run_id = %(run_id)s AND kind = 'first'
    UNION ALL
    SELECT s.submission_id FROM submissions s JOIN trips t ON s.follows = t.submission_id WHERE s.kind = 'requeue'
), mine AS (
    SELECT a.*, lag(a.outcome) OVER (PARTITION BY a.submission_id ORDER BY a.retry_count) AS before
    FROM attempts a JOIN trips USING (submission_id)
), retries AS (
    -- An attempt is made again for what became of the one before it.
    SELECT CASE before WHEN 'success' THEN 'quality' ELSE before END AS cause,
           count(*) AS made,
           count(*) FILTER (WHERE CASE before WHEN 'success' THEN passed.submission_id IS NOT NULL ELSE outcome = 'success' END) AS succeeded
    FROM mine
    LEFT JOIN answers passed
           ON passed.submission_id = mine.submission_id AND passed.accepted_as = 'passed' AND passed.accepted_retry_count = mine.retry_count
    WHERE before IS NOT NULL
    GROUP BY cause
)
SELECT count(*) AS total,
       count(*) FILTER (WHERE retry_count > 0) AS extra,
       (SELECT coalesce(jsonb_object_agg(model, n), '{}')
        FROM (SELECT model, count(*) AS n FROM mine WHERE model IS NOT NULL GROUP BY 1) AS x) AS models,
       (SELECT coalesce(jsonb_object_agg(cause, jsonb_build_object('made', made, 'succeeded', succeeded)), '{}') FROM retries) AS retries
FROM mine
