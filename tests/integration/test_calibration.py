"""A calibration from end to end: PostgreSQL and the scorer that ships, on the sample."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
from psycopg2.extensions import connection

from streaming import settings as setting
from streaming.calibration.calibrate import calibrate
from streaming.calibration.plan import CalibrationPlan
from streaming.calibration.questions import drawn
from streaming.clock import SystemClock
from streaming.datasets.load import load_file
from streaming.errors import UserError
from streaming.figures.calibration_quote import newest, quote
from streaming.figures.rates import Calibration, Group, rates_at, scores_of
from streaming.identity import question_id
from streaming.settings import Settings
from tests.integration.private_tables import private_tables
from tests.stack import SAMPLE

pytestmark = pytest.mark.integration

PLAN = CalibrationPlan(dataset="sample", pairs=40, seed=3)
SCORER = "all-MiniLM-L6-v2 layer 6 bert_score "


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Of empty tables of our own with the sample loaded."""
    with private_tables() as url:
        folder = tmp_path_factory.mktemp("reports")
        with closing(psycopg2.connect(url)) as database:
            load_file(SAMPLE, "sample", database, folder, lambda _: None)
        yield setting.load().model_copy(
            update={
                "reports_database_url": url,
                "reports_dir": folder,
                "scorer_model": "all-MiniLM-L6-v2",
                "scorer_layers": 6,
                "score_threshold": 0.75,
            }
        )


@pytest.fixture
def database(settings: Settings) -> Iterator[connection]:
    with closing(psycopg2.connect(settings.reader_url)) as opened:
        yield opened


@pytest.fixture(scope="module")
def first(settings: Settings) -> tuple[Calibration, Path]:
    return calibrate(PLAN, settings, SystemClock(), lambda *_: None)


def test_the_scorer_tells_matched_from_unrelated_answers(first: tuple[Calibration, Path]) -> None:
    result, _ = first
    assert (len(scores_of(result.samples, Group.MATCHED)), len(scores_of(result.samples, Group.UNRELATED))) == (40, 40)
    assert result.scorer.startswith(SCORER)
    assert result.recommended is not None
    assert 0.2 < result.recommended < 0.9
    assert result.in_use.threshold == 0.75
    assert result.in_use.false_accepts.rate < 0.1
    assert not result.left_out
    assert not result.simulated


def test_it_is_stored_quoted_and_written(first: tuple[Calibration, Path], database: connection, settings: Settings) -> None:
    result, page = first
    assert newest(database, result.scorer) == result
    assert page.is_relative_to(settings.reports_dir)
    assert {"index.html", "calibration.json", "scores.csv", "thresholds.csv"} == {each.name for each in page.parent.iterdir()}
    for threshold in (0.75, 0.1):
        quoted, rates = quote(database, result.scorer, threshold), rates_at(result.samples, threshold)
        assert quoted is not None
        assert (quoted.threshold, quoted.dataset, quoted.recommended) == (threshold, "sample", result.recommended)
        assert quoted.variants == 1.0
        assert (quoted.false_accept_rate, quoted.false_reject_rate) == (rates.false_accepts.rate, rates.false_rejects.rate)


def test_another_scorer_has_no_quote(first: tuple[Calibration, Path], database: connection) -> None:
    assert quote(database, "roberta-large layer 17 bert_score 0.3.13", 0.75) is None


def test_a_second_time_gives_the_same_and_replaces_the_first(
    first: tuple[Calibration, Path], settings: Settings, database: connection
) -> None:
    again, page = calibrate(PLAN, settings, SystemClock(), lambda *_: None)
    assert page == first[1]
    assert [(each.group, each.kind) for each in again.samples] == [(each.group, each.kind) for each in first[0].samples]
    # Texts may share a batch with others, which moves a score in its third digit.
    for one, other in zip(first[0].samples, again.samples, strict=True):
        assert list(other.scores) == pytest.approx(list(one.scores), abs=0.005)
    with database.cursor() as cursor:
        cursor.execute("SELECT count(*), max(since) FROM metric_reports WHERE kind = 'calibration' AND subject = %s", (again.subject,))
        assert cursor.fetchone() == (1, again.started_at)


