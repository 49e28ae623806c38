-- Requests asked, answered and failed by bucket, and by how much those that wait for their end changed. Before the first bucket: -1.
WITH mine AS (
    SELECT intended_at, resolved_at, final_status FROM report_requests WHERE (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
), events AS (
    SELECT intended_at AS at, 1 AS asked, 0 AS answered, 0 AS failed, (final_status IS DISTINCT FROM 'refused')::int AS opened FROM mine
    UNION ALL
    SELECT resolved_at, 0, (final_status = 'answered')::int, (final_status = 'failed')::int, -1 FROM mine
    WHERE resolved_at < %(until)s::timestamptz
)
SELECT greatest(-1, floor(extract(epoch FROM bucket_start - %(start)s::timestamptz) / %(step_s)s))::int AS bucket,
       sum(asked) AS asked, sum(answered) AS answered, sum(failed) AS failed, sum(opened) AS opened
FROM (
    SELECT date_bin(%(step_s)s * interval '1 second', at, %(start)s::timestamptz) AS bucket_start,
           sum(asked) AS asked, sum(answered) AS answered, sum(failed) AS failed, sum(opened) AS opened
    FROM events GROUP BY bucket_start
) AS by_start
GROUP BY bucket ORDER BY bucket
