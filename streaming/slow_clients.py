"""HTTP connections that do not get on: one whose headers do not arrive in time is closed, so that nobody can hold them all open."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_DEADLINE_S = 10.0


class HeadersDeadlineProtocol(HttpToolsProtocol):
    """Uvicorn's protocol with a deadline from the connection, or the first byte of a later request, to the end of its headers.

    Uvicorn itself has one between requests alone; bodies have theirs in `limits`.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_headers()

    def data_received(self, data: bytes) -> None:
        # Any byte, a blank line too, ends Uvicorn's own patience between requests.
        if self.cycle is None or self.cycle.response_complete:
            self._await_headers()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_headers(self) -> None:
        # The first byte of a first request finds the connection's own deadline running.
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADERS_DEADLINE_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
