"""What the pages need goes away: they say so and what to do, the rest of Airflow goes on, and so do they when it is back."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager

import httpx
import psycopg2
import pytest

from answerloop_airflow.pages.app import PREFIX
from deploy.local import postgres
from deploy.local import stack as local_stack
from streaming import settings
from tests import airflow, stack

pytestmark = pytest.mark.faults


@pytest.fixture
def pages() -> Iterator[httpx.Client]:
    """As somebody who is logged in."""
    with airflow.http(PREFIX) as client:
        yield client


def ready() -> bool:
    try:
        return httpx.get(f"{settings.load().api_url}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def database_closed() -> Iterator[None]:
    """The loop's database lets nobody in; Airflow's own, on the same server, goes on."""
    with closing(psycopg2.connect(postgres.superuser_url(local_stack.recorded(os.environ)))) as admin, admin.cursor() as cursor:
        admin.autocommit = True
        cursor.execute("ALTER DATABASE answerloop ALLOW_CONNECTIONS false")
        try:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'answerloop'")
            yield
        finally:
            cursor.execute("ALTER DATABASE answerloop ALLOW_CONNECTIONS true")
            stack.until(ready, "the API is ready again", 60)


def test_without_the_loops_database_every_page_says_so_and_airflow_goes_on(pages: httpx.Client) -> None:
    for path in ("/runs", "/failures", "/questions", "/nightly"):
        assert pages.get(path).status_code == 200
    with database_closed():
        for path in (
            "/runs",
            "/run?id=any",
            "/compare?left=a&right=b",
            "/failures",
            "/replay",
            "/questions",
            "/nightly",
            "/nightly/day?day=2001-01-01",
        ):
            reply = pages.get(path)
            assert reply.status_code == 503, path
            assert "PostgreSQL cannot be reached" in reply.text
            assert "make status" in reply.text
            assert "Traceback" not in reply.text
        health = pages.get("/health")
        assert health.status_code == 200
        assert "postgresql is down" in health.text
        assert "make up" in health.text
        assert airflow.api().dags()
    for path in ("/runs", "/failures", "/questions", "/nightly"):
        assert pages.get(path).status_code == 200


def test_without_the_api_pages_go_on_and_health_names_it_with_its_command(pages: httpx.Client) -> None:
    stack.stop("storage-api")
    try:
        assert pages.get("/runs").status_code == 200
        health = pages.get("/health").text
        assert "storage_api is down" in health
        assert "make logs S=storage-api" in health
    finally:
        stack.start("storage-api")
        stack.until(ready, "the API is ready again", 60)
    assert "storage_api is down" not in pages.get("/health").text
