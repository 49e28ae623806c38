"""The loop in one thread and without waiting: its own pure functions decide, and everything that they leave behind is kept."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from typing import Any, NamedTuple, cast
from uuid import UUID, uuid5

import msgspec

from flink.routing import Remembered, Rules, Verdict, decide, refuse
from streaming import topics
from streaming.burial import buried, letter_of
from streaming.contracts import (
    INVALID_MESSAGE,
    UNSCORABLE,
    BestAttempt,
    Fatal,
    Message,
    Overload,
    Question,
    Quota,
    Response,
    decode,
    encode,
    readable_question_id,
)
from streaming.errors import UnscorablePair
from streaming.identity import NAMESPACE, question_id
from streaming.llm.messages import Call, report
from streaming.model.outcome import Overloaded, QuotaReached, Refused
from streaming.model.server import Success
from streaming.retries import rules
from streaming.retry_policy import Again, Budget, next_step
from streaming.storage.effects import AnswerRow, Fallen, effects, settled
from streaming.storage.enqueuer import question_message
from streaming.storage.states import state_of
from streaming.topics import CONSUMED_BY, TOPICS
from tests.chaos import evidence as left
from tests.chaos.checker import Limits

ANSWER_SET = "chaos"
MODEL = "a-model"
START = datetime(2026, 1, 1, 12, tzinfo=UTC)
LIMITS = Limits(Budget.SHARED, 0.75, repeats_allowed=0)

# What a call comes to: an error of the model, or an answer by its score (None: there is no reference).
Fate = Overloaded | QuotaReached | Refused | UnscorablePair | float | None

Row = dict[str, Any]


class Step(NamedTuple):
    """What a call comes to, whether its record is delivered again afterwards, and which of the records that wait comes first."""

    fate: Fate
    delivered_again: bool
    choice: int


class Loop:
    """Takes questions through the loop, one step after another."""

    def __init__(self, budget: Budget = LIMITS.budget) -> None:
        self._budget = budget
        self._now = START
        self._ledger: list[left.Asked] = []
        self._records: list[left.Record] = []
        self._ends: Counter[tuple[str, int]] = Counter()
        self._questions: dict[UUID, Row] = {}
        self._submissions: list[Row] = []
        self._answers: dict[UUID, Row] = {}
        self._attempts: dict[tuple[UUID, int], Row] = {}
        self._failures: list[Row] = []
        self._calls: list[left.Call] = []
        self._remembered: dict[UUID, Remembered] = {}

    def evidence(self) -> left.Evidence:
        """Everything at rest: each group was seen halfway, and at the end of what it reads."""
        ends = {(spec.name, number): self._ends[spec.name, number] for spec in TOPICS for number in range(spec.partitions)}
        rest = self._now.timestamp()
        halfway = (START.timestamp() + rest) / 2
        reading = [(group, place) for group, consumed in CONSUMED_BY.items() for place in ends if place[0] in consumed]
        commits = [left.Commit(halfway, group, *place, ends[place] // 2) for group, place in reading]
        commits += [left.Commit(rest, group, *place, ends[place]) for group, place in reading if ends[place]]
        return left.Evidence(
            answer_set=ANSWER_SET,
            ledger=tuple(self._ledger),
            records=tuple(self._records),
            log_ends=ends,
            commits=tuple(commits),
            questions=tuple(self._questions.values()),
            submissions=tuple(self._submissions),
            answers=tuple(self._answers.values()),
            attempts=tuple(self._attempts.values()),
            failed_questions=tuple(self._failures),
            dead_letters=tuple(row for row in self._attempts.values() if row["error_type"] in (INVALID_MESSAGE, UNSCORABLE)),
            cache={question: self._cached(question) for question in self._answers},
            calls=tuple(self._calls),
        )

    def post(self, text: str, fate: left.Fate, status: int | None) -> None:
        """A line of the ledger alone."""
        id = question_id(ANSWER_SET, text)
        submission = self._questions[id]["submission_id"] if id in self._questions and fate == "acknowledged" else None
        self._ledger.append(left.Asked(text, id, submission, self._pass(0.01).timestamp(), fate, status))

    def claim(self, text: str, original_answer: str | None = "Because it is.") -> Question:
        """A new question, stored and sent."""
        id = question_id(ANSWER_SET, text)
        self._questions[id] = {
            "question_id": id,
            "answer_set": ANSWER_SET,
            "question_text": text,
            "original_answer": original_answer,
            "run_id": None,
            "model": None,
            "created_at": self._now,
        }
        return self._submit(id, "first", None)

    def submit_again(self, text: str, kind: str) -> Question:
        """A replay of a failure, or a requeue of what was lost."""
        id = question_id(ANSWER_SET, text)
        return self._submit(id, kind, self._questions[id]["submission_id"])

    def ask(self, text: str, *fates: Fate, **claimed: Any) -> None:
        """A question that is accepted, and what becomes of its attempts."""
        question = self.claim(text, **claimed)
        self.post(text, "acknowledged", 202)
        self.follow(question, fates)

    def ask_with_crashes(self, text: str, script: Iterable[Step]) -> None:
        """A question that is accepted, and what becomes of it: a step each time that it comes to the model, good answers in the end.

        After some steps its record is delivered again, and its submission goes two ways.
        """
        waiting = [self.claim(text)]
        self.post(text, "acknowledged", 202)
        for fate, delivered_again, choice in chain(script, repeat(Step(0.9, False, 0))):
            if not waiting:
                return
            question = waiting.pop(choice % len(waiting))
            again = self.after(self.call(question, fate), fate)
            waiting += [question] if delivered_again else []
            waiting += [] if again is None else [again]

    def follow(self, question: Question | None, fates: Sequence[Fate]) -> None:
        """Attempt after attempt, until the submission has ended."""
        for fate in fates:
            assert question is not None, "the submission ended before its script"
            question = self.after(self.call(question, fate), fate)
        assert question is None, "the script ends before the submission"

    def call(self, question: Question, fate: Fate) -> Message:
        """A call of the model, and the message that reports it."""
        started, finished = self._pass(0.05), self._pass(0.2)
        answer = None if isinstance(fate, Overloaded | QuotaReached | Refused) else self._answer_to(question)
        outcome = fate if answer is None else Success(answer, MODEL, False, 7, 3, None, None)
        word = "answered" if answer is not None else type(fate).__name__.lower()
        begun, ended = (started + timedelta(seconds=0.002)).timestamp(), (finished - timedelta(seconds=0.002)).timestamp()
        self._calls.append(left.Call(question.question_text, MODEL, begun, ended, word, answer))
        topic, message = report(question, Call(MODEL, started, finished, 200.0, cast(Any, outcome)))
        self.send(topic, message)
        return message

    def broken_off(self, question: Question) -> None:
        """A call whose caller is killed."""
        begun = self._pass(0.05).timestamp()
        self._calls.append(left.Call(question.question_text, MODEL, begun, self._pass(0.1).timestamp(), "client_left", None))

    def after(self, message: Message, fate: Fate) -> Question | None:
        """What follows from a call: the question as it goes back to the model, if it does."""
        if isinstance(message, Response):
            return self._judge(message, fate)
        self._persist(message)
        return self._wait(message) if isinstance(message, Overload | Quota) else None

    def send(self, topic: str, message: Message, key: str | None = None) -> left.Record:
        """Append the message to its topic."""
        return self._append(topic, key or str(cast(Any, message).question_id), encode(message))

    def poison(self, topic: str, key: str, value: bytes) -> None:
        """A record that nobody can use, and its burial by its reader."""
        record = self._append(topic, key, value)
        for outgoing in buried(topic, record.partition, record.offset, value, INVALID_MESSAGE, "no message", self._now):
            self._append(*outgoing)
            if outgoing.topic == topics.FATAL and readable_question_id(value) in self._questions:
                self._persist(decode(Fatal, outgoing.value))

    def _submit(self, id: UUID, kind: str, follows: UUID | None) -> Question:
        now = self._pass(0.01)
        submission = uuid5(NAMESPACE, f"{id} {len(self._submissions)}")
        self._questions[id] |= {
            "status": "pending",
            "submission_id": submission,
            "submitted_at": now,
            "enqueued_at": now,
            "resolved_at": None,
        }
        row = {"submission_id": submission, "question_id": id, "kind": kind, "follows": follows, "run_id": None, "submitted_at": now}
        self._submissions.append(row)
        message = question_message(self._questions[id], self._now)
        self.send(topics.PENDING, message)
        return message

    def _judge(self, response: Response, fate: Fate) -> Question | None:
        remembered = self._remembered.get(response.submission_id, Remembered())
        scored_at = self._pass(0.1)
        if isinstance(fate, UnscorablePair):
            outcome = refuse(response, str(fate), remembered, scored_at)
            if outcome.messages:
                success = next(each for each in reversed(self._records) if each.topic == topics.SUCCESS)
                self._append(*letter_of(topics.SUCCESS, success.partition, success.offset, success.value, str(fate), scored_at))
        else:
            score = cast(float | None, fate)
            verdict = Verdict(score, None if score is None else "a-scorer", scored_at)
            outcome = decide(response, verdict, remembered, Rules(LIMITS.threshold, self._budget), scored_at)
        self._remembered[response.submission_id] = outcome.remembered
        again = None
        for topic, message in outcome.messages:
            self.send(topic, message)
            if isinstance(message, Question):
                again = message
            else:
                self._persist(message)
        return again

    def _wait(self, error: Overload | Quota) -> Question | None:
        rule = rules.OVERLOAD if isinstance(error, Overload) else rules.QUOTA
        step = next_step(self._budget, rule.cause, error.retry_count, error.retries)
        if isinstance(step, Again):
            taken_at = self._now
            self._now = max(self._now, rules.due(rule, error, error.timestamp)) + timedelta(milliseconds=2)
            question = rules.question_again(error, step, taken_at, self._now)
            self.send(topics.PENDING, question)
            return question
        failure = rules.failure(rule, error, step, self._pass(0.01))
        self.send(topics.FATAL, failure)
        self._persist(failure)
        return None

    def _persist(self, message: Message) -> None:
        each, now = effects(cast(Any, message)), self._pass(0.02)
        if each.attempt is not None:
            self._attempts.setdefault((each.attempt.submission_id, each.attempt.retry_count), each.attempt._asdict() | {"stored_at": now})
        question = self._questions[each.question.question_id]
        if each.ending is None or question["status"] != "pending" or question["submission_id"] != each.question.submission_id:
            return
        ending = settled(each.ending, *self._best(each.question.submission_id)) if isinstance(each.ending, Fallen) else each.ending
        if isinstance(ending, AnswerRow):
            self._answers[ending.question_id] = ending._asdict() | {"stored_at": now}
        else:
            self._failures.append(ending._asdict() | {"failed_at": now, "replayed_at": None})
        question |= {"status": "answered" if isinstance(ending, AnswerRow) else "failed", "resolved_at": now}

    def _best(self, submission: UUID) -> tuple[BestAttempt | None, float | None]:
        scored = [row for row in self._attempts.values() if row["submission_id"] == submission and row["bert_score"] is not None]
        if not scored:
            return None, None
        best = max(scored, key=lambda row: row["bert_score"])
        return BestAttempt(**{name: best[name] for name in BestAttempt.__struct_fields__}), scored[0]["bert_score"]

    def _cached(self, question: UUID) -> Row:
        answer = self._answers[question]
        row = {**answer, **self._questions[question], "model": answer["model"], "answer": answer["llm_response"]}
        return cast(Row, msgspec.json.decode(msgspec.json.encode(state_of(row))))

    def _append(self, topic: str, key: str, value: bytes) -> left.Record:
        partition = sum(key.encode()) % next(spec.partitions for spec in TOPICS if spec.name == topic)
        milliseconds = int(self._now.timestamp() * 1000)
        record = left.Record(topic, partition, self._ends[topic, partition], milliseconds, key.encode(), value)
        self._ends[topic, partition] += 1
        self._records.append(record)
        return record

    def _answer_to(self, question: Question) -> str:
        return f"Answer {len(self._calls)} to {question.question_text}"

    def _pass(self, seconds: float) -> datetime:
        self._now += timedelta(seconds=seconds)
        return self._now
