"""The page beside a DAG run in Airflow: its traffic run, if it has one."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from answerloop_airflow.pages.context import Data, page
from answerloop_airflow.pages.queries import runs
from answerloop_airflow.runs import traffic_run_id

TRAFFIC_DAG = "traffic_run"
router = APIRouter()


@router.get("/dag-run")
def of_dag_run(request: Request, database: Data, dag_id: str, run_id: str) -> Response:
    """`dag_id`, `run_id`: Airflow's."""
    if dag_id != TRAFFIC_DAG:
        return page(request, "no_traffic.html", dag_id=dag_id, dag_run_id=None)
    mine = traffic_run_id(run_id)
    if runs.known(database, mine) is None:
        return page(request, "no_traffic.html", dag_id=dag_id, dag_run_id=run_id)
    there = f"{request.scope.get('root_path', '')}/run?{urlencode({'id': mine})}"
    # A live part cannot follow a redirect with the whole page; it is told to.
    return Response(headers={"HX-Redirect": there}) if "hx-request" in request.headers else RedirectResponse(there)
