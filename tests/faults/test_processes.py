"""Whatever dies in the middle of a run comes back by itself, and the run drains, complete."""

import asyncio

import pytest

from tests import stack

pytestmark = pytest.mark.faults

SERVICES = ["storage-api", "storage-persister", "llm-consumer", "retry-overload", "retry-quota", "job-submitter", "simulator"]


async def run_while(dataset: str, work: "asyncio.Future[None]", requests: int, rate: float) -> None:
    run_id, finished = (await asyncio.gather(stack.traffic(dataset=dataset, requests=requests, rate=rate, patience_s=60), work))[0]
    assert not finished.backlog, str(finished.backlog)
    stack.assert_complete(run_id)
    assert stack.sql("SELECT count(*) FROM failed_questions WHERE run_id = %s", run_id) == [(0,)]


async def test_every_service_killed_in_turn_comes_back_and_the_run_drains_complete(dataset: str) -> None:
    async def kill_each() -> None:
        for service in SERVICES:
            await asyncio.sleep(1.5)  # into the traffic, between one death and the next
            pid = await asyncio.to_thread(stack.kill, service)
            await asyncio.to_thread(stack.until_restarted, service, pid)

    await run_while(dataset, asyncio.ensure_future(kill_each()), requests=150, rate=6)


@pytest.mark.parametrize("component", ["flink-taskmanager", "flink-jobmanager"])
async def test_a_killed_flink_process_comes_back_with_the_job_and_its_state(dataset: str, component: str) -> None:
    async def kill_it() -> None:
        await asyncio.sleep(3)
        pid = await asyncio.to_thread(stack.kill, component)
        await asyncio.to_thread(stack.until_restarted, component, pid)

    await run_while(dataset, asyncio.ensure_future(kill_it()), requests=80, rate=8)


@pytest.mark.parametrize("component", ["postgres", "redis", "kafka"])
async def test_a_killed_store_comes_back_and_nothing_is_lost(dataset: str, component: str) -> None:
    async def kill_it() -> None:
        await asyncio.sleep(3)
        pid = await asyncio.to_thread(stack.kill, component)
        await asyncio.to_thread(stack.until_restarted, component, pid)

    await run_while(dataset, asyncio.ensure_future(kill_it()), requests=80, rate=8)
