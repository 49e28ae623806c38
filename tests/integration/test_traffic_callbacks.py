"""Traffic whose answers come back by callbacks, from the API's own sender."""

import asyncio
import base64
from collections.abc import Iterator

import numpy as np
import pytest
from pydantic import SecretStr

from streaming.clock import SystemClock
from streaming.traffic.api import QuestionApi
from streaming.traffic.generator import Generator
from streaming.traffic.plan import Results, TrafficPlan
from streaming.traffic.progress import Progress
from streaming.traffic.run import learning
from tests.integration.storage_bench import Storage, storage, until
from tests.unit.storage.messages import Submission
from tests.unit.traffic.test_generator import ListFeed, Recorded

pytestmark = pytest.mark.integration

CLOCK = SystemClock()
SECRET = SecretStr("whsec_" + base64.b64encode(bytes(range(32))).decode())
OPEN = {"callback_hosts": ("127.0.0.1",), "callback_secret": SECRET, "callback_allow_private": True}


@pytest.fixture
def bench() -> Iterator[Storage]:
    with storage() as made:
        yield made


async def test_requests_end_as_the_api_calls_back(bench: Storage) -> None:
    recorded = Recorded()
    plan = TrafficPlan(dataset="d", answer_set=bench.answer_set, resolve_timeout_s=60, results=Results.CALLBACK)
    settings = bench.settings.model_copy(update=OPEN)
    async with (
        bench.api(**OPEN) as http,
        QuestionApi("http://localhost", None, CLOCK, http._transport) as api,
        learning(plan.results, api, settings, CLOCK) as ends,
    ):
        progress = Progress(3, CLOCK)
        generator = Generator(plan, "run", api, ends, recorded, progress, CLOCK, {})  # type: ignore[arg-type]
        feed = ListFeed({0: "one?", 1: "two?", 2: "one?"})
        sending = asyncio.create_task(generator.open_loop(feed, np.zeros(3)))  # type: ignore[arg-type]

        async def asked() -> bool:
            return sum(each.first_status == "pending" for each in recorded.requests.values()) == 3

        await until(asked, "all are pending")
        one, two = (
            Submission(each.question_id, bench.question(each.question_id)["submission_id"])  # type: ignore[arg-type]
            for each in (recorded.requests[0], recorded.requests[1])
        )
        await bench.persist(one.validated(0.9), two.fatal("model_missing", retry_count=0))
        await sending

        async def delivered() -> bool:
            return all(row["delivered_at"] for row in bench.rows("SELECT delivered_at FROM callbacks"))

        await until(delivered, "the API knows that it has called back")
    assert [recorded.requests[number].final_status for number in range(3)] == ["answered", "failed", "answered"]
    assert {row["url"] for row in bench.rows("SELECT url FROM callbacks")} == {ends.callback_url}
