-- Which requests asked for a question that is pending; how a generator learns of ends; how far a group was behind at the end of an old hour.
-- depends: 0010_callbacks

CREATE INDEX traffic_requests_by_question ON traffic_requests (question_id, run_id);

-- A run that was broken off goes on with the plan it has, which now says this too.
UPDATE traffic_runs SET plan = plan || '{"results": "poll"}';

ALTER TABLE kafka_samples_hourly ADD COLUMN last_lag bigint; -- of the hour's last sample
-- What was done above the commit is not known of hours that are thinned already.
UPDATE kafka_samples_hourly SET last_lag = CASE WHEN "group" = '' THEN 0 ELSE greatest(0, end_offset - coalesce(committed_offset, 0)) END;
ALTER TABLE kafka_samples_hourly ALTER COLUMN last_lag SET NOT NULL;
