"""Where the API calls a generator back: on loopback, at any free port, for as long as its share is sent."""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext

import httpx
import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from streaming.clock import Clock
from streaming.errors import ConfigurationError, UserError
from streaming.settings import Settings
from streaming.storage.webhook import is_genuine, signing_key
from streaming.traffic.api import Reply, reply_of

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
LARGEST = 4 * 1024 * 1024
CONNECTIONS_MOST = 256
GRACE_S = 2


class _Server(uvicorn.Server):
    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Signals are the run's: it decides what they stop."""
        return nullcontext()


def callback_key(settings: Settings) -> bytes:
    """What the API signs callbacks with. Raises ConfigurationError without it, UserError where the API cannot reach loopback here."""
    host = httpx.URL(settings.api_url).host
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = host == "localhost"
    if not here:
        raise UserError(f"`results` callback is for a generator on the API's machine, and the API is at {settings.api_url}. Choose poll.")
    if settings.callback_secret is None:
        raise ConfigurationError("`results` callback needs the API's ANSWERLOOP_CALLBACK_SECRET here too: set it, or choose poll.")
    return signing_key(settings.callback_secret.get_secret_value())


@asynccontextmanager
async def receiving(key: bytes, clock: Clock, take: Callable[[Reply], None]) -> AsyncIterator[str]:
    """Hands what is called back and signed with the key to `take`; gives the address to call."""
    app = Starlette(routes=[Route("/", _endpoint(key, clock, take), methods=["POST"])])
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        limit_concurrency=CONNECTIONS_MOST,
        timeout_graceful_shutdown=GRACE_S,
    )
    with socket.create_server((HOST, 0)) as listening:
        server = _Server(config)
        # Whoever calls before it serves waits in the socket's backlog.
        serving = asyncio.create_task(server.serve([listening]))
        try:
            yield f"http://{HOST}:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = True
            await serving


def _endpoint(key: bytes, clock: Clock, take: Callable[[Reply], None]) -> Callable[[Request], object]:
    async def receive(request: Request) -> Response:
        content = bytearray()
        try:
            async for part in request.stream():
                content += part
                if len(content) > LARGEST:
                    return Response(status_code=413)
        except ClientDisconnect:
            return Response(status_code=400)
        if not is_genuine(key, request.headers, bytes(content), clock.now()):
            log.warning("a callback is refused: it is not signed with the secret of this run, or was not sent lately")
            return Response(status_code=401)
        try:
            reply = reply_of(msgspec.json.decode(content)["data"])
        except (msgspec.DecodeError, KeyError, TypeError, UserError) as err:
            log.warning("a callback cannot be read: %r", err)
            return Response(status_code=422)
        take(reply)
        return Response(status_code=204)

    return receive
