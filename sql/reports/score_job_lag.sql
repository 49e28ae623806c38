-- One of the lags that the score job shows, of the samples in the scope's time. An old hour stands as its average for each of its samples; its
-- largest is kept.
WITH samples AS (
    SELECT value, value AS largest FROM flink_samples
    WHERE metric = %(metric)s AND time >= %(since)s::timestamptz AND time < %(until)s::timestamptz
    UNION ALL
    SELECT average, largest FROM flink_samples_hourly CROSS JOIN LATERAL generate_series(1, samples)
    WHERE metric = %(metric)s AND hour > %(since)s::timestamptz - interval '1 hour' AND hour < %(until)s::timestamptz
)
SELECT p[1] AS p50, p[2] AS p90, p[3] AS p95, p[4] AS p99, largest AS max
FROM (
    SELECT percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY value) AS p, max(largest) AS largest FROM samples
) AS figures
