-- The scope's requests, by the time they were intended: by first reply, by end, and how long both took.
-- Bins: how many latencies lie between two edges; what lies outside counts in the outermost.
WITH mine AS (
    SELECT intended_at, sent_at, resolved_at, first_status, final_status, source, perceived_ms, real_ms, reused
    FROM report_requests WHERE NOT earlier AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
), perceived AS (
    SELECT percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99, 1]) WITHIN GROUP (ORDER BY perceived_ms) AS p FROM mine
), answered AS (
    SELECT percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99, 1]) WITHIN GROUP (ORDER BY real_ms) AS p FROM mine WHERE final_status = 'answered'
), kinds AS (
    SELECT first_status, coalesce(final_status, 'unresolved') AS final_status, source, reused,
           count(*) AS n, count(sent_at) AS sent, count(resolved_at) AS ended,
           min(intended_at) AS first_intended_at, max(sent_at) AS last_sent_at, max(resolved_at) AS last_resolved_at
    FROM mine GROUP BY 1, 2, 3, 4
), bins AS (
    SELECT line, greatest(1, least(width_bucket(ms, %(edges)s::float8[]), cardinality(%(edges)s::float8[]) - 1)) - 1 AS bin, count(*) AS n
    FROM mine
    CROSS JOIN LATERAL (
        VALUES ('perceived', perceived_ms), ('real', CASE WHEN final_status = 'answered' THEN real_ms END)
    ) AS latencies (line, ms)
    WHERE ms IS NOT NULL
    GROUP BY line, bin
)
SELECT coalesce(sum(n), 0)::bigint AS total,
       (SELECT coalesce(jsonb_object_agg(first_status, n), '{}')
        FROM (SELECT first_status, sum(n) AS n FROM kinds WHERE first_status IS NOT NULL GROUP BY 1) AS x) AS first,
       (SELECT coalesce(jsonb_object_agg(final_status, n), '{}') FROM (SELECT final_status, sum(n) AS n FROM kinds GROUP BY 1) AS x) AS final,
       coalesce(sum(n) FILTER (WHERE source = 'cache'), 0)::bigint AS from_cache,
       coalesce(sum(n) FILTER (WHERE source = 'database'), 0)::bigint AS from_database,
       coalesce(sum(n) FILTER (WHERE reused), 0)::bigint AS reused,
       (SELECT jsonb_build_object('p50', p[1], 'p90', p[2], 'p95', p[3], 'p99', p[4], 'max', p[5]) FROM perceived) AS perceived,
       (SELECT jsonb_build_object('p50', p[1], 'p90', p[2], 'p95', p[3], 'p99', p[4], 'max', p[5]) FROM answered) AS real,
       (SELECT avg(perceived_ms)::float8 FROM mine) AS mean_perceived,
       (SELECT avg(real_ms)::float8 FROM mine WHERE final_status = 'answered') AS mean_real,
       (SELECT coalesce(jsonb_agg(bins), '[]') FROM bins) AS bins,
       extract(epoch FROM max(last_resolved_at) - min(first_intended_at))::float8 AS duration_s,
       (sum(sent) / nullif(extract(epoch FROM max(last_sent_at) - min(first_intended_at)), 0))::float8 AS sent_per_s,
       (sum(ended) / nullif(extract(epoch FROM max(last_resolved_at) - min(first_intended_at)), 0))::float8 AS ended_per_s,
       (coalesce(sum(ended) FILTER (WHERE first_status = 'pending'), 0)
        / nullif(extract(epoch FROM max(last_resolved_at) - min(first_intended_at)), 0))::float8 AS asked_per_s
FROM kinds
