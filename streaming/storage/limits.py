"""What a request must pass before the application sees it: the bearer token, and the bound on its body."""

import asyncio
import hmac

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 64 * 1024
BODY_DEADLINE_S = 10.0
OPEN_PATHS = ("/healthz",)


class BearerToken:
    """Refuses requests without the token: 401."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS:
            scheme, _, given = dict(scope["headers"]).get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer" or not hmac.compare_digest(given.strip(), self._token):
                await _refuse(send, 401, "A bearer token is needed: the header `Authorization: Bearer <ANSWERLOOP_API_TOKEN>`.")
                return
        await self._app(scope, receive, send)


class BodyLimit:
    """Refuses bodies over 64 KiB, with or without a Content-Length: 413. One that does not arrive within 10 s: 408."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_DEADLINE_S):
                body = await _read(scope, receive)
        except TimeoutError:
            await _refuse(send, 408, f"The body did not arrive within {BODY_DEADLINE_S:.0f} s.")
            return
        if body is None:
            await _refuse(send, 413, f"A body of at most {MAX_BODY_BYTES} bytes is accepted.")
            return
        unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return unread.pop() if unread else await receive()

        await self._app(scope, replay, send)


async def _read(scope: Scope, receive: Receive) -> bytes | None:
    """The whole body, None if it is too long. A client that leaves gets an empty body, which nobody reads the reply to."""
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > MAX_BODY_BYTES:
        return None
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)


async def _refuse(send: Send, status: int, detail: str) -> None:
    body = msgspec.json.encode({"detail": detail})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        # What is left of the body is not read, so the connection cannot serve another request.
        (b"connection", b"close"),
    ]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
