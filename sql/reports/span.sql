-- When the scope's requests began and ended, within the scope; null without any.
SELECT min(greatest(intended_at, %(since)s::timestamptz)) AS first,
       max(least(greatest(intended_at, resolved_at), %(until)s::timestamptz)) AS last
FROM report_requests WHERE (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
