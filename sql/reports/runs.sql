-- The runs that have a request, a call or an end within the scope, in the order of their start.
SELECT run_id, state, dataset, simulated, started_at, finished_at FROM traffic_runs
WHERE run_id IN (
    SELECT run_id FROM report_requests WHERE NOT earlier
    UNION
    SELECT run_id FROM report_calls
    UNION
    SELECT run_id FROM report_answers
    UNION
    SELECT run_id FROM report_failures
)
ORDER BY started_at, run_id