def test_a_dataset_that_is_not_loaded_is_a_sentence_with_those_that_are(settings: Settings) -> None:
    with pytest.raises(UserError, match=r"'nowhere' is not loaded; loaded are: sample\. Load one"):
        calibrate(CalibrationPlan(dataset="nowhere"), settings, SystemClock(), lambda *_: None)


def add_dataset(database: connection, name: str, rows: list[tuple[str, str | None]]) -> None:
    with database, database.cursor() as cursor:
        for line, (text, reference) in enumerate(rows):
            cursor.execute(
                "INSERT INTO dataset_questions (dataset, text_hash, question_text, original_answer, topic, line_number)"
                " VALUES (%s, %s, %s, %s, 1, %s)",
                (name, str(question_id("", text)), text, reference, line),
            )


def test_a_dataset_without_two_references_is_a_sentence(database: connection) -> None:
    name = f"small-{uuid4()}"
    add_dataset(database, name, [("One?", "The same."), ("Two?", "the  SAME."), ("Three?", None), ("Four?", "  ")])
    with pytest.raises(UserError, match=f"'{name}' has 4 questions, and fewer than two different references"):
        drawn(database, name, 100, 1)


def add_attempt(database: connection, answer_set: str, text: str, answer: str, model: str, retry_count: int = 0) -> None:
    with database, database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO attempts (submission_id, retry_count, question_id, outcome, llm_response, model, stored_at)"
            " VALUES (%s, %s, %s, 'success', %s, %s, clock_timestamp())",
            (str(uuid4()), retry_count, str(question_id(answer_set, text)), answer, model),
        )


def test_recorded_answers_are_first_attempts_of_the_same_question_and_the_newest_of_their_sort(database: connection) -> None:
    name = f"asked-{uuid4()}"
    add_dataset(database, name, [("Why  is it?", "Because."), ("How is it?", "So."), ("Who is it?", "Them.")])
    with database, database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO traffic_runs (run_id, answer_set, dataset, state, plan, simulated, started_at)"
            " VALUES (%s, 'set of the run', %s, 'drained', '{}', false, now())",
            (name, name),
        )
    add_attempt(database, "default", "why is it?", "An old answer.", "llama3.2:1b")
    add_attempt(database, "set of the run", "Why is it?", "A newer answer.", "llama3.2:3b")
    add_attempt(database, "set of the run", "Why is it?", "A better one, asked again.", "llama3.2:3b", retry_count=1)
    add_attempt(database, "a set nobody named", "Why is it?", "Elsewhere.", "llama3.2:3b")
    add_attempt(database, "default", "How is it?", "Made up.", "llama3.2:1b (simulated)")
    by_reference = {question.reference: question for question in drawn(database, name, 100, 1)}
    assert by_reference["Because."].recorded == ("A newer answer.", "llama3.2:3b")
    assert by_reference["Because."].simulated is None
    assert by_reference["So."].recorded is None
    assert by_reference["So."].simulated == ("Made up.", "llama3.2:1b (simulated)")
    assert (by_reference["Them."].recorded, by_reference["Them."].simulated) == (None, None)


def test_another_datasets_reference_for_the_same_question_is_found(database: connection) -> None:
    name, other = f"one-{uuid4()}", f"other-{uuid4()}"
    add_dataset(database, name, [("Where to?", "Home."), ("When?", "Now.")])
    add_dataset(database, other, [("where TO?", "To the sea."), ("When?", " Now. ")])
    by_reference = {question.reference: question.other_reference for question in drawn(database, name, 100, 1)}
    assert by_reference == {"Home.": "To the sea.", "Now.": None}


def test_the_draw_is_the_seeds_and_holds_no_more_than_asked_for(database: connection) -> None:
    assert drawn(database, "sample", 30, 1) == drawn(database, "sample", 30, 1)
    assert drawn(database, "sample", 30, 1) != drawn(database, "sample", 30, 2)
    assert drawn(database, "sample", 30, 1) == drawn(database, "sample", 1000, 1)[:30]
    assert len(drawn(database, "sample", 30, 1)) == 30
