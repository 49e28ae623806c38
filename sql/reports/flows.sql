-- What went from where to where in the loop: requests that no trip was needed for, then the calls and ends of the scope's own trips.
WITH RECURSIVE again AS (
    -- Replays, and what was sent again in their place.
    SELECT submission_id FROM submissions
    WHERE kind = 'replay' AND submitted_at < %(until)s::timestamptz AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
    UNION ALL
    SELECT s.submission_id FROM submissions s JOIN again ON s.follows = again.submission_id WHERE s.kind = 'requeue'
), calls AS (
    SELECT a.submission_id, a.outcome, a.retry_count,
           lag(a.retry_count) OVER trip IS NOT NULL AS has_earlier, lead(a.retry_count) OVER trip IS NOT NULL AS has_later
    FROM attempts a LEFT JOIN submissions s ON s.submission_id = a.submission_id
    WHERE a.stored_at >= %(since)s::timestamptz AND a.stored_at < %(until)s::timestamptz
      AND (%(run_id)s::text IS NULL OR s.run_id = %(run_id)s AND a.run_id = %(run_id)s)
      AND NOT EXISTS (SELECT FROM again WHERE again.submission_id = a.submission_id)
    WINDOW trip AS (PARTITION BY a.submission_id ORDER BY a.retry_count)
), ends AS (
    SELECT a.submission_id, replace(a.accepted_as, '_', ' ') AS how
    FROM answers a LEFT JOIN submissions s ON s.submission_id = a.submission_id
    WHERE a.stored_at >= %(since)s::timestamptz AND a.stored_at < %(until)s::timestamptz
      AND (%(run_id)s::text IS NULL OR s.run_id = %(run_id)s)
      AND NOT EXISTS (SELECT FROM again WHERE again.submission_id = a.submission_id)
    UNION ALL
    SELECT f.submission_id, 'failed'
    FROM failed_questions f LEFT JOIN submissions s ON s.submission_id = f.submission_id
    WHERE f.failed_at >= %(since)s::timestamptz AND f.failed_at < %(until)s::timestamptz
      AND (%(run_id)s::text IS NULL OR s.run_id = %(run_id)s AND f.run_id = %(run_id)s)
      AND NOT EXISTS (SELECT FROM again WHERE again.submission_id = f.submission_id)
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
    FROM traffic_requests r
    WHERE r.first_status IN ('found', 'error', 'refused')
      AND r.intended_at >= %(since)s::timestamptz AND r.intended_at < %(until)s::timestamptz
      AND (%(run_id)s::text IS NULL OR r.run_id = %(run_id)s)
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
