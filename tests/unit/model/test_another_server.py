"""A model server of another kind, entered where servers are entered, is asked by everybody through the setting alone."""

from datetime import UTC, datetime

import pytest

from streaming import topics
from streaming.clock import ManualClock
from streaming.errors import ConfigurationError
from streaming.model import servers
from streaming.model.installed import advice_against
from streaming.model.servers import model_server
from streaming.model.simulated import says_it_is_simulated
from streaming.settings import Settings
from tests.unit.llm.loop import Harness, question
from tests.unit.model.toy_server import Parrot

SETTINGS = Settings(model_api="parrot", model="grey")


@pytest.fixture(autouse=True)
def _a_parrot_is_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "SERVERS", {**servers.SERVERS, "parrot": Parrot.configured})


async def test_the_model_consumer_asks_it_and_reports_what_its_replies_mean() -> None:
    server = model_server(SETTINGS)
    async with Harness(model=server) as harness:
        await harness.ask(question("Why?"), question("busy?"), question("late?"), question("mute?"))
        await harness.ask(question("an unknown model?", requested_model="ara"))
        [response] = await harness.arrived(topics.SUCCESS)
        overloads = {each.question_text: each for each in await harness.arrived(topics.OVERLOAD, 3)}
        [fatal] = await harness.arrived(topics.FATAL)
    assert (response.llm_response, response.model, response.tokens) == ("Why?\ufffd", "configured", None), "made fit for the loop"
    assert (overloads["busy?"].error_kind, overloads["busy?"].retry_after_seconds) == ("http_503", 4.0)
    assert overloads["late?"].error_kind == "deadline"
    assert (overloads["mute?"].error_kind, overloads["mute?"].error_message) == ("broken_reply", "it opens its beak and says nothing")
    assert (fatal.error_type, fatal.error_message) == ("model_missing", "404 Not Found: no such bird: ara")
    assert isinstance(server, Parrot)
    assert (server.entered, server.left) == (1, 1)


async def test_whoever_begins_a_run_asks_it_for_its_models_and_whether_it_is_simulated() -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    advice = await advice_against("ara", model_server(SETTINGS), clock)
    assert advice == "the model server has no model 'ara'; it has grey. Choose one of these, or install it there."
    assert await advice_against("grey", model_server(SETTINGS), clock) is None
    assert await says_it_is_simulated(model_server(SETTINGS))


def test_a_server_that_is_not_known_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"ANSWERLOOP_MODEL_API='raven' is not known\. Set it to one of these: .*ollama.*parrot"):
        model_server(Settings(model_api="raven"))
