"""What every service shows of itself: /healthz, /readyz and /metrics, from a thread, so that a busy event loop still answers."""

import logging
import threading
from collections.abc import Callable, Mapping

import uvicorn
from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST

from streaming.local_names import LocalNames, is_loopback
from streaming.services import BY_NAME
from streaming.slow_clients import HeadersDeadlineProtocol

Problems = Callable[[], Mapping[str, str]]


def ops_app(service: str, problems: Problems) -> FastAPI:
    """`problems`: what keeps the service from working now, by component."""
    app = FastAPI(title=service, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"service": service, "status": "alive"}

    @app.get("/readyz")
    def readyz(response: Response) -> dict[str, object]:
        found = dict(problems())
        response.status_code = 503 if found else 200
        return {"service": service, "status": "not ready" if found else "ready", "problems": found}

    @app.get("/metrics")
    def show_metrics() -> Response:
        return Response(BY_NAME[service].exposed(), media_type=CONTENT_TYPE_LATEST)

    return app


def ops_server(app: FastAPI, host: str, port: int) -> uvicorn.Server:
    """The server. On loopback it answers to names of this machine alone; elsewhere Prometheus may use any."""
    answering = LocalNames(app, names=[host]) if is_loopback(host) else app
    config = uvicorn.Config(
        answering, host=host, port=port, http=HeadersDeadlineProtocol, log_level=logging.WARNING, access_log=False, lifespan="off"
    )
    return uvicorn.Server(config)


def serve_ops(app: FastAPI, host: str, port: int) -> None:
    """Serve in a daemon thread; port 0 serves nothing."""
    if port:
        threading.Thread(target=ops_server(app, host, port).run, name="ops", daemon=True).start()
