-- Scores of the answers of the scope's own trips, by the time they were stored. First: of the first scored attempt.
-- Bins: how many first and final scores lie between two edges; what lies outside counts in the outermost.
WITH RECURSIVE again AS (
    -- Replays, and what was sent again in their place.
    SELECT submission_id FROM submissions
    WHERE kind = 'replay' AND submitted_at < %(until)s::timestamptz AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
    UNION ALL
    SELECT s.submission_id FROM submissions s JOIN again ON s.follows = again.submission_id WHERE s.kind = 'requeue'
), mine AS (
    SELECT a.accepted_as, a.first_score, a.bert_score, a.retries_quality
    FROM answers a LEFT JOIN submissions s ON s.submission_id = a.submission_id
    WHERE a.stored_at >= %(since)s::timestamptz AND a.stored_at < %(until)s::timestamptz
      AND (%(run_id)s::text IS NULL OR s.run_id = %(run_id)s)
      AND NOT EXISTS (SELECT FROM again WHERE again.submission_id = a.submission_id)
), bins AS (
    SELECT line, greatest(1, least(width_bucket(score, %(edges)s::float8[]), cardinality(%(edges)s::float8[]) - 1)) - 1 AS bin, count(*) AS n
    FROM mine CROSS JOIN LATERAL (VALUES ('first', first_score), ('final', bert_score)) AS scores (line, score)
    WHERE score IS NOT NULL
    GROUP BY line, bin
)
SELECT count(*) AS answered,
       count(bert_score) AS scored,
       count(*) FILTER (WHERE accepted_as = 'unscored') AS unscored,
       count(*) FILTER (WHERE accepted_as = 'best_attempt') AS best_attempts,
       avg(first_score) AS mean_first,
       avg(bert_score) AS mean_final,
       count(*) FILTER (WHERE retries_quality > 0) AS regenerated,
       count(*) FILTER (WHERE retries_quality > 0)::float8 / nullif(count(bert_score), 0) AS regeneration_rate,
       count(*) FILTER (WHERE retries_quality > 0 AND bert_score > first_score) AS helped,
       avg(bert_score - first_score) FILTER (WHERE retries_quality > 0) AS mean_improvement,
       (SELECT coalesce(jsonb_agg(bins), '[]') FROM bins) AS bins
FROM mine
