"""The storage API: an application and the server that runs it."""

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from streaming import failpoints
from streaming.errors import ConfigurationError, Unreachable
from streaming.kafka.client import Producer
from streaming.kafka.positions import Cluster
from streaming.local_names import LocalNames, is_loopback
from streaming.services import STORAGE_API
from streaming.settings import Settings
from streaming.slow_clients import HeadersDeadlineProtocol
from streaming.storage.limits import BearerToken, BodyLimit
from streaming.storage.parts import assembled
from streaming.storage.routes import reply, router

log = logging.getLogger(__name__)

RETRY_AFTER_S = 2
GRACE_S = 5
BACKLOG, CONCURRENT_MOST = 2048, 8192


def create_app(settings: Settings, producer: Producer | None = None, cluster: Cluster | None = None) -> FastAPI:
    """The application. `producer` and `cluster` None: those of the configured Kafka."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with assembled(settings, producer, cluster) as parts:
            app.state.parts = parts
            yield

    app = FastAPI(title="Answerloop", description="Questions in, answers out.", version="1", lifespan=lifespan)
    app.include_router(router)
    app.add_exception_handler(RequestValidationError, _bad_input)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Unreachable, _try_later)
    app.add_exception_handler(ConfigurationError, _try_later)
    app.add_middleware(BodyLimit)
    if settings.api_token is not None:
        app.add_middleware(BearerToken, token=settings.api_token.get_secret_value())
    else:
        app.add_middleware(LocalNames, names=[settings.host])
    return app


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; whoever waits for an answer then is told how far it is.

    Raises ConfigurationError where the address is open to others and no token protects it.
    """
    failpoints.arm(settings.failpoints, STORAGE_API)
    check_address(settings)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.api_port,
        loop="uvloop",
        http=HeadersDeadlineProtocol,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        backlog=BACKLOG,
        limit_concurrency=CONCURRENT_MOST,
        timeout_graceful_shutdown=GRACE_S,
    )
    _Server(config, app).run()


def check_address(settings: Settings) -> None:
    """Raises ConfigurationError unless the address is a loopback one or a token is set."""
    if settings.api_token is not None and settings.api_token.get_secret_value():
        return
    if not is_loopback(settings.host):
        raise ConfigurationError(f"ANSWERLOOP_HOST={settings.host!r} is open to others: set ANSWERLOOP_API_TOKEN, or use 127.0.0.1")


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.parts.waiters.close()
        await super().shutdown(sockets)


async def _bad_input(request: Request, err: Exception) -> Response:
    """422 that names each field. What was sent is not repeated: it may be what JSON cannot hold."""
    assert isinstance(err, RequestValidationError)
    problems = [{"loc": list(each["loc"]), "msg": each["msg"], "type": each["type"]} for each in err.errors()]
    return reply({"detail": problems}, 422)


async def _refused(request: Request, err: Exception) -> Response:
    assert isinstance(err, HTTPException)
    if err.status_code == 400:
        return reply({"detail": [{"loc": ["body"], "msg": "JSON in UTF-8 is expected", "type": "json_invalid"}]}, 422)
    response = reply({"detail": err.detail}, err.status_code)
    response.headers.update(err.headers or {})
    return response


async def _try_later(request: Request, err: Exception) -> Response:
    log.warning("%s %s: %s", request.method, request.url.path, err)
    response = reply({"detail": str(err)}, 503)
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response
