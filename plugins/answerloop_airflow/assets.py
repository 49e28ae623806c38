"""Assets that the DAGs update, for DAGs that follow on them."""

from airflow.sdk import Asset

# A traffic run has ended with its summary; the event's extra: run_id, dataset.
RUNS = Asset(name="answerloop_runs", uri="answerloop://runs")
# A dataset was loaded; the event's extra: dataset, questions (new ones).
DATASETS = Asset(name="answerloop_datasets", uri="answerloop://datasets")
