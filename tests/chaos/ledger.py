"""The client of a chaos run: asks questions at a steady rate or all at once, and writes down what became of each POST."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import httpx

from streaming.identity import question_id
from tests.chaos.evidence import Asked, Fate

AT_ONCE = 32
PATIENCE_S = 20.0


@dataclass(frozen=True)
class Question:
    """What is asked. Without a reference, the model's first answer is the end."""

    text: str
    reference: str | None


async def ask(api_url: str, answer_set: str, questions: Sequence[Question], rate: float) -> list[Asked]:
    """POST each question once, `rate` a second at most and 32 at once; a POST that got no reply in 20 s is `unknown`."""
    room = asyncio.Semaphore(AT_ONCE)
    begun = time.monotonic()
    async with httpx.AsyncClient(base_url=api_url, timeout=PATIENCE_S, trust_env=False) as client:

        async def one(number: int, question: Question) -> Asked:
            await asyncio.sleep(begun + number / rate - time.monotonic())
            async with room:
                return await _post(client, answer_set, question)

        return list(await asyncio.gather(*(one(number, question) for number, question in enumerate(questions))))


async def _post(client: httpx.AsyncClient, answer_set: str, question: Question) -> Asked:
    body = {"question_text": question.text, "answer_set": answer_set}
    if question.reference is not None:
        body["original_answer"] = question.reference
    at, submission, status = time.time(), None, None
    fate: Fate = "unknown"
    try:
        reply = await client.post("/questions", json=body)
    except httpx.ConnectError:
        # Nothing left the client.
        fate = "refused"
    except httpx.HTTPError:
        fate = "unknown"
    else:
        status = reply.status_code
        # What a 5xx has done is not said: a claim may have been committed before it.
        fate = "acknowledged" if status in (200, 202) else "refused" if status < 500 else "unknown"
        if fate == "acknowledged":
            submission = UUID(reply.json()["submission_id"])
    return Asked(question.text, question_id(answer_set, question.text), submission, at, fate, status)
