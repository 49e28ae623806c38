"""The frame of all pages: the guard, errors as pages, files, addresses below wherever the pages are mounted."""

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from answerloop_airflow.pages import context
from tests.unit.pages.conftest import Tables

TEMPLATES = sorted((Path(context.__file__).parent / "templates").iterdir())


def addresses(app: FastAPI) -> list[str]:
    return [route.path for route in app.state.pages.routes if isinstance(route, APIRoute)]


def test_every_route_is_refused_to_the_anonymous_before_anything_is_read(app: FastAPI, client: TestClient, tables: Tables) -> None:
    tables.away = True
    client.cookies.set("anonymous", "yes")
    found = addresses(app)
    assert "/runs" in found
    for path in found:
        reply = client.get(path)
        assert reply.status_code == 401, path
        assert "Log in to Airflow" in reply.text


def test_nothing_is_served_beside_the_guarded_routes(app: FastAPI) -> None:
    assert [route for route in app.state.pages.routes if not isinstance(route, APIRoute)] == []


def test_a_database_that_is_away_is_told_on_a_page(client: TestClient, tables: Tables) -> None:
    tables.away = True
    reply = client.get("/runs")
    assert reply.status_code == 503
    assert "PostgreSQL cannot be used: nobody listens." in reply.text
    assert "Load again" in reply.text


def test_a_live_part_says_so_too_and_tries_again(client: TestClient, tables: Tables) -> None:
    tables.away = True
    reply = client.get("/runs/running", headers={"HX-Request": "true"})
    assert reply.status_code == 503
    assert "<html" not in reply.text
    assert 'hx-get="/here/answerloop/runs/running' in reply.text


def test_a_page_that_is_not_there_says_so(client: TestClient) -> None:
    reply = client.get("/nowhere")
    assert reply.status_code == 404
    assert "There is no such page" in reply.text


def test_a_bad_parameter_is_named(client: TestClient) -> None:
    reply = client.get("/runs", params={"before": "<b>never"})
    assert reply.status_code == 422
    assert "before" in reply.text
    assert "<b>never" not in reply.text


def test_a_fault_of_a_page_shows_no_stack(client: TestClient, tables: Tables) -> None:
    tables.answers["traffic_runs"] = [{"run_id": "no other column"}]
    reply = client.get("/runs")
    assert reply.status_code == 500
    assert "Something is wrong" in reply.text
    assert "Traceback" not in reply.text


def test_addresses_begin_where_the_pages_are_mounted(client: TestClient) -> None:
    text = client.get("/runs").text
    assert 'href="/here/answerloop/runs"' in text
    assert 'href="/here/dags/traffic_run"' in text
    assert client.get("/", follow_redirects=False).headers["location"] == "/here/answerloop/runs"


def test_files_are_served_by_name_for_long_and_no_path_leads_out(client: TestClient) -> None:
    reply = client.get("/static/any/pages.css")
    assert reply.headers["content-type"].startswith("text/css")
    assert "immutable" in reply.headers["cache-control"]
    for name in ("app.py", "..%2fapp.py", "....//app.py"):
        assert client.get(f"/static/any/{name}").status_code == 404


@pytest.mark.parametrize("path", ["runs", "nowhere", "static/any/pages.css"])
def test_a_page_may_load_from_its_own_address_alone(client: TestClient, path: str) -> None:
    policy = client.get(f"/{path}").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'self'" in policy


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_no_template_shows_a_text_as_anything_but_text(template: Path) -> None:
    source = template.read_text()
    assert not re.search(r"\|\s*safe\b|autoescape|Markup|<script(?![^>]*\bsrc=)|\son[a-z]+=", source)
    assert not re.search(r"\b(?:href|src|hx-get|action|value|title)=[^\"\s]*{{", source), "an attribute without quotes is no text"
