-- Trips of the scope that asked failures again, by replay or because a replay was lost, by the time they were submitted; and their ends.
SELECT count(*) AS submitted, count(a.question_id) AS answered, count(f.question_id) AS failed
FROM trips t
LEFT JOIN answers a ON a.question_id = t.question_id AND a.submission_id = t.submission_id
LEFT JOIN failed_questions f ON f.question_id = t.question_id AND f.submission_id = t.submission_id
WHERE t.kind <> 'first' AND t.replayed
  AND t.submitted_at >= %(since)s::timestamptz AND t.submitted_at < %(until)s::timestamptz
  AND (%(run_id)s::text IS NULL OR t.run_id = %(run_id)s)
