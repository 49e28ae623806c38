-- The run's own trips: first submissions, and what was sent again in their place because it was lost.
WITH RECURSIVE trips AS (
    SELECT submission_id FROM submissions WHERE run_id = %(run_id)s AND kind = 'first'
    UNION ALL
    SELECT s.submission_id FROM submissions s JOIN trips t ON s.follows = t.submission_id WHERE s.kind = 'requeue'
)
SELECT coalesce(jsonb_object_agg(cause, n), '{}') AS counts
FROM (SELECT cause, count(*) AS n FROM failed_questions JOIN trips USING (submission_id) GROUP BY cause) AS x
