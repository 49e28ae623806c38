-- Calls of the scope by the model that answered, replays included, by the time they were stored.
SELECT coalesce(jsonb_object_agg(model, n ORDER BY model), '{}') AS models
FROM (
    SELECT model, count(*) AS n FROM attempts a
    WHERE model IS NOT NULL AND outcome = 'success' -- a failed call carries the name that was asked for
      AND a.stored_at >= %(since)s::timestamptz AND a.stored_at < %(until)s::timestamptz
      AND (%(run_id)s::text IS NULL OR a.run_id = %(run_id)s)
    GROUP BY model
) AS x
