-- When the scope's requests began and ended, within the scope; null without any. Chosen as in over_time.sql.
SELECT min(greatest(intended_at, %(since)s::timestamptz)) AS first,
       max(least(greatest(intended_at, resolved_at), %(until)s::timestamptz)) AS last
FROM traffic_requests r
WHERE r.intended_at >= %(since)s::timestamptz - interval '25 hours' AND r.intended_at < %(until)s::timestamptz
  AND (r.intended_at >= %(since)s::timestamptz OR r.resolved_at >= %(since)s::timestamptz)
  AND (%(run_id)s::text IS NULL OR r.run_id = %(run_id)s)
