-- How many model calls at once the model consumer, all replicas together, allowed itself in the scope's time, on average; null without a
-- sample.
SELECT sum(slots * samples) / sum(samples) AS mean_slots
FROM (
    SELECT sum(value) AS slots, 1 AS samples FROM service_samples
    WHERE metric = 'model_slots' AND split_part(service, '@', 1) = %(service)s
      AND time >= %(since)s::timestamptz AND time < %(until)s::timestamptz
    GROUP BY time
    UNION ALL
    SELECT sum(average), max(samples) FROM service_samples_hourly
    WHERE metric = 'model_slots' AND split_part(service, '@', 1) = %(service)s
      AND hour > %(since)s::timestamptz - interval '1 hour' AND hour < %(until)s::timestamptz
    GROUP BY hour
) AS taken
