"""Calls, positions and dead letters that do not add up."""

from dataclasses import replace

from streaming import topics
from tests.chaos.evidence import Evidence
from tests.chaos.invariants import Invariant
from tests.unit.chaos.broken_runs import BrokenRuns
from tests.unit.chaos.changes import (
    id_of,
    with_calls,
    with_last_commit,
    with_record,
    with_records,
    without_messages,
    without_rows,
)
from tests.unit.chaos.good_run import (
    AFTER_OVERLOADS,
    MADE_TWICE,
    UNSCORABLE,
)

breaks = BrokenRuns()


@breaks("the model is called once more than attempts and crashes explain", Invariant.MODEL_CALLS)
def _(run: Evidence) -> Evidence:
    return with_calls(run, AFTER_OVERLOADS, lambda call: (call, call) if call.answer is not None else (call,))


@breaks("a call is repeated whose caller had gone", Invariant.MODEL_CALLS)
def _(run: Evidence) -> Evidence:
    return with_calls(
        run, MADE_TWICE, lambda call: (call, replace(call, outcome="client_left", answer=None)) if call.answer is None else (call,)
    )


@breaks("a committed offset goes back for a while", Invariant.OFFSETS_FORWARD)
def _(run: Evidence) -> Evidence:
    return with_last_commit(
        run,
        topics.LLM_CONSUMER,
        topics.PENDING,
        lambda last: (last, replace(last, at=last.at + 1, offset=last.offset - 1), replace(last, at=last.at + 2)),
    )


@breaks("a committed offset ends further back than it was", Invariant.OFFSETS_FORWARD)
def _(run: Evidence) -> Evidence:
    return with_last_commit(
        run, topics.FLINK_SCORE_JOB, topics.SUCCESS, lambda last: (last, replace(last, at=last.at + 1, offset=last.offset - 1))
    )


@breaks("a committed offset lies beyond the log", Invariant.OFFSETS_IN_LOG)
def _(run: Evidence) -> Evidence:
    return with_last_commit(run, topics.STORAGE_PERSISTER, topics.FATAL, lambda last: (replace(last, offset=last.offset + 1),))


@breaks("an offset is committed in a partition that is not there", Invariant.OFFSETS_IN_LOG)
def _(run: Evidence) -> Evidence:
    return with_last_commit(run, topics.STORAGE_PERSISTER, topics.FATAL, lambda last: (last, replace(last, partition=99, offset=1)))


@breaks("a record is left unread", Invariant.CAUGHT_UP)
def _(run: Evidence) -> Evidence:
    return with_last_commit(run, topics.RETRY_OVERLOAD, topics.OVERLOAD, lambda last: (replace(last, offset=last.offset - 1),))


@breaks("a group has committed nothing", Invariant.CAUGHT_UP)
def _(run: Evidence) -> Evidence:
    return replace(run, commits=tuple(each for each in run.commits if each.group != topics.RETRY_QUOTA))


@breaks("a record that nobody can read has no dead letter", Invariant.READABLE)
def _(run: Evidence) -> Evidence:
    return with_record(run, topics.QUOTA, b"\xff")


@breaks("the dead letters hold what is none", Invariant.READABLE)
def _(run: Evidence) -> Evidence:
    return with_record(run, topics.DEAD_LETTERS, b"{}")


@breaks("a dead letter is lost", Invariant.READABLE)
def _(run: Evidence) -> Evidence:
    return replace(run, records=tuple(each for each in run.records if each.topic != topics.DEAD_LETTERS))


@breaks("a dead letter holds other bytes than its record", Invariant.DEAD_LETTERS)
def _(run: Evidence) -> Evidence:
    return with_records(run, topics.PENDING, lambda each: replace(each, value=b"no message either"), lambda each: each.key == b"nobody")


@breaks("a dead letter is of a record that is not there", Invariant.DEAD_LETTERS)
def _(run: Evidence) -> Evidence:
    return replace(run, records=tuple(each for each in run.records if (each.topic, each.key) != (topics.VALIDATED, b"nobody")))


@breaks("nobody is told that a question went to the dead letters", Invariant.DEAD_LETTERS)
def _(run: Evidence) -> Evidence:
    return without_messages(run, topics.FATAL, UNSCORABLE, 0)


@breaks("a question that went to the dead letters has no row of it", Invariant.DEAD_LETTERS)
def _(run: Evidence) -> Evidence:
    return without_rows(without_rows(run, "attempts", UNSCORABLE), "dead_letters", UNSCORABLE)


@breaks("an attempt ended as unscorable without a dead letter", Invariant.DEAD_LETTERS)
def _(run: Evidence) -> Evidence:
    return replace(
        run, records=tuple(each for each in run.records if (each.topic, each.key) != (topics.DEAD_LETTERS, str(id_of(UNSCORABLE)).encode()))
    )
