"""Names of this machine: a web page can make one of its own lead here, and must not read what it finds."""

import ipaddress
from collections.abc import Collection

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class LocalNames:
    """Answers requests to names of this machine alone: 400."""

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app = app
        self._names = {"localhost", "127.0.0.1", "::1", *names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _hostname(dict(scope["headers"]).get(b"host", b"").decode("latin-1")) not in self._names:
            detail = "Requests to localhost, and to this service's own address, are answered here: check the Host header."
            # What is left of the request is not read, so the connection cannot serve another one.
            await JSONResponse({"detail": detail}, 400, {"connection": "close"})(scope, receive, send)
            return
        await self._app(scope, receive, send)


def is_loopback(host: str) -> bool:
    """Whether what listens on this address is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _hostname(host: str) -> str:
    """A Host header without its port."""
    bracketed, closing, _ = host.partition("]")
    return bracketed.removeprefix("[") if closing else host.partition(":")[0].lower()
