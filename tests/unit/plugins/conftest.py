"""Connections as the stack provides them, to addresses where nothing listens."""

import json

import pytest


@pytest.fixture(autouse=True)
def connections(monkeypatch: pytest.MonkeyPatch) -> None:
    http = {"conn_type": "http", "schema": "http", "host": "127.0.0.1"}
    for name, fields in {
        "api": {**http, "port": 1, "password": "token-of-the-api"},
        "flink": {**http, "port": 2},
        "job_submitter": {**http, "port": 3},
        "kafka": {"conn_type": "kafka", "extra": {"bootstrap.servers": "127.0.0.1:4"}},
        "postgres": {"conn_type": "postgres", "host": "127.0.0.1", "port": 5, "login": "u", "password": "p@ss/word", "schema": "db"},
    }.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_ANSWERLOOP_{name.upper()}", json.dumps(fields))
