"""Answers that the model never gave, that are not the best, or that the cache has wrong."""

from dataclasses import replace
from typing import Any
from uuid import uuid5

from streaming import contracts, topics
from streaming.identity import NAMESPACE
from tests.chaos.evidence import Evidence
from tests.chaos.invariants import Invariant
from tests.unit.chaos.broken_runs import Break, BrokenRuns
from tests.unit.chaos.changes import (
    id_of,
    row_of,
    with_calls,
    with_fields,
    with_message_fields,
)
from tests.unit.chaos.good_run import (
    AT_ONCE,
    BEST_OF_POOR,
    CACHED,
    EXHAUSTED,
    REPLAYED,
    UNSCORED,
)

breaks = BrokenRuns()


@breaks("two questions have each other's answer", Invariant.WORDS_OF_THE_MODEL)
def _(run: Evidence) -> Evidence:
    one, other = (row_of(run, "answers", text)["llm_response"] for text in (AT_ONCE, CACHED))
    run = with_fields(run, "answers", AT_ONCE, {"llm_response": other})
    return with_fields(run, "answers", CACHED, {"llm_response": one})


@breaks("an answer has the words of another attempt", Invariant.WORDS_OF_THE_MODEL)
def _(run: Evidence) -> Evidence:
    other = row_of(run, "attempts", BEST_OF_POOR, retry_count=0)["llm_response"]
    return with_fields(run, "answers", BEST_OF_POOR, {"llm_response": other})


@breaks("an answer names another attempt than it is of", Invariant.WORDS_OF_THE_MODEL)
def _(run: Evidence) -> Evidence:
    return with_fields(run, "answers", BEST_OF_POOR, {"accepted_retry_count": 0})


@breaks("an attempt has words that were never said", Invariant.WORDS_OF_THE_MODEL)
def _(run: Evidence) -> Evidence:
    return with_fields(run, "attempts", BEST_OF_POOR, {"llm_response": "something else"}, retry_count=2)


@breaks("a response has words that the model never said", Invariant.WORDS_OF_THE_MODEL)
def _(run: Evidence) -> Evidence:
    return with_message_fields(run, topics.SUCCESS, AT_ONCE, 0, llm_response="something else")


@breaks("the model said the answer in another call than the attempt's", Invariant.WORDS_OF_THE_MODEL)
def _(run: Evidence) -> Evidence:
    return with_calls(run, AT_ONCE, lambda call: (replace(call, begun_at=call.begun_at - 5, ended_at=call.ended_at - 5),))


@breaks("the model knows nothing of a call", Invariant.WORDS_OF_THE_MODEL)
def _(run: Evidence) -> Evidence:
    return with_calls(run, AT_ONCE, lambda _: ())


def _accepted(number: int) -> Break:
    """Another attempt of the poor ones is the answer, in the row and in the message."""

    def change(run: Evidence) -> Evidence:
        row = row_of(run, "attempts", BEST_OF_POOR, retry_count=number)
        fields = {name: row[name] for name in ("llm_response", "bert_score")} | {"accepted_retry_count": number}
        return with_message_fields(with_fields(run, "answers", BEST_OF_POOR, fields), topics.VALIDATED, BEST_OF_POOR, 3, **fields)

    return change


breaks("an answer is the last of the poor ones and not the best", Invariant.BEST_ANSWER)(_accepted(3))
breaks("an answer is the first of the poor ones and not the best", Invariant.BEST_ANSWER)(_accepted(0))


@breaks("an answer passed below the threshold", Invariant.BEST_ANSWER)
def _(run: Evidence) -> Evidence:
    return with_fields(run, "answers", AT_ONCE, {"bert_score": 0.7})


@breaks("a good answer is called a best attempt", Invariant.BEST_ANSWER)
def _(run: Evidence) -> Evidence:
    return with_fields(run, "answers", AT_ONCE, {"accepted_as": contracts.BEST_ATTEMPT})


@breaks("an answer without a score passed", Invariant.BEST_ANSWER)
def _(run: Evidence) -> Evidence:
    return with_fields(run, "answers", UNSCORED, {"accepted_as": contracts.PASSED})


@breaks("a question failed that has a scored attempt", Invariant.BEST_ANSWER)
def _(run: Evidence) -> Evidence:
    return with_fields(run, "attempts", EXHAUSTED, {"bert_score": 0.4}, retry_count=1)


def _in_cache(text: str, fields: dict[str, Any]) -> Break:
    return lambda run: replace(run, cache={**run.cache, id_of(text): {**run.cache.get(id_of(text), run.cache[id_of(AT_ONCE)]), **fields}})


breaks("the cache holds other words", Invariant.CACHE)(_in_cache(CACHED, {"answer": "something else"}))
breaks("the cache holds another score", Invariant.CACHE)(_in_cache(CACHED, {"bert_score": 0.8}))
breaks("the cache holds the answer of the submission before", Invariant.CACHE)(
    _in_cache(REPLAYED, {"submission_id": str(uuid5(NAMESPACE, "before"))})
)
breaks("the cache holds an answer to a failed question", Invariant.CACHE)(_in_cache(EXHAUSTED, {"question_id": str(id_of(EXHAUSTED))}))
breaks("the cache holds no answer", Invariant.CACHE)(_in_cache(CACHED, {"accepted_retry_count": "many"}))
