-- Model calls that the scope's own trips made again, by cause and by the time they were stored, and how many of them succeeded.
WITH by_cause AS (
    -- A call is made again for what became of the one before it.
    SELECT CASE before WHEN 'success' THEN 'quality' ELSE before END AS cause,
           count(*) AS made,
           count(*) FILTER (WHERE CASE before WHEN 'success' THEN passed ELSE outcome = 'success' END) AS succeeded
    FROM report_calls
    WHERE before IS NOT NULL AND NOT replayed AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
    GROUP BY cause
)
SELECT coalesce(jsonb_object_agg(cause, jsonb_build_object('made', made, 'succeeded', succeeded)), '{}') AS retries FROM by_cause
