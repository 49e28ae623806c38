-- What became of a run's failures that were asked again, by replay or because a replay was lost.
WITH RECURSIVE again AS (
    SELECT submission_id FROM submissions WHERE run_id = %(run_id)s AND kind = 'replay'
    UNION
    SELECT s.submission_id FROM submissions s JOIN again r ON s.follows = r.submission_id
)
SELECT count(*) AS submitted, count(a.submission_id) AS answered, count(f.submission_id) AS failed
FROM again LEFT JOIN answers a USING (submission_id) LEFT JOIN failed_questions f USING (submission_id)
