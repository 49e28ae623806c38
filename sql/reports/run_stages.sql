-- The run's own trips: first submissions, and what was sent again in their place because it was lost.
WITH RECURSIVE trips AS (
    SELECT submission_id FROM submissions WHERE run_id = %(run_id)s AND kind = 'first'
    UNION ALL
    SELECT s.submission_id FROM submissions s JOIN trips t ON s.follows = t.submission_id WHERE s.kind = 'requeue'
), times AS (
    SELECT a.submission_id, min(a.waited_ms) AS waiting, min(a.stored_at - a.scored_at) AS store,
           sum(t.llm_started_at - t.enqueued_at) AS queue,
           sum(t.llm_finished_at - t.llm_started_at) AS model,
           sum(t.scored_at - t.llm_finished_at) AS scoring
    FROM answers a JOIN trips USING (submission_id) LEFT JOIN attempts t USING (submission_id)
    GROUP BY a.submission_id
)
SELECT avg(extract(epoch FROM queue) * 1000)::float8 AS queue_ms,
       avg(extract(epoch FROM model) * 1000)::float8 AS model_ms,
       avg(extract(epoch FROM scoring) * 1000)::float8 AS scoring_ms,
       avg(waiting) AS waiting_ms,
       avg(extract(epoch FROM store) * 1000)::float8 AS store_ms
FROM times
