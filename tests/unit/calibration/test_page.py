"""What a calibration's report says and holds."""

import csv
import io
import json
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from streaming.calibration.calibrate import write
from streaming.calibration.chart import distributions, errors
from streaming.calibration.files import FILES
from streaming.calibration.page import body, page, quoted
from streaming.calibration.thresholds import calibration, samples_of
from streaming.figures.rates import Calibration, Group
from streaming.figures.scope import Kind
from streaming.reports.folder import place

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
VARIANT, OF_A_MODEL = "variant: last quarter cut off", "answer of llama3.2:1b"
UNRELATED = "reference of another question"


def made(*scored: tuple[Group, str, float], dataset: str = "sample", threshold: float = 0.75) -> Calibration:
    return calibration(
        scorer="all-MiniLM-L6-v2 layer 6 bert_score 0.3.13",
        dataset=dataset,
        seed=7,
        questions=4,
        started_at=NOW,
        finished_at=NOW,
        samples=samples_of(scored),
        left_out={"matched: answer: the text is blank": 1},
        threshold=threshold,
    )


SMALL = (
    *((Group.MATCHED, VARIANT, score) for score in (0.7, 0.9, 0.95)),
    (Group.MATCHED, OF_A_MODEL, 0.85),
    *((Group.UNRELATED, UNRELATED, score) for score in (0.1, 0.2, 0.3, 0.8)),
)
SIMULATED = (Group.SIMULATED, "answer of llama3.2:1b (simulated)", 0.01)


class Reader(HTMLParser):
    """The text that a page shows, and the types of its scripts."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.text, self.scripts = "", []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self.scripts.append(dict(attrs).get("type"))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:
            self.text += data


def text_of(result: Calibration) -> str:
    return " ".join(Reader(body(result)).text.split())


def test_the_first_sentence_is_the_one_that_run_reports_quote() -> None:
    sentence = quoted(made(*SMALL).in_use)
    assert sentence.startswith("0.75 accepts 25.0 % of unrelated answers with this scorer (1 of 4, 4.6 to 69.9 %)")
    assert "refuses 25.0 % of matched ones (1 of 4" in sentence
    assert sentence in text_of(made(*SMALL))


def test_the_page_says_what_matched_answers_are_and_never_passes_variants_off_as_answers() -> None:
    text = text_of(made(*SMALL))
    assert "3 of 4 matched answers are variants of the reference, made by fixed rules" in text
    assert VARIANT in text
    assert OF_A_MODEL in text
    assert f"Where the matched answer is {OF_A_MODEL}, it refuses 0 % (0 of 1, 0.0 to 79.3 %)." in text
    assert f"Where the matched answer is {VARIANT}" not in text
    only_answers = text_of(made((Group.MATCHED, OF_A_MODEL, 0.9), (Group.UNRELATED, UNRELATED, 0.1)))
    assert "made by fixed rules" not in only_answers
    assert "nobody has judged whether it is right" in only_answers


def test_simulated_answers_are_named_and_change_no_figure() -> None:
    with_them, without = made(*SMALL, SIMULATED), made(*SMALL)
    assert with_them.simulated
    assert not without.simulated
    assert (with_them.in_use, with_them.recommended, with_them.strict) == (without.in_use, without.recommended, without.strict)
    assert "SIMULATED" not in text_of(without)
    text = text_of(with_them)
    assert "1 of llama3.2:1b (simulated): shown, in no rate" in text
    assert "SIMULATED answers" in text


def test_pairs_without_a_score_are_counted_with_their_reason() -> None:
    assert "Not scored: 1 pair, matched: answer: the text is blank." in text_of(made(*SMALL))


def test_without_a_recommendation_the_page_says_so() -> None:
    text = text_of(made((Group.MATCHED, VARIANT, 0.5), (Group.UNRELATED, UNRELATED, 0.5)))
    assert "No threshold is recommended" in text
    assert "this scorer is of no use on this dataset" in text


def test_the_charts_count_every_pair_and_mark_both_thresholds() -> None:
    result = made(*SMALL, SIMULATED, (Group.SAME_TOPIC, "reference of another question of the topic", 1.0))
    figure = distributions(result).figure
    # The last point of a line repeats its last bin, to draw that bin's end.
    assert [sum(trace.y[:-1]) for trace in figure.data] == [4, 4, 1, 1]
    assert {each.text for each in figure.layout.annotations} == {"in use: 0.75", f"recommended: {result.recommended:g}"}
    curves = {trace.name: trace for trace in errors(result).figure.data}
    assert len(curves) == 3
    accepts = curves["false accepts of unrelated pairs"].y
    assert (accepts[0], accepts[75], accepts[100]) == (1.0, 0.25, 0.0)
    assert curves["false rejects of matched pairs"].y[75] == 0.25


def test_the_csv_holds_every_score_and_the_rates_of_every_threshold() -> None:
    written = {name: content(made(*SMALL)) for name, content in FILES.items()}
    scores = list(csv.DictReader(io.StringIO(written["scores.csv"])))
    assert len(scores) == 8
    assert {"pairs": "unrelated", "answer": UNRELATED, "score": "0.8"} in scores
    rates = {row["threshold"]: row for row in csv.DictReader(io.StringIO(written["thresholds.csv"]))}
    assert len(rates) == 201
    assert (rates["0.75"]["false_accept_rate"], rates["0.75"]["false_reject_rate"]) == ("0.25", "0.25")
    assert rates["0.75"]["false_accept_same_topic_rate"] == ""
    assert msgspec.json.decode(written["calibration.json"], type=Calibration) == made(*SMALL)


def test_files_named_on_the_page_are_those_beside_it(tmp_path: Path) -> None:
    written = write(made(*SMALL), tmp_path)
    assert {name for name, _ in page(made(*SMALL)).files} | {"index.html"} == {each.name for each in written.parent.iterdir()}
    assert json.loads((written.parent / "calibration.json").read_text())["dataset"] == "sample"


def test_text_from_outside_stays_text() -> None:
    hostile = '</script><script>alert("x")</script>'
    shown = Reader(body(made(*SMALL, (Group.MATCHED, f"answer of {hostile}", 0.9), dataset=hostile)))
    assert set(shown.scripts) == {"application/json"}
    assert hostile in shown.text


@pytest.mark.parametrize("dataset", ["../../etc", "a/b", "..", "x" * 200, "日本語", "a b"])
def test_any_dataset_has_a_folder_of_its_own_within_the_reports(tmp_path: Path, dataset: str) -> None:
    folder = place(tmp_path, Kind.CALIBRATION, made(*SMALL, dataset=dataset).subject)
    assert folder.resolve().parent == tmp_path / "calibration"
    assert len(folder.name) < 100
    assert folder != place(tmp_path, Kind.CALIBRATION, made(*SMALL, dataset=dataset + " ").subject)
