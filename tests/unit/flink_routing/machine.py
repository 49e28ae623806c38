"""The score job's routing under everything that Kafka, the model and Flink may do to it, in any order.

Answers in any order, the same question answered twice and not alike, a busy model in between, checkpoints, and restarts from any of them.
The log of answers is the truth: what is decided on a record follows from the records before it, however often they are read.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from flink import routing
from flink.routing import Remembered
from streaming import topics
from streaming.contracts import Fatal, Message, Question, Response, Retries, Scored, Validated, decode, encode
from streaming.retry_policy import Again, Cause, next_step
from tests.unit.flink_routing.messages import NOW, PER_CAUSE, SHARED, response, scored

MOST_RETRIES = 3
SUBMISSIONS = 3
COPIES = 2
BLANK = "blank"


@dataclass(frozen=True)
class Answered:
    """A record of the log: the answer, and what the scorer finds whenever it reads it."""

    message: Response
    found: float | str | None

    @property
    def submission(self) -> UUID:
        return self.message.submission_id


class RoutingMachine(RuleBasedStateMachine):
    """Holds the log, the job's position and state, the questions that wait for the model, and what was sent for each record."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[Answered] = []
        self.waiting: list[Question] = []
        self.position = 0
        self.state: dict[UUID, bytes] = {}
        self.checkpoints: list[tuple[int, dict[UUID, bytes]]] = [(0, {})]
        self.sent: dict[int, tuple[tuple[str, Message], ...]] = {}
        self.submissions: list[UUID] = []

    @initialize(rules=st.sampled_from([SHARED, PER_CAUSE]))
    def begin(self, rules: routing.Rules) -> None:
        self.rules = rules
        self.submit()

    @precondition(lambda self: len(self.submissions) < SUBMISSIONS)
    @rule()
    def submit(self) -> None:
        submission = UUID(int=len(self.submissions) + 1)
        self.submissions.append(submission)
        self.waiting.append(question_of(submission))

    @precondition(lambda self: self.waiting)
    @rule(
        which=st.integers(0, 99),
        found=st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]) | st.sampled_from([0.2, 0.4, 0.6, 0.9, None, BLANK]),
        asked_again=st.booleans(),
    )
    def answer(self, which: int, found: float | str | None, asked_again: bool) -> None:
        """The model answers, out of turn; its consumer may die before it has committed that, and asks the same once more."""
        question = self.waiting[which % len(self.waiting)]
        if not asked_again:
            self.waiting.remove(question)
        carried = {name: getattr(question, name) for name in ("submission_id", "retries", "best_attempt", "first_score")}
        text = f"record {len(self.log)}, attempt"
        self.log.append(Answered(response(question.retry_count, text, **carried), found))

    @precondition(lambda self: self.waiting)
    @rule(which=st.integers(0, 99), asked_again=st.booleans())
    def be_busy(self, which: int, asked_again: bool) -> None:
        """The model is busy: the next attempt has another number, and no score came of this one."""
        question = self.waiting[which % len(self.waiting)]
        again = next_step(self.rules.budget, Cause.OVERLOAD, question.retry_count, question.retries)
        if isinstance(again, Again):
            if not asked_again:
                self.waiting.remove(question)
            self._ask(msgspec.structs.replace(question, retry_count=again.retry_count, retries=again.retries))

    @precondition(lambda self: self.position < len(self.log))
    @rule(most=st.integers(1, 5))
    def score(self, most: int) -> None:
        for _ in range(most):
            if self.position < len(self.log):
                self._score(self.position)
                self.position += 1

    @rule()
    def complete_checkpoint(self) -> None:
        self.checkpoints.append((self.position, dict(self.state)))

    @rule(which=st.integers(0, 99))
    def restart(self, which: int) -> None:
        """From any checkpoint: what has been sent since was sent all the same."""
        self.position, state = self.checkpoints[which % len(self.checkpoints)]
        self.state = dict(state)

    def _ask(self, question: Question) -> None:
        if self.waiting.count(question) < COPIES:
            self.waiting.append(question)

    def _score(self, position: int) -> None:
        record = self.log[position]
        stored = self.state.get(record.submission)
        remembered = msgspec.json.decode(stored, type=Remembered) if stored else Remembered()
        if record.found == BLANK:
            outcome = routing.refuse(record.message, "the text is blank", remembered, NOW)
        else:
            assert not isinstance(record.found, str)
            outcome = routing.decide(record.message, scored(record.found), remembered, self.rules, NOW)
        self.state[record.submission] = msgspec.json.encode(outcome.remembered)
        messages = tuple((topic, decode(topics.MESSAGE_OF[topic], encode(message))) for topic, message in outcome.messages)
        assert self.sent.setdefault(position, messages) == messages, "what is read again causes the same again"
        self._check(position, record, messages)
        for _, message in messages:
            if isinstance(message, Question):
                self._ask(message)

    def _check(self, position: int, record: Answered, messages: tuple[tuple[str, Message], ...]) -> None:
        earlier = [number for number in range(position) if self.log[number].submission == record.submission]
        decided = {self.log[number].message.retry_count for number in earlier if self.sent[number]}
        if any(ended(self.sent[number]) for number in earlier) or record.message.retry_count in decided:
            assert messages == (), "what has ended, or been decided on, stays as it is"
            return
        kinds = [topic for topic, _ in messages]
        best = self._best(record, [self.log[number] for number in earlier if self.sent[number]])
        first = next((each for number in earlier for each in first_scores(self.sent[number])), None)
        assert first is None or set(first_scores(messages)) <= {first}, "the first score is that of the first attempt"
        assert (topics.LOW_QUALITY in kinds) == (isinstance(record.found, float) and record.found < self.rules.threshold)
        for _, message in messages:
            match message:
                case Question():
                    assert message.retry_count == record.message.retry_count + 1, "attempts are numbered without a gap"
                    assert message.retry_count > max(decided, default=-1), "an attempt that has been decided on is not asked for again"
                    assert message.retries is not None
                    assert message.retries.quality <= MOST_RETRIES, "no more tries than the limit"
                    assert self.rules is PER_CAUSE or message.retry_count <= MOST_RETRIES, "no more tries than the limit"
                    assert score_of(message.best_attempt) == best, "the best attempt goes along"
                case Validated(accepted_as="best_attempt"):
                    assert message.bert_score == best, "of all attempts the best is accepted"
                case Validated() | Scored():
                    assert message.bert_score == record.found
                case Fatal():
                    assert score_of(message.best_attempt) == best, "an end without an answer tells the best there was"
        goes_on = topics.PENDING in kinds
        late = any(number > record.message.retry_count for number in decided)
        assert ended(messages) + goes_on == 1 or (late and kinds == [topics.LOW_QUALITY]), "a submission goes on or ends, never both"

    def _best(self, record: Answered, decided: list[Answered]) -> float | None:
        return max((each.found for each in [*decided, record] if isinstance(each.found, float)), default=None)

    def teardown(self) -> None:
        if not self.submissions:
            return
        self.restart(len(self.checkpoints) - 1)
        while self.waiting or self.position < len(self.log):
            if self.waiting:
                self.answer(0, 0.3, False)
            self.score(5)
        ends: dict[UUID, int] = defaultdict(int)
        for position, messages in self.sent.items():
            ends[self.log[position].submission] += ended(messages)
        assert ends == dict.fromkeys(self.submissions, 1), "every submission has one end"


def question_of(submission: UUID) -> Question:
    carried = response(submission_id=submission).carried()
    return Question(**carried | {"retry_count": 0, "retries": Retries(), "timestamp": NOW})


def ended(messages: tuple[tuple[str, Message], ...]) -> bool:
    return any(topic in (topics.VALIDATED, topics.FATAL) for topic, _ in messages)


def first_scores(messages: tuple[tuple[str, Message], ...]) -> list[float]:
    return [score for _, message in messages if (score := getattr(message, "first_score", None)) is not None]


def score_of(attempt: Any) -> float | None:
    return None if attempt is None else attempt.bert_score
