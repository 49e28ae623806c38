-- Calls again of the scope's own trips, by cause: how many were needed (by the time of the call that needed it), made, and succeeded (by
-- that of the call made again). What is needed is not made where the tries are used up.
WITH calls AS (
    SELECT outcome, before, passed, low FROM report_calls WHERE NOT replayed AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
), needed AS (
    SELECT CASE outcome WHEN 'success' THEN 'quality' ELSE outcome END AS cause, count(*) AS needed
    FROM calls WHERE outcome IN ('overload', 'quota') OR low
    GROUP BY cause
), made AS (
    -- A call is made again for what became of the one before it.
    SELECT CASE before WHEN 'success' THEN 'quality' ELSE before END AS cause,
           count(*) AS made,
           count(*) FILTER (WHERE CASE before WHEN 'success' THEN passed ELSE outcome = 'success' END) AS succeeded
    FROM calls WHERE before IS NOT NULL
    GROUP BY cause
)
SELECT coalesce(jsonb_object_agg(
    cause, jsonb_build_object('needed', coalesce(needed, 0), 'made', coalesce(made, 0), 'succeeded', coalesce(succeeded, 0))
), '{}') AS retries
FROM needed FULL JOIN made USING (cause)
