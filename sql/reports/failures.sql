-- Failures of the scope's own trips, by cause and by the time they were stored.
SELECT coalesce(jsonb_object_agg(cause, n), '{}') AS counts
FROM (
    SELECT f.cause, count(*) AS n
    FROM failed_questions f JOIN trips t ON t.submission_id = f.submission_id
    WHERE NOT t.replayed
      AND f.failed_at >= %(since)s::timestamptz AND f.failed_at < %(until)s::timestamptz
      AND (%(run_id)s::text IS NULL OR t.run_id = %(run_id)s)
    GROUP BY f.cause
) AS x
