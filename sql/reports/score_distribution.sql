-- How many answers of the scope's own trips have a first and a final score in each bin; what lies outside counts in the outermost.
SELECT line, greatest(1, least(width_bucket(score, %(edges)s::float8[]), cardinality(%(edges)s::float8[]) - 1)) - 1 AS bin, count(*) AS n
FROM answers a
JOIN trips t ON t.question_id = a.question_id AND t.submission_id = a.submission_id
CROSS JOIN LATERAL (VALUES ('first', a.first_score), ('final', a.bert_score)) AS scores (line, score)
WHERE NOT t.replayed AND score IS NOT NULL
  AND a.stored_at >= %(since)s::timestamptz AND a.stored_at < %(until)s::timestamptz
  AND (%(run_id)s::text IS NULL OR t.run_id = %(run_id)s)
GROUP BY line, bin
