"""A model server that some questions kill: it resets all its calls, is away for a while and is started again."""

import asyncio

from tests.unit.llm.loop import REFUSED, RESET, answer


class FragileModel:
    """Calls take `service_s` of the clock. Who calls while it is away gets `away`."""

    def __init__(self, clock, killers, service_s=6.0, restart_s=3.0, away=REFUSED):
        self.clock = clock
        self.killers = killers
        self.service_s = service_s
        self.restart_s = restart_s
        self.away = away
        self.asked = []
        self._up_at = 0.0
        self._crash = asyncio.Event()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    @property
    def is_up(self):
        return self.clock.monotonic() >= self._up_at

    async def generate(self, model, question_text, retry_count):
        self.asked.append(question_text)
        if not self.is_up:
            return self.away
        crash = self._crash
        ends = {asyncio.ensure_future(self.clock.sleep(self.service_s)), asyncio.ensure_future(crash.wait())}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
        if crash.is_set():
            return RESET
        if question_text in self.killers:
            self._crash, self._up_at = asyncio.Event(), self.clock.monotonic() + self.restart_s
            crash.set()
            return RESET
        return answer(question_text)

    async def probe(self, model):
        return answer() if self.is_up else self.away
