"""What the persister stores follows from a few rules, whatever happens; and its machine notices when one of them is broken."""

from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import quote

import pytest
from hypothesis.stateful import run_state_machine_as_test

from streaming.contracts import BestAttempt
from streaming.storage import outcomes, persister
from streaming.storage.effects import AnswerRow, FailureRow, Fallen
from streaming.storage.persister import Persister
from tests.integration.persister_machine import PersisterMachine
from tests.integration.private_tables import private_tables
from tests.unit.machines import NOTICED, UNSHRUNK, of_steps

pytestmark = pytest.mark.integration

Break = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with private_tables() as url:
        # Thousands of small commits, of which none need outlast the test.
        yield url + quote(" -c synchronous_commit=off")


def test_the_tables_follow_from_the_rules_whatever_happens(url: str) -> None:
    run_state_machine_as_test(partial(PersisterMachine, url), settings=of_steps(500))


def without(patch: pytest.MonkeyPatch, statement: str, words: str) -> None:
    told = getattr(outcomes, statement)
    assert words in told
    patch.setattr(outcomes, statement, told.replace(words, ""))


def an_answered_question_is_answered_again(patch: pytest.MonkeyPatch) -> None:
    without(patch, "ANSWER", " AND q.status = 'pending'")


def an_answered_question_fails(patch: pytest.MonkeyPatch) -> None:
    without(patch, "FAIL", " AND q.status = 'pending'")


def an_older_submission_answers(patch: pytest.MonkeyPatch) -> None:
    without(patch, "ANSWER", " AND q.submission_id = i.submission_id")


def an_older_submission_fails_the_newer(patch: pytest.MonkeyPatch) -> None:
    without(patch, "FAIL", " AND q.submission_id = i.submission_id")


def the_last_record_of_an_attempt_stays(patch: pytest.MonkeyPatch) -> None:
    told = outcomes.RECORD
    last = "(submission_id, retry_count) DO UPDATE SET outcome = excluded.outcome, bert_score = excluded.bert_score"
    patch.setattr(outcomes, "RECORD", told.replace("(submission_id, retry_count) DO NOTHING", last))
    assert told != outcomes.RECORD


def a_question_with_a_scored_answer_fails(patch: pytest.MonkeyPatch) -> None:
    def unsettled(fallen: Fallen, recorded: BestAttempt | None, first_score: float | None) -> AnswerRow | FailureRow:
        return fallen.failure

    patch.setattr(outcomes, "settled", unsettled)


def done_is_said_before_rows_are_committed(patch: pytest.MonkeyPatch) -> None:
    store = Persister._store

    async def hasty(self: Persister, batch: list[tuple[persister.Taken, object]]) -> None:
        for taken, _ in batch:
            taken.done()
        await store(self, batch)  # type: ignore[arg-type]

    patch.setattr(Persister, "_store", hasty)


@pytest.mark.parametrize(
    "breaking",
    [
        an_answered_question_is_answered_again,
        an_answered_question_fails,
        an_older_submission_answers,
        an_older_submission_fails_the_newer,
        the_last_record_of_an_attempt_stays,
        a_question_with_a_scored_answer_fails,
        done_is_said_before_rows_are_committed,
    ],
)
def test_the_machine_of_the_persister_notices(breaking: Break, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    breaking(monkeypatch)
    with pytest.raises(NOTICED):
        run_state_machine_as_test(partial(PersisterMachine, url), settings=UNSHRUNK)
