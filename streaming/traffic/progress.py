"""How a run gets on: counted by the generator, shown live in a terminal, in plain log lines elsewhere."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from streaming.clock import Clock

log = logging.getLogger(__name__)

LOG_EVERY_S = 5.0
SHOW_EVERY_S = 0.25


@dataclass
class Progress:
    """Counts of a run's requests. `waiting`: pending at first and without an answer yet; `ends`: by final status."""

    requests: int
    clock: Clock
    sent: int = 0
    found: int = 0
    waiting: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    stage: str = "starting"
    started: float = field(init=False)
    last_sent: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.last_sent = self.clock.monotonic()

    def count_sent(self) -> None:
        """A request goes out now."""
        self.sent += 1
        self.last_sent = self.clock.monotonic()

    def resume(self, ends: Iterable[str]) -> None:
        """An earlier try has brought these requests to their ends."""
        self.ends.update(ends)
        self.sent += self.ends.total()

    @property
    def ended(self) -> int:
        """Requests of which nothing more is expected."""
        return self.ends.total()

    @property
    def elapsed_s(self) -> float:
        return self.clock.monotonic() - self.started

    @property
    def rate(self) -> float:
        """Requests sent a second, up to the last one sent."""
        return self.sent / max(self.last_sent - self.started, 1.0)

    @property
    def eta_s(self) -> float | None:
        """Seconds until all have ended if it goes on as so far; None before the first has."""
        return (self.requests - self.ended) * self.elapsed_s / self.ended if self.ended else None

    def line(self) -> str:
        """All of it in one line."""
        eta = "" if self.eta_s is None else f", about {self.eta_s:.0f} s left"
        ends = ", ".join(f"{count} {status}" for status, count in sorted(self.ends.items())) or "none has ended"
        return (
            f"{self.stage}: {self.sent}/{self.requests} sent ({self.rate:.1f}/s), {self.found} found at once, {self.waiting} pending, "
            f"{ends}{eta}"
        )


@asynccontextmanager
async def shown(progress: Progress, console: Console) -> AsyncIterator[None]:
    """Show the progress for the length of the block: as a live display in a terminal, else as a log line every few seconds."""
    if console.is_terminal:
        with Live(get_renderable=lambda: _display(progress), console=console, refresh_per_second=1 / SHOW_EVERY_S):
            yield
        return
    task = asyncio.create_task(_log(progress))
    try:
        yield
    finally:
        task.cancel()
        log.info("%s", progress.line())


async def _log(progress: Progress) -> None:
    while True:
        await progress.clock.sleep(LOG_EVERY_S)
        log.info("%s", progress.line())


def _display(progress: Progress) -> Table:
    counts = {
        "sent": progress.sent,
        "found at once": progress.found,
        "pending": progress.waiting,
        **{status: progress.ends[status] for status in ("answered", "failed", "refused", "unresolved")},
        "rate": f"{progress.rate:.1f}/s",
        "left": "-" if progress.eta_s is None else f"{progress.eta_s:.0f} s",
    }
    numbers = Table(*counts, box=None, header_style="dim", pad_edge=False)
    numbers.add_row(*(str(count) for count in counts.values()))
    table = Table.grid(padding=(0, 2))
    table.add_row(
        f"[bold]{progress.stage}[/]", ProgressBar(progress.requests, progress.ended, width=40), f"{progress.ended}/{progress.requests}"
    )
    outer = Table.grid()
    outer.add_row(table)
    outer.add_row(numbers)
    return outer
