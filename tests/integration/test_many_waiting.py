"""Five hundred clients wait for answers at once, a hundred of them leave, and the API goes on for everybody else."""

import asyncio
import time
from uuid import uuid4

import httpx

from streaming import settings
from tests import stack

WAITING, LEAVING = 500, 100
SOON_S = 2.0


async def test_an_api_that_five_hundred_wait_at_answers_others_at_once_and_everybody_in_the_end() -> None:
    answer_set = f"waiting-{uuid4()}"
    limits = httpx.Limits(max_connections=WAITING + 10)
    async with httpx.AsyncClient(base_url=settings.load().api_url, timeout=90, limits=limits, trust_env=False) as client:
        stack.set_faults(down=True)
        try:
            asked = await asyncio.gather(*(ask(client, answer_set, number) for number in range(50)))
            waiting = [
                asyncio.create_task(client.get(f"/questions/{asked[number % 50]}", params={"wait": 60})) for number in range(WAITING)
            ]
            await until_waited_for(client, WAITING)
            for left in waiting[:LEAVING]:
                left.cancel()
            await until_waited_for(client, WAITING - LEAVING)
            began = time.monotonic()
            await ask(client, answer_set, WAITING)
            assert time.monotonic() - began < SOON_S
        finally:
            stack.set_faults()
        replies = await asyncio.gather(*waiting[LEAVING:])
    assert {(reply.status_code, reply.json()["status"]) for reply in replies} == {(200, "found")}


async def ask(client: httpx.AsyncClient, answer_set: str, number: int) -> str:
    reply = await client.post("/questions", json={"question_text": f"What is {number} plus one?", "answer_set": answer_set})
    assert reply.status_code == 202, reply.text
    return str(reply.json()["question_id"])


async def until_waited_for(client: httpx.AsyncClient, polls: int, within_s: float = 30) -> None:
    end = time.monotonic() + within_s
    while (found := waiting_in((await client.get("/metrics")).text)) != polls:
        assert time.monotonic() < end, f"{found} polls wait, not {polls}"
        await asyncio.sleep(0.1)


def waiting_in(metrics: str) -> int:
    return next(int(float(line.split()[-1])) for line in metrics.splitlines() if line.startswith("answerloop_waiters "))
