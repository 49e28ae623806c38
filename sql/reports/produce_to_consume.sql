-- How long a message took from its producer to its consumer, by topic, of the scope's own trips: until the model was asked, the answer was
-- scored, the result was stored; an error also until its retry consumer took it, by the time of the call that followed. A topic stands where one of its messages is known by both times.
WITH calls AS (
    SELECT outcome, before, low, error_pickup_ms, enqueued_at, llm_started_at, llm_finished_at, scored_at, stored_at
    FROM report_calls WHERE NOT replayed AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
), passed AS (
    SELECT scored_at, stored_at FROM report_answers WHERE accepted_as = 'passed' AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
), messages AS (
    SELECT %(pending)s AS topic, llm_started_at - enqueued_at AS took FROM calls
    UNION ALL
    SELECT %(success)s, scored_at - llm_finished_at FROM calls WHERE outcome = 'success'
    UNION ALL
    SELECT CASE outcome WHEN 'overload' THEN %(overload)s WHEN 'quota' THEN %(quota)s ELSE %(fatal)s END, stored_at - llm_finished_at
    FROM calls WHERE outcome <> 'success'
    UNION ALL
    SELECT CASE before WHEN 'overload' THEN %(retry_overload)s ELSE %(retry_quota)s END, error_pickup_ms * interval '1 millisecond'
    FROM calls WHERE before IN ('overload', 'quota')
    UNION ALL
    SELECT %(low_quality)s, stored_at - scored_at FROM calls WHERE low
    UNION ALL
    SELECT %(validated)s, stored_at - scored_at FROM passed
)
SELECT topic, p[1] AS p50, p[2] AS p90, p[3] AS p95, p[4] AS p99, p[5] AS max
FROM (
    SELECT topic, percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99, 1]) WITHIN GROUP (ORDER BY extract(epoch FROM took)::float8 * 1000) AS p
    FROM messages WHERE took IS NOT NULL GROUP BY topic
) AS by_topic
ORDER BY topic
