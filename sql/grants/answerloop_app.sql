-- The services: they write rows, and no table is theirs to change. A migration that makes a table names it here.
GRANT USAGE ON SCHEMA public TO answerloop_app;
GRANT SELECT, INSERT ON submissions, question_references, attempts, answers TO answerloop_app;
GRANT SELECT, INSERT, UPDATE ON
    dataset_questions, questions, failed_questions, callbacks, traffic_runs, traffic_requests, metric_reports,
    kafka_samples_hourly, flink_samples_hourly, service_samples_hourly
    TO answerloop_app;
-- The sampler thins out what is old.
GRANT SELECT, INSERT, DELETE ON kafka_samples, flink_samples, service_samples TO answerloop_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE ON TABLES TO answerloop_app;
