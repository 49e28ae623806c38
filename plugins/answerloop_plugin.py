"""What Airflow registers of Answerloop. Hooks, operators, triggers and the sensor are imported from `answerloop_airflow` itself."""

from airflow.plugins_manager import AirflowPlugin


class AnswerloopPlugin(AirflowPlugin):
    """The name under which `airflow plugins` shows the project."""

    name = "answerloop"
