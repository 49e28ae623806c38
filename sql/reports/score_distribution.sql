-- How many answers of the scope's own trips have a first and a final score in each bin; what lies outside counts in the outermost.
WITH RECURSIVE again AS (
    -- Replays, and what was sent again in their place.
    SELECT submission_id FROM submissions
    WHERE kind = 'replay' AND submitted_at < %(until)s::timestamptz AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
    UNION ALL
    SELECT s.submission_id FROM submissions s JOIN again ON s.follows = again.submission_id WHERE s.kind = 'requeue'
), mine AS (
    SELECT a.first_score, a.bert_score
    FROM answers a LEFT JOIN submissions s ON s.submission_id = a.submission_id
    WHERE a.stored_at >= %(since)s::timestamptz AND a.stored_at < %(until)s::timestamptz
      AND (%(run_id)s::text IS NULL OR s.run_id = %(run_id)s)
      AND NOT EXISTS (SELECT FROM again WHERE again.submission_id = a.submission_id)
)
SELECT line, greatest(1, least(width_bucket(score, %(edges)s::float8[]), cardinality(%(edges)s::float8[]) - 1)) - 1 AS bin, count(*) AS n
FROM mine CROSS JOIN LATERAL (VALUES ('first', first_score), ('final', bert_score)) AS scores (line, score)
WHERE score IS NOT NULL
GROUP BY line, bin
