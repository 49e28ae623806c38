"""The network in a test: each request is answered by a function, and its body streams, as from a socket."""

from collections.abc import AsyncIterator, Callable

import httpx


class _Body(httpx.AsyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content


class Network(httpx.AsyncBaseTransport):
    """Answers with what `handle` says; what it raises is raised to the client."""

    def __init__(self, handle: Callable[[httpx.Request], httpx.Response]) -> None:
        self._handle = handle

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        said = self._handle(request)
        return httpx.Response(said.status_code, headers=said.headers, stream=_Body(said.content))
