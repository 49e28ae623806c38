"""Assets that the DAGs update, for DAGs that follow on them.

Airflow draws the lineage dataset -> run -> report task by task: the one that makes an asset of another names both, as inlet and outlet.
"""

from airflow.sdk import Asset

# A traffic run has ended with its summary; the event's extra: run_id, dataset.
RUNS = Asset(name="answerloop_runs", uri="answerloop://runs")
# A dataset was loaded; the event's extra: dataset, questions (new ones).
DATASETS = Asset(name="answerloop_datasets", uri="answerloop://datasets")
# A report was written; the event's extra: kind (run, day, calibration), subject (the run, the day), path (of its HTML).
REPORTS = Asset(name="answerloop_reports", uri="answerloop://reports")
