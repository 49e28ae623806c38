"""What a good run leaves: every way through the loop, with what faults may do to it."""

from functools import cache
from uuid import UUID

from streaming import topics
from streaming.contracts import Question, encode
from streaming.errors import UnscorablePair
from streaming.identity import question_id
from streaming.model.outcome import Overloaded, QuotaReached, Refused
from tests.chaos.evidence import Evidence
from tests.unit.chaos.loop import ANSWER_SET, START, Loop

AT_ONCE = "Which question is answered at once?"
AFTER_OVERLOADS = "Which is answered after two overloads?"
AFTER_QUOTA = "Which is answered after the quota?"
BEST_OF_POOR = "Which has no good answer?"
POOR_THEN_BUSY = "Which has a poor answer and no other?"
EXHAUSTED = "Which is never taken?"
OUT_OF_QUOTA = "Which costs too much?"
REFUSED_BY_MODEL = "Which is refused by the model?"
UNSCORED = "Which has no reference?"
UNSCORABLE = "Which has an answer that nobody can score?"
CACHED = "Which is asked twice?"
ARRIVED = "Whose reply was lost, but not its question?"
NEVER_ARRIVED = "Whose question was lost?"
TURNED_AWAY = "Which is refused?"
CALL_BROKEN_OFF = "Whose caller was killed?"
MADE_TWICE = "Whose attempt was made twice, with two outcomes?"
REPORTED_TWICE = "Whose outcome was sent twice?"
REQUEUED = "Which was lost on its way?"
REPLAYED = "Which was replayed?"

NOBODY = UUID("00000000-0000-4000-8000-000000000001")
"""A question of no answer set."""

REPEATED_CALLS = 3
"""One of CALL_BROKEN_OFF, and two of MADE_TWICE, whose second chain of attempts leaves no rows."""

BUSY = Overloaded("503: busy", "http_503", busy=True)
BUSY_FOR_LONG = Overloaded("429: too many requests", "http_429", busy=True, retry_after_s=9.0)
LIMITED = QuotaReached("402: payment required", 7.0)


@cache
def good_run() -> Evidence:
    """The evidence; whoever changes it, changes a copy."""
    loop = Loop()
    loop.ask(AT_ONCE, 0.9)
    loop.ask(AFTER_OVERLOADS, BUSY, BUSY_FOR_LONG, 0.8)
    loop.ask(AFTER_QUOTA, LIMITED, 0.85)
    loop.ask(BEST_OF_POOR, 0.5, 0.6, 0.55, 0.4)
    loop.ask(POOR_THEN_BUSY, 0.5, BUSY, BUSY, BUSY)
    loop.ask(EXHAUSTED, BUSY, BUSY, BUSY, BUSY)
    loop.ask(OUT_OF_QUOTA, *[LIMITED] * 6)
    loop.ask(REFUSED_BY_MODEL, Refused("refused_by_model", "400: no"))
    loop.ask(UNSCORED, None, original_answer=None)
    loop.ask(UNSCORABLE, UnscorablePair("too long"))
    loop.ask(CACHED, 0.95)
    loop.post(CACHED, "acknowledged", 200)
    loop.post(NEVER_ARRIVED, "unknown", None)
    loop.post(TURNED_AWAY, "refused", 422)
    question = loop.claim(ARRIVED)
    loop.post(ARRIVED, "unknown", None)
    loop.follow(question, [0.9])
    _with_crashes(loop)
    loop.poison(topics.PENDING, "nobody", b"no message at all")
    loop.poison(topics.VALIDATED, "nobody", b'{"question_text": "of a message that is broken"}')
    loop.poison(topics.SUCCESS, "nobody", b'{"question_id": "%s"}' % str(NOBODY).encode())
    loop.poison(topics.PENDING, "nobody", encode(_beyond_the_ceiling()))
    loop.poison(topics.OVERLOAD, "nobody", b'{"question_id": "%s"}' % str(question_id(ANSWER_SET, ARRIVED)).encode())
    return loop.evidence()


def _beyond_the_ceiling() -> Question:
    return Question(question_id=NOBODY, question_text="x", original_answer=None, retry_count=99, timestamp=START)


def _with_crashes(loop: Loop) -> None:
    question = loop.claim(CALL_BROKEN_OFF)
    loop.post(CALL_BROKEN_OFF, "acknowledged", 202)
    loop.broken_off(question)
    loop.follow(question, [BUSY, 0.9])

    question = loop.claim(MADE_TWICE)
    loop.post(MADE_TWICE, "acknowledged", 202)
    first = loop.call(question, BUSY)
    loop.follow(question, [0.9])
    loop.follow(loop.after(first, BUSY), [0.85])

    question = loop.claim(REPORTED_TWICE)
    loop.post(REPORTED_TWICE, "acknowledged", 202)
    error = loop.call(question, BUSY)
    loop.send(topics.OVERLOAD, error)
    again = loop.after(error, BUSY)
    assert again is not None
    loop.send(topics.PENDING, again)
    loop.follow(again, [0.9])

    loop.claim(REQUEUED)
    loop.post(REQUEUED, "acknowledged", 202)
    loop.follow(loop.submit_again(REQUEUED, "requeue"), [0.9])

    loop.ask(REPLAYED, Refused("refused_by_model", "400: no"))
    loop.follow(loop.submit_again(REPLAYED, "replay"), [BUSY, 0.9])
