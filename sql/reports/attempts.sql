-- Model calls of the scope's own trips, by the time they were stored: outcomes, errors, latency, calls in flight.
WITH mine AS (
    SELECT retry_count, outcome, error_type, error_kind, model, response_time_ms, llm_started_at, llm_finished_at FROM report_calls
    WHERE NOT replayed AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
), latency AS (
    SELECT outcome = 'success' AS succeeded, avg(response_time_ms)::float8 AS mean,
           percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99, 1]) WITHIN GROUP (ORDER BY response_time_ms) AS p
    FROM mine GROUP BY GROUPING SETS ((1), ()) -- both, and all together: of neither
), kinds AS (
    SELECT outcome, coalesce(error_type, outcome) AS error, coalesce(error_kind, 'not told') AS kind, model, retry_count > 0 AS again, count(*) AS n,
           min(llm_started_at) AS first_started_at, max(llm_finished_at) AS last_finished_at, sum(llm_finished_at - llm_started_at) AS took
    FROM mine GROUP BY 1, 2, 3, 4, 5
)
SELECT coalesce(sum(n), 0)::bigint AS total,
       coalesce(sum(n) FILTER (WHERE again), 0)::bigint AS extra,
       (SELECT coalesce(jsonb_object_agg(model, n), '{}')
        FROM (SELECT model, sum(n) AS n FROM kinds WHERE model IS NOT NULL AND outcome = 'success' GROUP BY 1) AS x) AS models,
       (SELECT coalesce(jsonb_object_agg(outcome, n), '{}') FROM (SELECT outcome, sum(n) AS n FROM kinds GROUP BY 1) AS x) AS outcomes,
       (SELECT coalesce(jsonb_object_agg(error, n), '{}')
        FROM (SELECT error, sum(n) AS n FROM kinds WHERE outcome <> 'success' GROUP BY 1) AS x) AS errors,
       (SELECT coalesce(jsonb_object_agg(kind, n), '{}')
        FROM (SELECT kind, sum(n) AS n FROM kinds WHERE outcome = 'overload' GROUP BY 1) AS x) AS overloads,
       (SELECT jsonb_object_agg(of_calls, jsonb_build_object('mean', mean, 'p50', p[1], 'p90', p[2], 'p95', p[3], 'p99', p[4], 'max', p[5]))
        FROM (SELECT CASE succeeded WHEN true THEN 'succeeded' WHEN false THEN 'failed' ELSE 'all' END AS of_calls, mean, p FROM latency) AS x
       ) AS latencies,
       min(first_started_at) AS first_started_at,
       max(last_finished_at) AS last_finished_at,
       (extract(epoch FROM sum(took))
        / nullif(extract(epoch FROM max(last_finished_at) - min(first_started_at)), 0))::float8 AS mean_in_flight
FROM kinds
