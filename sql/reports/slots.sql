-- How many model calls at once the model consumer allowed itself in the scope's time, on average; null without a sample.
SELECT sum(average * samples) / sum(samples) AS mean_slots
FROM (
    SELECT value AS average, 1 AS samples FROM service_samples
    WHERE metric = 'model_slots' AND time >= %(since)s::timestamptz AND time < %(until)s::timestamptz
    UNION ALL
    SELECT average, samples FROM service_samples_hourly
    WHERE metric = 'model_slots' AND hour > %(since)s::timestamptz - interval '1 hour' AND hour < %(until)s::timestamptz
) AS samples
