-- Calls of the scope by the model that answered, replays included.
SELECT coalesce(jsonb_object_agg(model, n ORDER BY model), '{}') AS models
FROM (
    -- A failed call carries the name that was asked for.
    SELECT model, count(*) AS n FROM report_calls WHERE model IS NOT NULL AND outcome = 'success' AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s) GROUP BY model
) AS x
