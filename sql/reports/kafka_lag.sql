-- What each group had not consumed of each topic, all partitions together, by bucket of the scope's time. `sum` adds up the samples' lags.
-- Of old hours the largest lags of the partitions add up, whenever in the hour each was: what was there at once is no more than that.
WITH samples AS (
    SELECT topic, "group", time, sum(lag) AS lag, sum(lag) AS largest, sum(lag) AS last, 1 AS samples FROM kafka_samples
    WHERE "group" <> '' AND time >= %(since)s::timestamptz AND time < %(until)s::timestamptz
    GROUP BY topic, "group", time
    UNION ALL
    SELECT topic, "group", hour, sum(average_lag), sum(largest_lag), sum(last_lag), max(samples)
    FROM kafka_samples_hourly
    WHERE "group" <> '' AND hour > %(since)s::timestamptz - interval '1 hour' AND hour < %(until)s::timestamptz
    GROUP BY topic, "group", hour
)
SELECT topic, "group", greatest(0, floor(extract(epoch FROM time - %(since)s::timestamptz)::float8 / %(step_s)s))::int AS bucket,
       sum(samples)::bigint AS samples, sum(lag * samples)::float8 AS sum, max(largest)::bigint AS largest,
       (array_agg(last ORDER BY time DESC))[1]::bigint AS last
FROM samples GROUP BY topic, "group", bucket ORDER BY topic, "group", bucket
