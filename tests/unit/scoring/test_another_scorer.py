"""Another scorer, entered where scorers are entered, scores for the job and for calibrations through the setting alone."""

import pickle
import subprocess
import sys

import pytest

from flink.judging import judge
from flink.outputs import Source, effect
from flink.routing import Remembered, Rules
from streaming import topics
from streaming.calibration.calibrate import scores
from streaming.calibration.pairs import Labelled
from streaming.contracts import Validated, decode, encode
from streaming.errors import ConfigurationError
from streaming.figures.rates import Group
from streaming.retry_policy import Budget
from streaming.scoring import scorers
from streaming.scoring.pair import Pair
from streaming.scoring.scorers import scorer
from streaming.settings import Settings
from tests.unit.flink_routing.messages import NOW, response
from tests.unit.scoring.toy_scorer import SharedWords

SETTINGS = Settings(scorer="shared_words")
REFERENCE = "air scatters blue light"


@pytest.fixture(autouse=True)
def _shared_words_are_a_scorer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scorers, "SCORERS", {**scorers.SCORERS, "shared_words": SharedWords.configured})


def test_the_job_judges_with_it_and_writes_its_name_beside_each_score() -> None:
    configured = pickle.loads(pickle.dumps(scorer(SETTINGS)))  # as it goes to Flink's workers
    configured.load()
    texts = ["Air scatters blue light", "air is blue", " "]
    judged = judge([encode(response(llm_response=text, original_answer=REFERENCE)) for text in texts], configured, NOW)
    assert [(each.score, each.scorer, each.cause) for each in judged] == [
        (1.0, "shared words 1", None),
        (0.4, "shared words 1", None),
        (None, None, "unscorable"),
    ]


def test_what_leaves_the_job_follows_from_its_scores() -> None:
    configured = scorer(SETTINGS)
    configured.load()
    value = encode(response(llm_response="air is blue", original_answer=REFERENCE))
    [judged] = judge([value], configured, NOW)
    done = effect(Source(0, 7, value), judged, Remembered(), Rules(threshold=0.4, budget=Budget.SHARED), NOW)
    [passed] = done.outputs
    assert passed.topic == topics.VALIDATED
    answer = decode(Validated, passed.value)
    assert (answer.bert_score, answer.scorer) == (0.4, "shared words 1")


def test_a_calibration_scores_with_it() -> None:
    configured = scorer(SETTINGS)
    configured.load()
    pairs = [Labelled(Group.MATCHED, "kind", Pair("Blue light", "blue light")), Labelled(Group.UNRELATED, "kind", Pair("", "blue light"))]
    scored, left_out = scores(pairs, configured, lambda *_: None)
    assert scored == [(Group.MATCHED, "kind", 1.0)]
    assert left_out == {"unrelated: a text has no words": 1}


def test_a_scorer_that_is_not_known_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"ANSWERLOOP_SCORER='taste' is not known\. .* one of these: bertscore, shared_words"):
        scorer(Settings(scorer="taste"))


def test_whoever_only_names_the_scorer_or_sends_it_to_a_worker_loads_no_torch() -> None:
    named = "from streaming.scoring.scorers import scorer; from streaming.settings import Settings; scorer(Settings()).name"
    program = f"import pickle, sys; {named}; pickle.dumps(scorer(Settings())); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0
