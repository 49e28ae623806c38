-- Model calls of the scope's own trips, by the time they were stored: outcomes, errors, latency, calls in flight.
WITH RECURSIVE again AS (
    -- Replays, and what was sent again in their place.
    SELECT submission_id FROM submissions
    WHERE kind = 'replay' AND submitted_at < %(until)s::timestamptz AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
    UNION ALL
    SELECT s.submission_id FROM submissions s JOIN again ON s.follows = again.submission_id WHERE s.kind = 'requeue'
), mine AS (
    SELECT a.retry_count, a.outcome, a.error_type, a.model, a.response_time_ms, a.llm_started_at, a.llm_finished_at
    FROM attempts a LEFT JOIN submissions s ON s.submission_id = a.submission_id
    WHERE a.stored_at >= %(since)s::timestamptz AND a.stored_at < %(until)s::timestamptz
      AND (%(run_id)s::text IS NULL OR s.run_id = %(run_id)s AND a.run_id = %(run_id)s)
      AND NOT EXISTS (SELECT FROM again WHERE again.submission_id = a.submission_id)
), latency AS (
    SELECT percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99, 1]) WITHIN GROUP (ORDER BY response_time_ms) AS p FROM mine WHERE outcome = 'success'
), kinds AS (
    SELECT outcome, coalesce(error_type, outcome) AS error, model, retry_count > 0 AS again, count(*) AS n,
           min(llm_started_at) AS first_started_at, max(llm_finished_at) AS last_finished_at, sum(llm_finished_at - llm_started_at) AS took
    FROM mine GROUP BY 1, 2, 3, 4
)
SELECT coalesce(sum(n), 0)::bigint AS total,
       coalesce(sum(n) FILTER (WHERE again), 0)::bigint AS extra,
       (SELECT coalesce(jsonb_object_agg(model, n), '{}')
        FROM (SELECT model, sum(n) AS n FROM kinds WHERE model IS NOT NULL AND outcome = 'success' GROUP BY 1) AS x) AS models,
       (SELECT coalesce(jsonb_object_agg(outcome, n), '{}') FROM (SELECT outcome, sum(n) AS n FROM kinds GROUP BY 1) AS x) AS outcomes,
       (SELECT coalesce(jsonb_object_agg(error, n), '{}')
        FROM (SELECT error, sum(n) AS n FROM kinds WHERE outcome <> 'success' GROUP BY 1) AS x) AS errors,
       (SELECT jsonb_build_object('p50', p[1], 'p90', p[2], 'p95', p[3], 'p99', p[4], 'max', p[5]) FROM latency) AS latency,
       min(first_started_at) AS first_started_at,
       max(last_finished_at) AS last_finished_at,
       (extract(epoch FROM sum(took))
        / nullif(extract(epoch FROM max(last_finished_at) - min(first_started_at)), 0))::float8 AS mean_in_flight
FROM kinds
