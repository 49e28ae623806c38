"""Tables that are torn, doubled, or of strangers."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec

from streaming import topics
from tests.chaos.evidence import Call, Evidence
from tests.chaos.invariants import Invariant
from tests.unit.chaos.broken_runs import Break, BrokenRuns
from tests.unit.chaos.changes import (
    id_of,
    message_of,
    row_of,
    with_fields,
    with_message,
    with_row,
    without_messages,
    without_rows,
)
from tests.unit.chaos.good_run import (
    AFTER_OVERLOADS,
    ARRIVED,
    AT_ONCE,
    BEST_OF_POOR,
    CACHED,
    EXHAUSTED,
    OUT_OF_QUOTA,
    POOR_THEN_BUSY,
    REFUSED_BY_MODEL,
    REPLAYED,
    REQUEUED,
    UNSCORABLE,
)

STRANGER = UUID("00000000-0000-4000-8000-000000000002")
breaks = BrokenRuns()


@breaks("an accepted question is stored nowhere", Invariant.CONSERVED)
def _(run: Evidence) -> Evidence:
    for table in ("questions", "submissions", "answers", "attempts"):
        run = without_rows(run, table, AT_ONCE)
    return run


@breaks("an acknowledged submission is not stored", Invariant.CONSERVED)
def _(run: Evidence) -> Evidence:
    return without_rows(run, "submissions", AT_ONCE)


@breaks("an accepted question is pending for ever", Invariant.CONSERVED)
def _(run: Evidence) -> Evidence:
    return with_fields(without_rows(run, "answers", AT_ONCE), "questions", AT_ONCE, {"status": "pending", "resolved_at": None})


@breaks("an answer is missing", Invariant.CONSERVED)
def _(run: Evidence) -> Evidence:
    return without_rows(run, "answers", CACHED)


@breaks("a failure is missing", Invariant.CONSERVED)
def _(run: Evidence) -> Evidence:
    return without_rows(run, "failed_questions", EXHAUSTED)


@breaks("a question without a reply arrived and never ends", Invariant.CONSERVED)
def _(run: Evidence) -> Evidence:
    return with_fields(without_rows(run, "answers", ARRIVED), "questions", ARRIVED, {"status": "pending", "resolved_at": None})


@breaks("a question that was lost and asked again is lost again", Invariant.CONSERVED)
def _(run: Evidence) -> Evidence:
    return without_rows(run, "answers", REQUEUED)


@breaks("a refused question is stored", Invariant.CONSERVED)
def _(run: Evidence) -> Evidence:
    ledger = tuple(replace(line, fate="refused", status=422) if line.question_id == id_of(ARRIVED) else line for line in run.ledger)
    return replace(run, ledger=ledger)


@breaks("an answered submission has failed too", Invariant.ONE_END)
def _(run: Evidence) -> Evidence:
    failure = row_of(run, "failed_questions", EXHAUSTED)
    return with_row(run, "failed_questions", failure | _ids(run, AT_ONCE))


@breaks("a submission that was asked again as lost has an end", Invariant.ONE_END)
def _(run: Evidence) -> Evidence:
    first = row_of(run, "submissions", REQUEUED, kind="first")
    failure = row_of(run, "failed_questions", EXHAUSTED)
    return with_row(run, "failed_questions", failure | {name: first[name] for name in ("question_id", "submission_id")})


@breaks("a submission was replayed that has not failed", Invariant.ONE_END)
def _(run: Evidence) -> Evidence:
    return without_rows(run, "failed_questions", REPLAYED)


@breaks("there is a question that nobody asked", Invariant.NO_STRANGERS)
def _(run: Evidence) -> Evidence:
    return with_row(run, "questions", row_of(run, "questions", AT_ONCE) | {"question_id": STRANGER})


@breaks("the ledger knows nothing of a question", Invariant.NO_STRANGERS)
def _(run: Evidence) -> Evidence:
    return replace(run, ledger=tuple(line for line in run.ledger if line.question_id != id_of(AT_ONCE)))


@breaks("there is an attempt of a question that nobody asked", Invariant.NO_STRANGERS)
def _(run: Evidence) -> Evidence:
    return with_row(run, "attempts", row_of(run, "attempts", AT_ONCE) | {"question_id": STRANGER, "submission_id": STRANGER})


@breaks("there is an attempt of a submission that is not stored", Invariant.NO_STRANGERS)
def _(run: Evidence) -> Evidence:
    return with_row(run, "attempts", row_of(run, "attempts", AT_ONCE) | {"submission_id": STRANGER})


@breaks("a message is about a question that nobody asked", Invariant.NO_STRANGERS)
def _(run: Evidence) -> Evidence:
    question = message_of(run, topics.PENDING, AT_ONCE, 0)
    return with_message(run, topics.PENDING, msgspec.structs.replace(question, question_id=STRANGER, submission_id=STRANGER))


@breaks("the model was asked what nobody asked", Invariant.NO_STRANGERS)
def _(run: Evidence) -> Evidence:
    return replace(run, calls=(*run.calls, Call("And who are you?", "a-model", 1.0, 2.0, "answered", "Nobody.")))


@breaks("an answered question is said to have failed", Invariant.STORED_STATE)
def _(run: Evidence) -> Evidence:
    return with_fields(run, "questions", AT_ONCE, {"status": "failed"})


@breaks("a failed question is said to be answered", Invariant.STORED_STATE)
def _(run: Evidence) -> Evidence:
    return with_fields(run, "questions", EXHAUSTED, {"status": "answered"})


@breaks("a question ended at no time", Invariant.STORED_STATE)
def _(run: Evidence) -> Evidence:
    return with_fields(run, "questions", AT_ONCE, {"resolved_at": None})


@breaks("an answer belongs to the submission before", Invariant.STORED_STATE)
def _(run: Evidence) -> Evidence:
    first = row_of(run, "submissions", REPLAYED, kind="first")
    return with_fields(run, "answers", REPLAYED, {"submission_id": first["submission_id"]})


@breaks("a question names a submission that another has followed", Invariant.STORED_STATE)
def _(run: Evidence) -> Evidence:
    first = row_of(run, "submissions", REPLAYED, kind="first")
    return with_fields(run, "questions", REPLAYED, {"submission_id": first["submission_id"]})


@breaks("a question has forgotten that it was replayed", Invariant.STORED_STATE)
def _(run: Evidence) -> Evidence:
    first = row_of(run, "submissions", REPLAYED, kind="first")
    forgotten = {"status": "failed", "submission_id": first["submission_id"]}
    return with_fields(without_rows(run, "answers", REPLAYED), "questions", REPLAYED, forgotten)


@breaks("a question that failed again is answered by the submission before", Invariant.STORED_STATE)
def _(run: Evidence) -> Evidence:
    first = row_of(run, "submissions", REPLAYED, kind="first")["submission_id"]
    second = row_of(run, "submissions", REPLAYED, kind="replay")["submission_id"]
    answer, failure = (message_of(run, topic, REPLAYED, number) for topic, number in ((topics.VALIDATED, 1), (topics.FATAL, 0)))
    run = with_message(run, topics.VALIDATED, msgspec.structs.replace(answer, submission_id=first))
    run = with_message(run, topics.FATAL, msgspec.structs.replace(failure, submission_id=second))
    run = with_fields(run, "answers", REPLAYED, {"submission_id": first})
    run = with_fields(run, "failed_questions", REPLAYED, {"submission_id": second})
    return with_fields(run, "questions", REPLAYED, {"status": "failed"})


@breaks("no message told an answer", Invariant.STORED_STATE)
def _(run: Evidence) -> Evidence:
    return without_messages(run, topics.VALIDATED, AT_ONCE, 0)


@breaks("no message told a best attempt in a failure's stead", Invariant.STORED_STATE)
def _(run: Evidence) -> Evidence:
    return without_messages(run, topics.FATAL, POOR_THEN_BUSY, 3)


@breaks("a question failed of a cause that no message told", Invariant.STORED_STATE)
def _(run: Evidence) -> Evidence:
    return with_fields(run, "failed_questions", REFUSED_BY_MODEL, {"cause": "model_missing"})


def _row_twice(table: str, text: str, **match: Any) -> Break:
    return lambda run: with_row(run, table, row_of(run, table, text, **match))


for _what, _table, _match in (
    ("a question", "questions", {}),
    ("a submission", "submissions", {}),
    ("an answer", "answers", {}),
    ("an attempt", "attempts", {"retry_count": 1}),
):
    breaks(f"{_what} is stored twice", Invariant.NO_DOUBLES)(_row_twice(_table, AFTER_OVERLOADS, **_match))
breaks("a failure is stored twice", Invariant.NO_DOUBLES)(_row_twice("failed_questions", EXHAUSTED))
breaks("what a dead letter ended is stored twice", Invariant.NO_DOUBLES)(_row_twice("dead_letters", UNSCORABLE))


def _without_attempt(text: str, number: int) -> Break:
    return lambda run: without_rows(run, "attempts", text, retry_count=number)


breaks("the first attempt has no row", Invariant.ATTEMPT_NUMBERS)(_without_attempt(AFTER_OVERLOADS, 0))
breaks("an attempt between two others has no row", Invariant.ATTEMPT_NUMBERS)(_without_attempt(BEST_OF_POOR, 2))
breaks("the last attempt before an answer has no row", Invariant.ATTEMPT_NUMBERS)(_without_attempt(BEST_OF_POOR, 3))
breaks("the last attempt before a failure has no row", Invariant.ATTEMPT_NUMBERS)(_without_attempt(OUT_OF_QUOTA, 5))


@breaks("the numbers of the attempts skip one", Invariant.ATTEMPT_NUMBERS)
def _(run: Evidence) -> Evidence:
    return with_fields(run, "attempts", AFTER_OVERLOADS, {"retry_count": 3}, retry_count=2)


def _ids(run: Evidence, text: str) -> dict[str, Any]:
    question = row_of(run, "questions", text)
    return {name: question[name] for name in ("question_id", "submission_id")}
