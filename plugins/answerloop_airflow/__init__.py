"""Answerloop for Airflow: hooks, operators, triggers and a sensor, for the DAGs that ship and for anybody's own.

`hooks`: the HTTP API, Flink, the submitter of the score job. `operators`: send traffic, wait until a run has drained, see that the score
job runs. `sensors`: wait until a consumer group has caught up. Modules import what is heavy when they run, not when a DAG is parsed.
"""
