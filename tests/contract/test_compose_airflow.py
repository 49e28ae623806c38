"""What the compose file runs of Airflow, against Airflow itself; importing it takes seconds, so not among the unit tests."""

import re

import pytest
from airflow.api_fastapi.core_api.datamodels.monitor import HealthInfoResponse
from airflow.api_fastapi.core_api.routes.public.monitor import monitor_router
from airflow.cli.cli_parser import get_parser

from tests.unit.compose.project import services, target

AIRFLOW = [name for name in services() if target(name) == "airflow"]
PROBED = [name for name in AIRFLOW if "healthcheck" in services()[name]]


@pytest.mark.parametrize("name", AIRFLOW)
def test_airflow_understands_its_command(name: str) -> None:
    assert callable(get_parser().parse_args(services()[name]["command"]).func)


@pytest.mark.parametrize("name", PROBED)
def test_a_health_check_asks_for_what_airflows_health_report_has(name: str) -> None:
    url, expected = services()[name]["healthcheck"]["test"][-2:]
    host, path = re.fullmatch(r"http://([\w.-]+):8080/api/v2(/.*)", url).groups()
    component, field, value = re.fullmatch(r"(\w+)\.(\w+)=(\w+)", expected).groups()
    assert host in ("127.0.0.1", "airflow-api-server")
    assert path in {route.path for route in monitor_router.routes}
    assert component in HealthInfoResponse.model_fields
    assert (field, value) == ("status", "healthy")
