-- Failures of the scope's own trips, by cause and by the time they were stored.
SELECT coalesce(jsonb_object_agg(cause, n), '{}') AS counts
FROM (SELECT cause, count(*) AS n FROM report_failures WHERE (%(run_id)s::text IS NULL OR run_id = %(run_id)s) GROUP BY cause) AS x
