import asyncio
from datetime import UTC, datetime

from streaming.clock import ManualClock
from streaming.llm.gate import Gate
from streaming.model.outcome import Overloaded, Unavailable

AWAY = Unavailable("connection refused")


class Probes:
    """Gives these outcomes, the last for ever, and counts."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.count = 0

    async def __call__(self):
        self.count += 1
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]


async def closed_gate(*outcomes):
    clock, probes = ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), Probes(*outcomes)
    gate = Gate(probes, clock)
    running = asyncio.create_task(gate.run())
    gate.close("connection refused")
    await clock.advance(0)
    return gate, clock, probes, running


async def test_it_is_open_until_it_is_closed():
    gate = Gate(Probes(AWAY), ManualClock(datetime(2026, 1, 1, tzinfo=UTC)))
    assert gate.is_open
    assert gate.reason is None
    gate.close("why")
    assert not gate.is_open
    assert gate.reason == "why"


async def test_probes_come_after_1_s_and_then_twice_as_late_up_to_30_s():
    gate, clock, probes, running = await closed_gate(AWAY)
    at = []
    for second in range(1, 130):
        before = probes.count
        await clock.advance(1)
        at += [second] * (probes.count - before)
    assert at == [1, 3, 7, 15, 31, 61, 91, 121]
    assert not gate.is_open
    running.cancel()


async def test_any_reply_but_unavailable_opens_it_and_wakes_who_waits():
    gate, clock, _, running = await closed_gate(AWAY, Overloaded("busy", "http_503", busy=True))
    waiting = asyncio.create_task(gate.opened())
    await clock.advance(1)
    assert not waiting.done()
    await clock.advance(2)
    assert waiting.done()
    assert gate.is_open
    assert gate.reason is None
    assert gate.probes_passed == 1
    running.cancel()


async def test_the_reason_follows_what_the_probe_finds():
    gate, clock, _, running = await closed_gate(Unavailable("model 'x' not found"))
    await clock.advance(1)
    assert gate.reason == "model 'x' not found"
    running.cancel()


async def test_it_can_close_again_and_then_starts_with_1_s_again():
    gate, clock, probes, running = await closed_gate(AWAY, AWAY, Overloaded("busy", "http_503", busy=True))
    await clock.advance(1)
    await clock.advance(2)
    await clock.advance(4)
    assert gate.is_open
    gate.close("gone again")
    await clock.advance(0)
    await clock.advance(1)
    assert gate.is_open
    assert probes.count == 4
    running.cancel()
