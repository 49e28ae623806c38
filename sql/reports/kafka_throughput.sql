-- Records that each topic took, by its end offsets: from the last sample of the hour before the scope, or else the first within it, to the
-- last within it.
WITH sampled AS (
    SELECT topic, partition, time, end_offset FROM kafka_samples
    WHERE time > %(since)s::timestamptz - interval '1 hour' AND time < %(until)s::timestamptz
    UNION ALL
    SELECT topic, partition, hour + interval '1 hour', end_offset FROM kafka_samples_hourly
    WHERE hour >= %(since)s::timestamptz - interval '1 hour' AND hour <= %(until)s::timestamptz - interval '1 hour'
), by_partition AS (
    SELECT topic,
           max(end_offset) - coalesce(max(end_offset) FILTER (WHERE time <= %(since)s::timestamptz), min(end_offset)) AS records,
           coalesce(max(time) FILTER (WHERE time <= %(since)s::timestamptz), min(time)) AS first, max(time) AS last
    FROM sampled GROUP BY topic, partition HAVING max(time) > %(since)s::timestamptz
)
SELECT topic, sum(records)::bigint AS records,
       (sum(records) / nullif(extract(epoch FROM max(last) - min(first)), 0))::float8 AS per_s
FROM by_partition GROUP BY topic ORDER BY topic
