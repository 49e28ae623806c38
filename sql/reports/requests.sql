-- The scope's requests, by the time they were intended: by first reply, by end, and how long both took.
WITH mine AS (
    SELECT r.question_id, r.intended_at, r.sent_at, r.resolved_at, r.first_status, r.final_status, r.source, r.perceived_ms, r.real_ms,
           q.question_id IS NULL AS elsewhere
    FROM traffic_requests r LEFT JOIN questions q ON q.question_id = r.question_id AND q.run_id = r.run_id
    WHERE r.intended_at >= %(since)s::timestamptz AND r.intended_at < %(until)s::timestamptz
      AND (%(run_id)s::text IS NULL OR r.run_id = %(run_id)s)
), perceived AS (
    SELECT percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99, 1]) WITHIN GROUP (ORDER BY perceived_ms) AS p FROM mine
), answered AS (
    SELECT percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99, 1]) WITHIN GROUP (ORDER BY real_ms) AS p FROM mine WHERE final_status = 'answered'
), span AS (
    SELECT extract(epoch FROM max(resolved_at) - min(intended_at))::float8 AS ended_s,
           extract(epoch FROM max(sent_at) - min(intended_at))::float8 AS sent_s
    FROM mine
)
SELECT count(*) AS total,
       (SELECT coalesce(jsonb_object_agg(first_status, n), '{}')
        FROM (SELECT first_status, count(*) AS n FROM mine WHERE first_status IS NOT NULL GROUP BY 1) AS x) AS first,
       (SELECT coalesce(jsonb_object_agg(status, n), '{}')
        FROM (SELECT coalesce(final_status, 'unresolved') AS status, count(*) AS n FROM mine GROUP BY 1) AS x) AS final,
       count(*) FILTER (WHERE source = 'cache') AS from_cache,
       count(*) FILTER (WHERE source = 'database') AS from_database,
       count(*) FILTER (WHERE elsewhere AND question_id IS NOT NULL) AS reused,
       (SELECT jsonb_build_object('p50', p[1], 'p90', p[2], 'p95', p[3], 'p99', p[4], 'max', p[5]) FROM perceived) AS perceived,
       (SELECT jsonb_build_object('p50', p[1], 'p90', p[2], 'p95', p[3], 'p99', p[4], 'max', p[5]) FROM answered) AS real,
       (SELECT ended_s FROM span) AS duration_s,
       (count(sent_at) / nullif((SELECT sent_s FROM span), 0))::float8 AS sent_per_s,
       (count(resolved_at) / nullif((SELECT ended_s FROM span), 0))::float8 AS ended_per_s
FROM mine
