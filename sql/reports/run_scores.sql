-- The run's own trips: first submissions, and what was sent again in their place because it was lost.
WITH RECURSIVE trips AS (
    SELECT submission_id FROM submissions WHERE run_id = %(run_id)s AND kind = 'first'
    UNION ALL
    SELECT s.submission_id FROM submissions s JOIN trips t ON s.follows = t.submission_id WHERE s.kind = 'requeue'
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
       avg(bert_score - first_score) FILTER (WHERE retries_quality > 0) AS mean_improvement
FROM answers JOIN trips USING (submission_id)
