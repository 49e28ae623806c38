"""HTTP to receivers of callbacks: the address that is connected to is checked, not only the name; no redirect, no proxy."""

import asyncio
import socket
from collections.abc import Iterable, Mapping

import httpcore

from streaming.errors import AnswerloopError, Unreachable
from streaming.storage.webhook import CallbackPolicy

TIMEOUT_S = 10.0
CONNECTIONS_MOST = 16


class ForbiddenAddress(AnswerloopError):
    """The receiver's name leads to an address that must not be called."""


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to an address that was checked: the name is resolved once, so that it cannot lead elsewhere between check and use."""

    def __init__(self, policy: CallbackPolicy) -> None:
        self._policy = policy
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface's own
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as err:
            raise httpcore.ConnectError(f"{host} has no address: {err}") from err
        address = str(found[0][4][0])
        if not self._policy.may_connect(address):
            raise ForbiddenAddress(f"{host} is {address}, which is not a public address")
        return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)


class CallbackClient:
    """Posts callbacks over a bounded pool of connections."""

    def __init__(self, policy: CallbackPolicy) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            max_connections=CONNECTIONS_MOST, max_keepalive_connections=CONNECTIONS_MOST, network_backend=_CheckedBackend(policy)
        )

    async def post(self, url: str, headers: Mapping[str, str], content: bytes) -> int:
        """The receiver's status; what it says beside is not read. Raises Unreachable, ForbiddenAddress."""
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), TIMEOUT_S)
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._pool.stream(
                    "POST", url, headers=list(headers.items()), content=content, extensions={"timeout": timeouts}
                ) as response,
            ):
                return response.status
        except TimeoutError as err:
            raise Unreachable(f"no reply within {TIMEOUT_S:.0f} s") from err
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, httpcore.UnsupportedProtocol, OSError) as err:
            raise Unreachable(f"{type(err).__name__}: {err}") from err

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.aclose()
