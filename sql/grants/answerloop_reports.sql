-- Reports and pages: they read everything, and keep the reports. A migration that makes a table names it here.
GRANT USAGE ON SCHEMA public TO answerloop_reports;
GRANT SELECT ON
    dataset_questions, questions, question_references, submissions, attempts, answers, failed_questions, callbacks,
    traffic_runs, traffic_requests, metric_reports,
    kafka_samples, kafka_samples_hourly, flink_samples, flink_samples_hourly, service_samples, service_samples_hourly
    TO answerloop_reports;
GRANT INSERT, UPDATE ON metric_reports TO answerloop_reports;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO answerloop_reports;
