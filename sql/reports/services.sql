-- What each service used in the scope's time. A processor's share of an interval between two samples counts as far as the interval lies in
-- the scope; a counter that fell began at zero again. Old hours hold cores instead of seconds.
WITH cpu_samples AS (
    SELECT service, time, value, lag(time) OVER later AS before, lag(value) OVER later AS earlier
    FROM service_samples
    WHERE metric = 'cpu_seconds' AND time > %(since)s::timestamptz - interval '1 hour' AND time < %(until)s::timestamptz
    WINDOW later AS (PARTITION BY service ORDER BY time)
), cpu AS (
    SELECT service,
           (CASE WHEN value >= earlier THEN value - earlier ELSE value END) / extract(epoch FROM time - before)::float8 AS cores,
           (CASE WHEN value >= earlier THEN value - earlier ELSE value END) / extract(epoch FROM time - before)::float8 AS largest,
           extract(epoch FROM time - greatest(before, %(since)s::timestamptz))::float8 AS seconds
    FROM cpu_samples WHERE before IS NOT NULL AND time > %(since)s::timestamptz
    UNION ALL
    SELECT service, average, largest,
           extract(epoch FROM least(hour + interval '1 hour', %(until)s::timestamptz) - greatest(hour, %(since)s::timestamptz))::float8
    FROM service_samples_hourly
    WHERE metric = 'cpu_cores' AND hour > %(since)s::timestamptz - interval '1 hour' AND hour < %(until)s::timestamptz
), memory AS (
    SELECT service, value AS average, value AS largest, 1 AS samples FROM service_samples
    WHERE metric = 'memory_bytes' AND time >= %(since)s::timestamptz AND time < %(until)s::timestamptz
    UNION ALL
    SELECT service, average, largest, samples FROM service_samples_hourly
    WHERE metric = 'memory_bytes' AND hour > %(since)s::timestamptz - interval '1 hour' AND hour < %(until)s::timestamptz
)
SELECT service, mean_cpu, largest_cpu, mean_memory_mib, largest_memory_mib
FROM (SELECT service, sum(cores * seconds) / nullif(sum(seconds), 0) AS mean_cpu, max(largest) AS largest_cpu FROM cpu GROUP BY service) AS c
FULL JOIN (
    SELECT service, sum(average * samples) / sum(samples) / 1048576 AS mean_memory_mib, max(largest) / 1048576 AS largest_memory_mib
    FROM memory GROUP BY service
) AS m USING (service)
ORDER BY service
