"""The pages without Airflow around them: everybody may see them, unless a test says otherwise."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.testclient import TestClient

from answerloop_airflow.pages.addresses import Addresses
from answerloop_airflow.pages.app import pages
from answerloop_airflow.pages.context import database_of
from streaming.errors import Unreachable
from streaming.settings import Settings


class Tables:
    """Stands in for PostgreSQL: answers a query by the first of `answers` whose key is part of it."""

    def __init__(self) -> None:
        # No run's failures were asked again.
        none = {"questions": 0, "recovered": 0, "failed": 0, "pending": 0, "after_report": False}
        self.answers: dict[str, list[dict[str, Any]]] = {"AS after_report": [none]}
        self.away = False

    def rows(self, query: str, **parameters: object) -> list[dict[str, Any]]:
        if self.away:
            raise Unreachable("PostgreSQL cannot be used: nobody listens.")
        return next((rows for part, rows in self.answers.items() if part in query), [])

    def row(self, query: str, **parameters: object) -> dict[str, Any] | None:
        return next(iter(self.rows(query, **parameters)), None)


@pytest.fixture
def tables() -> Tables:
    return Tables()


def guard(request: Request) -> None:
    if request.cookies.get("anonymous"):
        raise HTTPException(401, "Not authenticated")


@pytest.fixture
def app(tables: Tables) -> FastAPI:
    """Mounted below `/here/answerloop`, as Airflow behind a proxy would have it."""
    mounted = pages(guard, lambda: Addresses(Settings(), "http://127.0.0.1:1", "http://127.0.0.1:1", "127.0.0.1:1"))
    mounted.dependency_overrides[database_of] = lambda: tables
    root = FastAPI()
    root.mount("/here/answerloop", mounted)
    root.state.pages = mounted
    return root


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://pages/here/answerloop", raise_server_exceptions=False) as client:
        yield client
