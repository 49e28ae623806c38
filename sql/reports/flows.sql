-- What went from where to where in the loop: requests that no trip was needed for, then the calls and ends of the scope's own trips.
WITH calls AS (
    SELECT submission_id, outcome, retry_count, has_earlier, has_later FROM report_calls WHERE NOT replayed AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
), ends AS (
    SELECT submission_id, replace(accepted_as, '_', ' ') AS how FROM report_answers WHERE (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
    UNION ALL
    SELECT submission_id, 'failed' FROM report_failures WHERE (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
), last AS (
    -- A trip that went on after the scope has a last call here and no end; one that only ended here has an end and no call.
    SELECT coalesce(c.outcome, 'begun before') AS outcome, coalesce(ends.how, 'under way') AS how, count(*) AS n
    FROM (SELECT submission_id, outcome FROM calls WHERE NOT has_later) c FULL JOIN ends USING (submission_id)
    GROUP BY 1, 2
), by_call AS (
    SELECT outcome, retry_count > 0 AS again, has_earlier, has_later, count(*) AS n FROM calls GROUP BY 1, 2, 3, 4
), flows AS (
    SELECT 'asked' AS source,
           CASE first_status WHEN 'found' THEN 'found at once' WHEN 'error' THEN 'failed before' ELSE 'refused' END AS target, count(*) AS n
    FROM report_requests WHERE first_status IN ('found', 'error', 'refused') AND NOT earlier AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
    GROUP BY 2
    UNION ALL
    SELECT CASE WHEN has_earlier THEN 'asked again' WHEN again THEN 'begun before' ELSE 'asked' END, 'model call', n FROM by_call
    UNION ALL
    SELECT 'model call', outcome, n FROM by_call
    UNION ALL
    SELECT outcome, 'asked again', n FROM by_call WHERE has_later
    UNION ALL
    SELECT outcome, how, n FROM last
    UNION ALL
    SELECT how, 'answered', n FROM last WHERE how IN ('passed', 'best attempt', 'unscored')
)
SELECT source, target, sum(n)::bigint AS count FROM flows GROUP BY source, target ORDER BY source, target
