"""One HTTP exchange, down to breaking it: replies that are cut off and connections that are reset."""

import asyncio
import socket
import struct
from collections.abc import Mapping

from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.server import ServerState

_TRANSPORT = "transport"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class TransportProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """HTTP in uvicorn, with the connection's transport in the scope's state."""

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, object], _loop: object = None) -> None:
        super().__init__(config=config, server_state=server_state, app_state=dict(app_state))

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Remember the transport."""
        super().connection_made(transport)
        self.app_state[_TRANSPORT] = transport


class Wire:
    """The server's side of a request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._transport: asyncio.Transport | None = scope.get("state", {}).get(_TRANSPORT)
        self._receive = receive
        self._send = send

    async def body(self) -> bytes | None:
        """The whole request body; None if the client left before."""
        received = bytearray()
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return None
            received += message.get("body", b"")
            if not message.get("more_body", False):
                return bytes(received)

    async def client_left(self) -> None:
        """Return once the client has closed the connection."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def reply(self, status: int, body: bytes, headers: Mapping[str, str], content_type: str) -> None:
        """Send a whole reply."""
        await self.start(status, dict(headers) | {"content-length": str(len(body))}, content_type)
        await self._send({"type": "http.response.body", "body": body})

    async def start(self, status: int, headers: Mapping[str, str], content_type: str) -> None:
        """Send a reply's head."""
        named = {"content-type": content_type} | dict(headers)
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in named.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def piece(self, body: bytes, more: bool = True) -> None:
        """Send a piece of the body."""
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def cut_off(self) -> None:
        """Close the connection in mid-reply, after what was sent."""
        if self._transport is None:
            await self.piece(b"", more=False)
            return
        self._transport.close()
        await self.client_left()

    async def reset(self) -> None:
        """Reset the connection. Where there is none, in-process, the caller gets the error itself."""
        if self._transport is None:
            raise ConnectionResetError("the simulator is down")
        self.abort()
        await self.client_left()

    def abort(self) -> None:
        """Break the connection, if there is one; its work is cancelled by that."""
        if self._transport is None:
            return
        peer = self._transport.get_extra_info("socket")
        if peer is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()
