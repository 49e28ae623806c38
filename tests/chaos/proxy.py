"""A TCP proxy on loopback that can be slow, swallow everything or reset every connection."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from threading import Thread

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_CHUNK = 65_536
_STARTS_WITHIN_S = 10


class Weather(Enum):
    """What happens to bytes on their way."""

    FAIR = "fair"
    SLOW = "slow"
    BLACK_HOLE = "black hole"
    RESET = "reset"


class Proxy:
    """Forwards connections to an address, as the weather allows. `delay_s`: how long a piece takes when it is slow."""

    def __init__(self, host: str, port: int, delay_s: float = 0.2) -> None:
        self.port = 0
        self._target = host, port
        self._delay_s = delay_s
        self._weather = Weather.FAIR
        self._fair = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        """Listen on a free port, `port`, until the end of the block."""
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop).result(_STARTS_WITHIN_S)
        self.port = server.sockets[0].getsockname()[1]
        self.change(Weather.FAIR)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(server.close)
            self._loop.call_soon_threadsafe(self._reset)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_STARTS_WITHIN_S)

    def change(self, weather: Weather) -> None:
        """From now on; RESET also ends what is open."""
        self._loop.call_soon_threadsafe(self._change, weather)

    def _change(self, weather: Weather) -> None:
        self._weather = weather
        if weather is Weather.BLACK_HOLE:
            self._fair.clear()
        else:
            self._fair.set()
        if weather is Weather.RESET:
            self._reset()

    def _reset(self) -> None:
        for writer in self._writers:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._fair.wait()
            if self._weather is Weather.RESET:
                self._reset()
                return
            out_reader, out_writer = await asyncio.open_connection(*self._target)
            self._writers.add(out_writer)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pipe(reader, out_writer))
                    group.create_task(self._pipe(out_reader, writer))
            finally:
                self._writers.discard(out_writer)
                out_writer.close()
        except* OSError:
            pass  # an end that broke off: so does the other
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(_CHUNK):
            await self._fair.wait()
            if self._weather is Weather.SLOW:
                await asyncio.sleep(self._delay_s)
            writer.write(piece)
            await writer.drain()
        with suppress(OSError):
            writer.close()
