-- Trips of the scope that asked failures again, by replay or because a replay was lost, by the time they were submitted; and their ends.
WITH RECURSIVE again AS (
    -- Replays, and what was sent again in their place.
    SELECT submission_id FROM submissions
    WHERE kind = 'replay' AND submitted_at < %(until)s::timestamptz AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
    UNION ALL
    SELECT s.submission_id FROM submissions s JOIN again ON s.follows = again.submission_id WHERE s.kind = 'requeue'
)
SELECT count(*) AS submitted, count(a.question_id) AS answered, count(f.question_id) AS failed
FROM again JOIN submissions s USING (submission_id)
LEFT JOIN answers a ON a.question_id = s.question_id AND a.submission_id = s.submission_id
LEFT JOIN failed_questions f ON f.question_id = s.question_id AND f.submission_id = s.submission_id
WHERE s.submitted_at >= %(since)s::timestamptz AND s.submitted_at < %(until)s::timestamptz
