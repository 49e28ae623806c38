-- Run by psql as the superuser at every start: a database each for the loop and for Airflow, and who may log in.
-- What the loop's logins may do, its owner grants (sql/grants). Passwords come by variables, which no list of processes shows.
\set ON_ERROR_STOP on
\getenv answerloop POSTGRES_ANSWERLOOP_PASSWORD
\getenv app POSTGRES_APP_PASSWORD
\getenv reports POSTGRES_REPORTS_PASSWORD
\getenv airflow POSTGRES_AIRFLOW_PASSWORD

SELECT format('CREATE ROLE %I', name) FROM unnest(ARRAY['answerloop', 'answerloop_app', 'answerloop_reports', 'airflow']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE answerloop LOGIN PASSWORD :'answerloop';
ALTER ROLE answerloop_app LOGIN PASSWORD :'app';
ALTER ROLE answerloop_reports LOGIN PASSWORD :'reports';
ALTER ROLE airflow LOGIN PASSWORD :'airflow';

SELECT format('CREATE DATABASE %I OWNER %I', name, name) FROM unnest(ARRAY['answerloop', 'airflow']) AS name
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name) \gexec
