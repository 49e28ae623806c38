"""The application as Airflow mounts it: every component imports the plugin, the API server alone ever answers a page."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send


@cache
def _pages() -> "FastAPI":
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
    from airflow.api_fastapi.core_api.security import requires_access_view

    from answerloop_airflow.pages.addresses import from_connections
    from answerloop_airflow.pages.app import pages

    return pages(guard=requires_access_view(AccessView.PLUGINS), addresses=from_connections)


class LazyPages:
    """Builds the pages at the first request; an error in them is theirs alone."""

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        import asyncio

        # Importing takes a moment that the API server's other requests need not wait for.
        await (await asyncio.to_thread(_pages))(scope, receive, send)
