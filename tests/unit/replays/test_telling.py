"""What people are told of a choice and an outcome."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from rich.console import Console, RenderableType

from streaming.replays.choice import Choice, Failure, Place
from streaming.replays.outcome import Outcome
from streaming.replays.plan import ReplayPlan
from streaming.replays.replay import needs_approval, verdict
from streaming.replays.tables import choice_markdown, choice_table, outcome_table, plain
from streaming.settings import Settings

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def choice(matched: int, chosen: int, replayed: int = 0, **texts: str) -> Choice:
    fields = {"question": "why?", "error": "busy", "cause": "overload_exhausted", **texts}
    sample = [Failure(uuid4(), uuid4(), "r1", failed_at=NOW, **fields)]
    return Choice("evening", {fields["cause"]: matched}, chosen, replayed, Place(NOW, uuid4()), sample)


def said(plan: ReplayPlan, chosen: Choice) -> str:
    return verdict(plan, chosen, Settings())


def shown(table: RenderableType) -> str:
    console = Console(width=110, record=True)
    console.print(table)
    return console.export_text()


def test_the_verdict_says_how_many_and_by_which_filter() -> None:
    assert said(ReplayPlan(cause="x"), choice(3, 3)) == "To be replayed: all 3 failures that match (cause 'x')."
    assert said(ReplayPlan(limit=2), choice(3, 2)) == "To be replayed: 2 of 3 failures (no filter)."


def test_a_dry_run_says_that_nothing_happens() -> None:
    assert said(ReplayPlan(dry_run=True), choice(3, 3)) == "Dry run: all 3 failures that match (no filter) would be replayed; nothing is."


def test_a_replay_that_goes_on_says_what_was_done_before() -> None:
    assert said(ReplayPlan(), choice(3, 3, replayed=4)).endswith("; 4 were replayed before under this name.")


@pytest.mark.parametrize(("chosen", "needed"), [(500, False), (501, True)])
def test_only_more_than_the_set_number_need_a_person(chosen: int, needed: bool) -> None:
    assert needs_approval(ReplayPlan(), choice(600, chosen)) is needed
    assert ("once a person approves" in said(ReplayPlan(), choice(600, chosen))) is needed


def test_the_outcome_says_how_many_recovered_and_why_the_others_did_not() -> None:
    outcome = Outcome("evening", 10, 6, {"overload_exhausted": 2, "unscorable": 1}, {"overload_exhausted": "busy", "unscorable": "NaN"}, 1)
    assert str(outcome) == "10 replayed: 6 recovered, 3 failed again (2 overload_exhausted, 1 unscorable), 1 pending"
    table = shown(outcome_table(outcome))
    assert "failed again: overload_exhausted" in table
    assert "busy" in table
    assert str(Outcome("evening", 1, 1, {}, {}, 0)) == "1 replayed: 1 recovered, 0 failed again"


def test_texts_of_questions_and_errors_are_shown_as_they_are_and_nothing_in_them_acts() -> None:
    table = shown(choice_table(choice(1, 1, question="[bold]why?[/] \x1b[31m", error="two\nlines", cause="[link=x]c")))
    assert "[bold]why?[/]" in table
    assert "two lines" in table
    assert "\x1b" not in table


def test_in_markdown_no_text_leaves_its_cell() -> None:
    told = choice_markdown(choice(1, 1, question="a `b` | <img src=x> \\| [c](http://d)", error="\n", cause="x\ny"))
    assert "| `x y` | 1 |" in told
    assert "| 2026-05-01 00:00:00 | `r1` | `a 'b' ¦ <img src=x> \\¦ [c](http://d)` | `-` |" in told


def test_a_long_text_is_cut() -> None:
    assert plain("x" * 300, 10).plain == "x" * 9 + "…"
