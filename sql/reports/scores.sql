-- Scores of the answers of the scope's own trips, by the time they were stored. First: of the first scored attempt.
SELECT count(*) AS answered,
       count(a.bert_score) AS scored,
       count(*) FILTER (WHERE a.accepted_as = 'unscored') AS unscored,
       count(*) FILTER (WHERE a.accepted_as = 'best_attempt') AS best_attempts,
       avg(a.first_score) AS mean_first,
       avg(a.bert_score) AS mean_final,
       count(*) FILTER (WHERE a.retries_quality > 0) AS regenerated,
       count(*) FILTER (WHERE a.retries_quality > 0)::float8 / nullif(count(a.bert_score), 0) AS regeneration_rate,
       count(*) FILTER (WHERE a.retries_quality > 0 AND a.bert_score > a.first_score) AS helped,
       avg(a.bert_score - a.first_score) FILTER (WHERE a.retries_quality > 0) AS mean_improvement
FROM answers a JOIN trips t ON t.question_id = a.question_id AND t.submission_id = a.submission_id
WHERE NOT t.replayed
  AND a.stored_at >= %(since)s::timestamptz AND a.stored_at < %(until)s::timestamptz
  AND (%(run_id)s::text IS NULL OR t.run_id = %(run_id)s)
