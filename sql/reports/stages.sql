-- Mean time in each stage of the scope's own trips that were answered, by the time the answer was stored; all their attempts count.
SELECT avg(extract(epoch FROM queue) * 1000)::float8 AS queue_ms,
       avg(extract(epoch FROM model) * 1000)::float8 AS model_ms,
       avg(extract(epoch FROM scoring) * 1000)::float8 AS scoring_ms,
       avg(waited_ms) AS waiting_ms,
       avg(extract(epoch FROM stored_at - scored_at) * 1000)::float8 AS store_ms
FROM report_answers WHERE (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
