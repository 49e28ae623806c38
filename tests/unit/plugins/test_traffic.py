"""Sending a share of a run's traffic."""

import asyncio
import threading
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from answerloop_airflow import experiment
from answerloop_airflow.operators import traffic
from answerloop_airflow.operators.traffic import SendTrafficOperator
from streaming.errors import Unreachable, UserError
from streaming.postgres import connect as postgres
from streaming.traffic import preconditions, run, runs

DEADLINE_S = 20


class Loop:
    """Stands for the loop: what was recorded of the run, and what sending does."""

    def __init__(self) -> None:
        self.recorded: list[str] = []
        self.sent: list[tuple[int, int]] = []
        self.state = "sending"
        self.sending = threading.Event()
        self.outcome: Exception | None = None
        self.endless = False

    async def begin_run(self, plan: Any, run_id: str, *_: Any) -> None:
        self.recorded.append("sending")

    async def join_run(self, plan: Any, run_id: str, *_: Any) -> None:
        if self.state == "cancelled":
            raise UserError(f"The run {run_id!r} is cancelled.")
        self.recorded.append("sending")

    async def end_run(self, run_id: str, state: str, *_: Any) -> None:
        self.recorded.append(state)

    async def send_share(self, plan: Any, run_id: str, index: int, of: int, settings: Any, progress: Any, clock: Any) -> None:
        self.sending.set()
        if self.endless:
            await asyncio.sleep(DEADLINE_S)
        if self.outcome:
            raise self.outcome
        self.sent.append((index, of))
        progress.ends["answered"] += progress.requests


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    fake = Loop()
    for name in ("begin_run", "join_run", "end_run", "send_share"):
        monkeypatch.setattr(run, name, getattr(fake, name))
    monkeypatch.setattr(runs, "state_of", lambda *_: fake.state)
    monkeypatch.setattr(postgres, "connected", lambda _: nullcontext())
    monkeypatch.setattr(traffic, "LOOK_FOR_CANCELLATION_S", 0.01)
    return fake


def context(try_number: int = 1) -> Any:
    return {"ti": SimpleNamespace(try_number=try_number)}


def operator(index: int = 0, of: int = 1) -> SendTrafficOperator:
    share = {"plan": {"dataset": "sample", "requests": 5}, "index": index, "of": of}
    return SendTrafficOperator(task_id="send", run_id="r1", share=share)


def test_a_share_sends_its_part_and_returns_how_it_ended(loop: Loop) -> None:
    assert operator(1, 2).execute(context()) == {"answered": 2}
    assert loop.sent == [(1, 2)]
    assert loop.recorded == ["sending"]


def test_a_killed_task_stops_sending_and_the_run_is_cancelled(loop: Loop) -> None:
    loop.endless = True
    killed = operator()

    def kill() -> None:
        assert loop.sending.wait(DEADLINE_S)
        killed.on_kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(AirflowException, match="r1 was cancelled"):
        killed.execute(context())
    killer.join()
    assert loop.sent == []
    assert loop.recorded == ["sending", "cancelled"]


def test_a_run_cancelled_elsewhere_stops_every_share(loop: Loop) -> None:
    loop.endless = True

    def cancel_elsewhere() -> None:
        assert loop.sending.wait(DEADLINE_S)
        loop.state = "cancelled"

    elsewhere = threading.Thread(target=cancel_elsewhere)
    elsewhere.start()
    with pytest.raises(AirflowException, match="r1 was cancelled"):
        operator().execute(context())
    elsewhere.join()
    assert loop.sent == []


def test_a_share_that_begins_after_the_run_was_cancelled_leaves_it_so_and_is_not_tried_again(loop: Loop) -> None:
    loop.state = "cancelled"
    with pytest.raises(AirflowFailException, match="'r1' is cancelled"):
        operator(1, 2).execute(context())
    assert loop.recorded == loop.sent == []


def test_a_share_that_is_tried_again_goes_on_with_a_cancelled_run(loop: Loop) -> None:
    loop.state = "cancelled"
    assert operator(1, 2).execute(context(try_number=2)) == {"answered": 2}
    assert loop.recorded == ["sending"]


def test_a_component_that_is_away_fails_the_try_and_the_run_says_so(loop: Loop) -> None:
    loop.outcome = Unreachable("The API is away.")
    with pytest.raises(AirflowException, match=r"^The API is away\.$") as caught:
        operator().execute(context())
    assert not isinstance(caught.value, AirflowFailException)
    assert loop.recorded == ["sending", "failed"]


def test_killing_a_task_that_has_not_begun_is_harmless() -> None:
    operator().on_kill()


def test_a_plan_that_cannot_be_run_is_refused_before_anything_is_recorded(loop: Loop) -> None:
    form = {"dataset": "sample", "requests": 0, "arrivals": "ramp", "timeout_s": 60, "generators": 1}
    with pytest.raises(AirflowFailException, match="requests: Input should be greater than or equal to 1") as caught:
        experiment.begin("r1", form)
    assert "\n" in str(caught.value)
    assert loop.recorded == []


def test_every_generator_gets_its_share_of_one_plan(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing_is_missing(*_: Any) -> None: ...

    monkeypatch.setattr(preconditions, "check_run", nothing_is_missing)
    shares = experiment.begin("r1", {"dataset": "sample", "requests": 9, "timeout_s": 77, "generators": 3})
    assert [(share["index"], share["of"]) for share in shares] == [(0, 3), (1, 3), (2, 3)]
    assert all(share["plan"] == shares[0]["plan"] for share in shares)
    assert shares[0]["plan"]["resolve_timeout_s"] == 77
    assert loop.recorded == ["sending"]
