"""What a summary says to people, and what the demo makes of it."""

import io

import msgspec
import pytest
from rich.console import Console

from streaming.figures.run_summary import Attempts, Percentiles, Replays, Requests, Retries, RunSummary, Scores, Stages
from streaming.traffic.demo import complete, paths
from streaming.traffic.run_table import run_table

NONE = Percentiles(None, None, None, None, None)
EMPTY = RunSummary(
    run_id="run-1",
    state="drained",
    dataset="sample",
    model="llama",
    simulated=False,
    requests=Requests(0, {}, {}, 0, 0, 0, NONE, NONE, None, None, None),
    scores=Scores(0, 0, 0, 0, None, None, 0, None, 0, None),
    attempts=Attempts(0, 0, {}, {}),
    failures={},
    stages=Stages(None, None, None, None, None),
    replays=Replays(0, 0, 0),
)
FULL = msgspec.structs.replace(
    EMPTY,
    simulated=True,
    requests=Requests(
        10, {"found": 3, "pending": 7}, {"answered": 9, "failed": 1}, 3, 0, 1, Percentiles(1, 2, 3, 4, 5), NONE, 4.0, 2.5, 2.0
    ),
    scores=Scores(9, 8, 1, 2, 0.612, 0.789, 4, 0.5, 3, 0.123),
    attempts=Attempts(20, 11, {"simulated": 20}, {"overload": Retries(5, 4), "quality": Retries(6, 3)}),
    failures={"overload_exhausted": 1},
    stages=Stages(10, 20, 30, 4000, 5),
    replays=Replays(1, 1, 0),
)


def text(summary: RunSummary) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(run_table(summary))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(
    "said",
    [
        "10: 3 found, 7 pending at first; 9 answered, 1 failed in the end",
        "2.5 sent/s, 2.0 ended/s over 4.0 s",
        "first 0.612, final 0.789",
        "50.0% of the scored answers; 3 of 4 helped, mean improvement 0.123",
        "overload 5 (4 succeeded), quality 6 (3 succeeded)",
        "20, of which 11 extra",
        "1 overload_exhausted",
        "9: 2 best attempts, 1 unscored",
        "1: 1 answered, 0 failed",
        "4,000",
    ],
)
def test_the_figures_of_a_run_are_shown(said: str) -> None:
    assert said in text(FULL)


def test_a_simulated_run_is_never_shown_as_a_real_one() -> None:
    assert "SIMULATED" in text(FULL)
    assert "SIMULATED" not in text(EMPTY)


def test_a_run_without_figures_is_shown_with_dashes() -> None:
    shown = text(EMPTY)
    assert "None" not in shown
    assert "first -, final -" in shown


def test_a_summary_survives_being_stored() -> None:
    assert msgspec.convert(msgspec.to_builtins(FULL), RunSummary) == FULL


def test_a_run_is_complete_when_every_request_was_answered_or_failed() -> None:
    assert complete(FULL)
    open_requests = msgspec.structs.replace(FULL.requests, final={"answered": 8, "failed": 1, "unresolved": 1})
    assert not complete(msgspec.structs.replace(FULL, requests=open_requests))


def test_the_demo_counts_every_path_and_shows_those_not_taken() -> None:
    assert paths(FULL) == {
        "found in the cache": 3,
        "pending at first": 7,
        "asked again after an overload": 5,
        "asked again after a quota error": 0,
        "regeneration that helped": 3,
        "best attempt accepted": 2,
        "permanent failure": 1,
    }
    assert set(paths(EMPTY).values()) == {0}
