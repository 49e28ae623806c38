"""One idea of a name: what a plan takes as an answer set, a model or a run, the API takes from each request of that run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from typer.testing import CliRunner

from streaming import names
from streaming.errors import UserError
from streaming.replays import plan as replays
from streaming.replays.cli import replay
from streaming.storage.schemas import QuestionIn, ReplayIn
from streaming.traffic.cli import traffic
from streaming.traffic.plan import TrafficPlan

# Nothing to see, nothing to print, or too long.
NO_NAMES = ["", " ", "\t", "a\nb", "\u2028", "\u200b", "\u0085", "a\u00a0b", "\ud800", "x" * 201]


def _takes(check: object, name: str) -> bool:
    try:
        check(name)  # type: ignore[operator]
    except (ValidationError, UserError):
        return False
    return True


@pytest.mark.parametrize("name", NO_NAMES)
@pytest.mark.parametrize("field", ["dataset", "model", "answer_set"])
def test_what_the_api_would_refuse_no_plan_takes(field: str, name: str) -> None:
    with pytest.raises(ValidationError, match=field):
        TrafficPlan.model_validate({"dataset": "sample", field: name})


@given(st.text(max_size=210) | st.sampled_from(["\u2028", "\u200b", " ", "\x85"]))
def test_a_plan_takes_an_answer_set_if_and_only_if_the_api_does(name: str) -> None:
    in_plan = _takes(lambda given: TrafficPlan(dataset="d", answer_set=given), name)
    assert in_plan == _takes(lambda given: QuestionIn(question_text="Why?", answer_set=given), name)
    assert in_plan == _takes(lambda given: names.checked(given, "a run"), name)


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_replay_asks_no_model_that_the_api_would_refuse(name: str) -> None:
    with pytest.raises(UserError, match="model"):
        replays.checked(model=name)
    assert not _takes(lambda given: ReplayIn(submission_id="11111111-1111-4111-8111-111111111111", model=given), name)


@pytest.mark.parametrize(("command", "option", "of"), [(traffic, "--run-id", "a run"), (replay, "--replay-id", "a replay")])
@pytest.mark.parametrize("name", ["", " ", "\u200b", "x" * 201])
def test_a_run_that_every_request_would_be_refused_for_does_not_begin(command: object, option: str, of: str, name: str) -> None:
    import typer

    app = typer.Typer()
    app.command()(command)  # type: ignore[type-var]
    result = CliRunner().invoke(app, [option, name])
    assert isinstance(result.exception, UserError)
    assert f"cannot be the name of {of}" in str(result.exception)


def test_a_schema_tells_a_form_what_no_name_holds() -> None:
    schema = TypeAdapter(names.Name).json_schema()
    assert (schema["minLength"], schema["maxLength"], schema["pattern"]) == (1, 200, r"^[^\x00-\x1f\x7f]+$")
