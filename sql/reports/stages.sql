-- Mean time in each stage of the scope's own trips that were answered, by the time the answer was stored; all their attempts count.
WITH times AS (
    SELECT a.submission_id, min(a.waited_ms) AS waiting, min(a.stored_at - a.scored_at) AS store,
           sum(c.llm_started_at - c.enqueued_at) AS queue,
           sum(c.llm_finished_at - c.llm_started_at) AS model,
           sum(c.scored_at - c.llm_finished_at) AS scoring
    FROM answers a
    JOIN trips t ON t.question_id = a.question_id AND t.submission_id = a.submission_id
    LEFT JOIN attempts c ON c.submission_id = a.submission_id
    WHERE NOT t.replayed
      AND a.stored_at >= %(since)s::timestamptz AND a.stored_at < %(until)s::timestamptz
      AND (%(run_id)s::text IS NULL OR t.run_id = %(run_id)s)
    GROUP BY a.submission_id
)
SELECT avg(extract(epoch FROM queue) * 1000)::float8 AS queue_ms,
       avg(extract(epoch FROM model) * 1000)::float8 AS model_ms,
       avg(extract(epoch FROM scoring) * 1000)::float8 AS scoring_ms,
       avg(waiting) AS waiting_ms,
       avg(extract(epoch FROM store) * 1000)::float8 AS store_ms
FROM times
