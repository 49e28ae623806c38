-- How many of the scope's requests have a latency in each bin: perceived of all that had a reply, real of the answered.
SELECT line, greatest(1, least(width_bucket(ms, %(edges)s::float8[]), cardinality(%(edges)s::float8[]) - 1)) - 1 AS bin, count(*) AS n
FROM traffic_requests r
CROSS JOIN LATERAL (
    VALUES ('perceived', r.perceived_ms), ('real', CASE WHEN r.final_status = 'answered' THEN r.real_ms END)
) AS latencies (line, ms)
WHERE ms IS NOT NULL
  AND r.intended_at >= %(since)s::timestamptz AND r.intended_at < %(until)s::timestamptz
  AND (%(run_id)s::text IS NULL OR r.run_id = %(run_id)s)
GROUP BY line, bin
