"""What Airflow registers of Answerloop. Hooks, operators, triggers and the sensor are imported from `answerloop_airflow` itself."""

from airflow.plugins_manager import AirflowPlugin

from answerloop_airflow.pages.lazy import LazyPages

IN_THE_MENU = {
    "name": "Answerloop",
    "href": "answerloop/runs",
    "destination": "nav",
    "nav_top_level": True,
    "url_route": "answerloop",
    "icon": "answerloop/static/menu/icon.svg",
    "icon_dark_mode": "answerloop/static/menu/icon_dark.svg",
}
BESIDE_A_DAG_RUN = {
    "name": "Experiment",
    "href": "answerloop/dag-run?dag_id={DAG_ID}&run_id={RUN_ID}",
    "destination": "dag_run",
    "url_route": "answerloop-experiment",
}
# Mounted as they are: the pages bring their own guard.
PAGES = {"app": LazyPages(), "url_prefix": "/answerloop", "name": "Answerloop"}


class AnswerloopPlugin(AirflowPlugin):
    """The project's name under `airflow plugins`, and its pages."""

    name = "answerloop"
    fastapi_apps = [PAGES]  # noqa: RUF012
    external_views = [IN_THE_MENU, BESIDE_A_DAG_RUN]  # noqa: RUF012
