-- Scores of the answers of the scope's own trips, by the time they were stored. First: of the first scored attempt.
-- Bins: how many first and final scores lie between two edges; what lies outside counts in the outermost.
WITH mine AS (
    SELECT accepted_as, first_score, bert_score, retries_quality FROM report_answers WHERE (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
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
       avg(first_score) FILTER (WHERE retries_quality > 0) AS regenerated_mean_first,
       avg(bert_score) FILTER (WHERE retries_quality > 0) AS regenerated_mean_final,
       avg(bert_score - first_score) FILTER (WHERE retries_quality > 0) AS mean_improvement,
       (SELECT coalesce(jsonb_agg(bins), '[]') FROM bins) AS bins
FROM mine
