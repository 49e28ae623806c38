-- The runs that have a request, a call or an end within the scope, in the order of their start.
SELECT run_id, state, dataset, simulated, started_at, finished_at FROM traffic_runs
WHERE run_id IN (
    SELECT run_id FROM traffic_requests WHERE intended_at >= %(since)s::timestamptz AND intended_at < %(until)s::timestamptz
    UNION
    SELECT run_id FROM attempts WHERE stored_at >= %(since)s::timestamptz AND stored_at < %(until)s::timestamptz
    UNION
    SELECT s.run_id FROM answers a JOIN submissions s ON s.submission_id = a.submission_id
    WHERE a.stored_at >= %(since)s::timestamptz AND a.stored_at < %(until)s::timestamptz
    UNION
    SELECT run_id FROM failed_questions WHERE failed_at >= %(since)s::timestamptz AND failed_at < %(until)s::timestamptz
)
ORDER BY started_at, run_id
