-- Scores of the answers of the scope's own trips, by the time they were stored. First: of the first scored attempt.
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
FROM mine
