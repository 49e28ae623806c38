"""One call to a server that speaks HTTP and JSON: one deadline, a bounded body, no retry."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from streaming.errors import Unreachable
from streaming.model.server import Failure, NoReply

MAX_REPLY_BYTES = 256 * 1024
# Some ten thousand models.
MAX_LISTING_BYTES = 4 * 1024 * 1024
MAX_TEXT_CHARACTERS = 500
CONNECT_S = 5.0
# Shorter than the 5 s after which common servers close an idle connection: a call must not be sent into a closing one.
KEEP_ALIVE_S = 2.0


@dataclass(frozen=True)
class Received:
    """Status, headers (lower-case names), and of the body one byte more than is taken at most.

    `cut_off`: the connection was lost before the body's end.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut_off: bool = False

    def fields(self) -> dict[str, Any] | None:
        """The body's JSON object; None where it is none. Other people's bytes may hold anything."""
        try:
            parsed = json.loads(self.body.decode())
        except (ValueError, RecursionError):
            return None
        return parsed if isinstance(parsed, dict) else None

    def text(self) -> str:
        """The body's beginning, in one line."""
        return shortened(self.body[: 4 * MAX_TEXT_CHARACTERS].decode(errors="replace"))


class HttpServer:
    """Calls to one address. It takes no proxy from the environment: the address given is the one that is called."""

    def __init__(
        self,
        address: str,
        most_in_flight: int,
        deadline_s: float,
        transport: httpx.AsyncBaseTransport | None = None,
        key: str | None = None,
    ) -> None:
        """`transport` stands in for the network in tests; `key` is sent as a bearer token."""
        self.address = address
        self._deadline_s = deadline_s
        self._key = key.encode() if key else None
        authorization = {"authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.AsyncClient(
            limits=httpx.Limits(max_connections=most_in_flight, max_keepalive_connections=most_in_flight, keepalive_expiry=KEEP_ALIVE_S),
            timeout=httpx.Timeout(None, connect=min(CONNECT_S, deadline_s / 2)),
            headers={"content-type": "application/json", "accept-encoding": "identity", **authorization},
            trust_env=False,
            transport=transport,
        )

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def post(self, path: str, body: bytes) -> Received | NoReply:
        """Send JSON and receive what comes of it."""
        return await self._call("POST", path, body, self._deadline_s, MAX_REPLY_BYTES)

    async def get(self, path: str, deadline_s: float) -> Received:
        """What a path that costs the server nothing says. Raises Unreachable where it says nothing, or an error."""
        received = await self.ask(path, deadline_s)
        if isinstance(received, NoReply):
            raise Unreachable(f"{received.failure}: {received.detail}")
        if received.status != HTTPStatus.OK or received.cut_off:
            raise Unreachable(f"{self.address}{path} answers {received.status}: {received.text()}")
        return received

    async def ask(self, path: str, deadline_s: float) -> Received | NoReply:
        """Whatever a path that costs the server nothing says."""
        return await self._call("GET", path, None, deadline_s, MAX_LISTING_BYTES)

    async def _call(self, method: str, path: str, body: bytes | None, deadline_s: float, most_bytes: int) -> Received | NoReply:
        try:
            async with asyncio.timeout(deadline_s):
                return await self._exchange(method, path, body, most_bytes)
        except TimeoutError:
            return NoReply(Failure.DEADLINE, f"{deadline_s:g} s at {self.address}")
        except (httpx.ConnectError, httpx.ConnectTimeout) as err:
            return NoReply(Failure.CANNOT_CONNECT, f"{self.address}: {err}")
        except httpx.TransportError as err:
            return NoReply(Failure.RESET, f"{self.address}: {err or type(err).__name__}")

    async def _exchange(self, method: str, path: str, body: bytes | None, most_bytes: int) -> Received:
        async with self._http.stream(method, f"{self.address}{path}", content=body) as response:
            received = bytearray()
            cut_off = False
            try:
                async for chunk in response.aiter_raw():
                    received += chunk
                    if len(received) > most_bytes:
                        break
            except httpx.TransportError:
                cut_off = True
            said = bytes(received[: most_bytes + 1])
            if self._key and not response.is_success:
                # A refusal may quote the key, and goes into logs and messages.
                said = said.replace(self._key, b"(key)")
            return Received(response.status_code, dict(response.headers), said, cut_off)


def whole_fields(received: Received) -> dict[str, Any] | str:
    """The JSON object of a whole body, or what is wrong with it."""
    if len(received.body) > MAX_REPLY_BYTES:
        return f"the reply is larger than {MAX_REPLY_BYTES // 1024} KiB"
    if received.cut_off:
        return f"the connection was lost after {len(received.body)} bytes of the reply"
    fields = received.fields()
    return f"the reply is no JSON object: {received.text()}" if fields is None else fields


def shortened(text: str) -> str:
    """In one line, as long as a message may hold of it."""
    return " ".join(text.split())[:MAX_TEXT_CHARACTERS] or "no text"
