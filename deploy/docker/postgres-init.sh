#!/usr/bin/env bash
# Run once by the postgres image, on an empty volume: a role and a database each for the loop and for Airflow.
set -euo pipefail
psql --no-psqlrc -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    -v answerloop="$POSTGRES_ANSWERLOOP_PASSWORD" -v airflow="$POSTGRES_AIRFLOW_PASSWORD" <<'SQL'
CREATE ROLE answerloop LOGIN PASSWORD :'answerloop';
CREATE DATABASE answerloop OWNER answerloop;
CREATE ROLE airflow LOGIN PASSWORD :'airflow';
CREATE DATABASE airflow OWNER airflow;
SQL
