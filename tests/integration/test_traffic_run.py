"""Traffic through the running stack: complete, repeatable, shared among generators, cancelled."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

from streaming import settings
from streaming.clock import SystemClock
from streaming.datasets.load import load_file
from streaming.errors import UserError
from streaming.traffic.demo import complete
from streaming.traffic.plan import TrafficPlan
from streaming.traffic.progress import Progress
from streaming.traffic.run import begin_run, finish_run, run_traffic, send_share

pytestmark = pytest.mark.integration

SAMPLE = Path(__file__).parents[2] / "data" / "sample.csv"
CLOCK = SystemClock()
DRAIN_S = 180.0


@pytest.fixture(scope="module", autouse=True)
def _dataset(tmp_path_factory: pytest.TempPathFactory) -> None:
    with closing(psycopg2.connect(settings.load().database_url)) as database:
        load_file(SAMPLE, "sample", database, tmp_path_factory.mktemp("rejected"), lambda done: None)


@pytest.fixture
def run_id() -> str:
    return f"test-{uuid4()}"


def plan(**fields: Any) -> TrafficPlan:
    return TrafficPlan.model_validate({"dataset": "sample", "requests": 20, "rate": 20.0, **fields})


def sql(query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(settings.load().database_url)) as database, database.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


def state_of(run_id: str) -> str:
    ((state,),) = sql("SELECT state FROM traffic_runs WHERE run_id = %s", run_id)
    return str(state)


@pytest.mark.parametrize(
    "fields",
    [{"popularity": "zipf", "zipf_exponent": 1.5}, {"arrivals": "burst", "burst_size": 10}, {"arrivals": "closed", "users": 4}],
    ids=["poisson", "burst", "closed"],
)
async def test_a_run_drains_with_an_end_for_every_request(run_id: str, fields: dict[str, Any]) -> None:
    progress = Progress(20, CLOCK)
    finished = await run_traffic(plan(**fields), run_id, settings.load(), progress, CLOCK, DRAIN_S)
    assert not finished.backlog, finished.backlog
    assert complete(finished.summary)
    assert finished.summary.requests.total == progress.ended == 20
    assert finished.summary.state == state_of(run_id) == "drained"
    assert finished.summary.requests.real.p50 is not None
    ((stored,),) = sql("SELECT summary -> 'requests' -> 'total' FROM traffic_runs WHERE run_id = %s", run_id)
    assert stored == 20


async def test_two_generators_send_every_request_once_and_a_second_try_sends_none(run_id: str) -> None:
    loaded, shared = settings.load(), plan()
    await begin_run(shared, run_id, loaded, CLOCK)
    for _ in range(2):
        shares = [send_share(shared, run_id, index, 2, loaded, Progress(10, CLOCK), CLOCK) for index in range(2)]
        await asyncio.gather(*shares)
        rows = sql("SELECT request_number, sent_at, final_status FROM traffic_requests WHERE run_id = %s ORDER BY 1", run_id)
        assert [row[0] for row in rows] == list(range(20))
        assert {row[2] for row in rows} <= {"answered", "failed"}
    finished = await finish_run(run_id, loaded, Progress(20, CLOCK), CLOCK, DRAIN_S)
    assert finished.summary.requests.total == 20


async def test_the_same_plan_asks_the_same_questions_in_the_same_order(run_id: str) -> None:
    texts = []
    for name in (f"{run_id}-a", f"{run_id}-b"):
        await run_traffic(plan(seed=5), name, settings.load(), Progress(20, CLOCK), CLOCK, DRAIN_S)
        texts.append(
            sql(
                "SELECT q.question_text FROM traffic_requests r JOIN questions q USING (question_id) WHERE r.run_id = %s"
                " ORDER BY r.request_number",
                name,
            )
        )
    assert texts[0] == texts[1]
    assert len(texts[0]) == 20


async def test_a_cancelled_run_says_so_and_can_go_on(run_id: str) -> None:
    slow = plan(rate=4.0)
    progress = Progress(20, CLOCK)
    running = asyncio.create_task(run_traffic(slow, run_id, settings.load(), progress, CLOCK, DRAIN_S))
    async with asyncio.timeout(60):
        while progress.sent < 3:
            await asyncio.sleep(0.02)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert state_of(run_id) == "cancelled"
    ((before,),) = sql("SELECT count(*) FROM traffic_requests WHERE run_id = %s", run_id)
    assert 0 < before < 20
    finished = await run_traffic(slow, run_id, settings.load(), Progress(20, CLOCK), CLOCK, DRAIN_S)
    assert finished.summary.state == "drained"
    assert finished.summary.requests.total == 20
    assert complete(finished.summary)


async def test_a_dataset_that_is_not_loaded_is_one_clear_error(run_id: str) -> None:
    with pytest.raises(UserError, match=r"is not loaded; loaded are: .*sample"):
        await run_traffic(plan(dataset="nowhere"), run_id, settings.load(), Progress(20, CLOCK), CLOCK, DRAIN_S)
    assert state_of(run_id) == "failed"
