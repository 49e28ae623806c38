-- Records that dead-letters took in the scope's time, from its end offsets; null without a sample in that time.
-- The count starts at the last sample of the hour before, or else at the first sample.
WITH sampled AS (
    SELECT partition, time, end_offset FROM kafka_samples
    WHERE topic = %(topic)s AND time > %(since)s::timestamptz - interval '1 hour' AND time <= %(until)s::timestamptz
    UNION ALL
    SELECT partition, hour + interval '1 hour', end_offset FROM kafka_samples_hourly
    WHERE topic = %(topic)s AND hour >= %(since)s::timestamptz - interval '1 hour' AND hour <= %(until)s::timestamptz - interval '1 hour'
)
SELECT sum(taken)::bigint AS taken
FROM (
    SELECT max(end_offset) - coalesce(max(end_offset) FILTER (WHERE time <= %(since)s::timestamptz), min(end_offset)) AS taken
    FROM sampled GROUP BY partition HAVING max(time) > %(since)s::timestamptz
) AS by_partition
