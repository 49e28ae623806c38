"""The persister on a real PostgreSQL under every order of messages: which of them may change a question's state.

Messages come twice, late, in any order and of submissions that were replaced; the persister dies before and after it commits rows, and is
then given the same again. After every step the tables must say what a few lines say here.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streaming.clock import ManualClock
from streaming.contracts import (
    BEST_ATTEMPT,
    OVERLOAD_EXHAUSTED,
    REFUSED_BY_MODEL,
    BestAttempt,
    Fatal,
    Message,
    Overload,
    Scored,
    Validated,
    encode,
)
from streaming.kafka.client import Record
from streaming.kafka.memory import MemoryBroker
from streaming.postgres.connect import LOOK_UP_S, connect
from streaming.storage.database import Database
from streaming.storage.persister import Persister
from streaming.storage.replay import replay, requeue
from streaming.topics import DEAD_LETTERS, TOPICS
from tests.unit.storage.messages import Submission, best_attempt

T = TypeVar("T")

NOW = datetime(2026, 1, 2, tzinfo=UTC)
QUESTIONS, SUBMISSIONS, MOST_WAITING = 2, 5, 12
SCORES = st.sampled_from([0.1, 0.2, 0.3, 0.4])
TOPIC_OF = {spec.message: spec.name for spec in TOPICS}
BEFORE_ROWS, BEFORE_OFFSETS = "before rows are committed", "between rows and offsets"


class Died(Exception):
    """The process is gone."""


class Mortal:
    """The database of a persister that dies, or not, at one moment of its transaction."""

    def __init__(self, database: Database, dies: str | None) -> None:
        self._database = database
        self._dies = dies

    async def atomic(self, work: Callable[[Any], T]) -> T:
        def dying(connection: Any) -> T:
            result = work(connection)
            if self._dies == BEFORE_ROWS:
                raise Died
            return result

        result = await self._database.atomic(dying)
        if self._dies == BEFORE_OFFSETS:
            raise Died
        return result

    def close(self) -> None:
        """The connections outlive it: another persister takes them."""


class NoCache:
    """Redis is away."""

    async def put(self, answers: object) -> None: ...

    async def close(self) -> None: ...


@dataclass
class State:
    """What is to be true of a question."""

    submission: UUID
    status: str = "pending"


class PersisterMachine(RuleBasedStateMachine):
    """Holds the tables, what waits to be consumed, and what the tables must say."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.database = Database(url, 1)
        self.connection = connect(url, LOOK_UP_S)
        self.connection.autocommit = True
        for table in ("questions", "submissions", "attempts", "failed_questions"):
            self.sql(f"DELETE FROM {table}")
        self.broker = MemoryBroker()
        for spec in TOPICS:
            self.broker.create(spec.name)
        self.made = self.asked = 0
        self.submissions: list[Submission] = []
        self.waiting: list[Record] = []
        self.message_of: dict[Record, Message] = {}
        self.questions: dict[UUID, State] = {}
        self.answers: dict[UUID, tuple[UUID, str, float | None]] = {}
        self.failures: dict[tuple[UUID, UUID], str] = {}
        self.attempts: dict[tuple[UUID, int], tuple[str, float | None]] = {}

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall()) if cursor.description else []

    def new_id(self) -> UUID:
        self.made += 1
        return uuid5(NAMESPACE_URL, str(self.made))

    @precondition(lambda self: self.asked < QUESTIONS)
    @rule(by_hand=st.sampled_from([False, False, True]))
    def ask(self, by_hand: bool) -> None:
        """A question made by hand is known to nobody until its first message is stored."""
        self.asked += 1
        asked = Submission(self.new_id(), self.new_id())
        self.submissions.append(asked)
        if by_hand:
            return
        self.questions[asked.question_id] = State(asked.submission_id)
        self.sql(
            """INSERT INTO questions (question_id, answer_set, question_text, status, submission_id, created_at, submitted_at, enqueued_at)
               VALUES (%s, 'a', 'q', 'pending', %s, %s, %s, %s)""",
            *(asked.question_id, asked.submission_id, NOW, NOW, NOW),
        )
        self.sql(
            "INSERT INTO submissions (submission_id, question_id, kind, submitted_at) VALUES (%s, %s, 'first', %s)",
            *(asked.submission_id, asked.question_id, NOW),
        )

    @precondition(lambda self: self.submissions and len(self.waiting) < MOST_WAITING)
    @rule(data=st.data(), retry=st.integers(0, 2), score=SCORES)
    def attempt(self, data: st.DataObject, retry: int, score: float) -> None:
        of = self.submissions[data.draw(st.sampled_from(range(len(self.submissions))))]
        scored = data.draw(st.sampled_from([False, False, True]))
        self.send(of.low_quality(score, attempts=retry + 1) if scored else of.overload(retry))

    @precondition(lambda self: self.submissions and len(self.waiting) < MOST_WAITING)
    @rule(data=st.data(), retry=st.integers(0, 2), score=SCORES, scored_before=st.none() | st.none() | SCORES)
    def end(self, data: st.DataObject, retry: int, score: float, scored_before: float | None) -> None:
        """Twice, in two ways, where the draw says so."""
        of = self.submissions[data.draw(st.sampled_from(range(len(self.submissions))))]
        best = None if scored_before is None else best_attempt(scored_before, 0)
        endings = {
            "passed": lambda: of.validated(score, attempts=retry + 1),
            "best attempt": lambda: of.validated(score, attempts=retry + 1, accepted_as=BEST_ATTEMPT, accepted_retry_count=0),
            "exhausted": lambda: of.fatal(OVERLOAD_EXHAUSTED, retry, best),
            "refused": lambda: of.fatal(REFUSED_BY_MODEL, retry, best),
        }
        for kind in data.draw(st.lists(st.sampled_from(sorted(endings)), min_size=1, max_size=2)):
            self.send(endings[kind]())

    def send(self, message: Message) -> None:
        record = Record(TOPIC_OF[type(message)], 0, len(self.message_of), None, encode(message), 0)
        self.message_of[record] = message
        self.waiting.append(record)

    @precondition(lambda self: self.message_of and len(self.waiting) < MOST_WAITING)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        self.send(list(self.message_of.values())[data.draw(st.sampled_from(range(len(self.message_of))))])

    @precondition(lambda self: self.waiting)
    @rule(dies=st.sampled_from([None, None, BEFORE_ROWS, BEFORE_OFFSETS]))
    def consume_all(self, dies: str | None) -> None:
        self.persist(list(self.waiting), dies)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), dies=st.sampled_from([None, None, BEFORE_ROWS, BEFORE_OFFSETS]))
    def consume_some(self, data: st.DataObject, dies: str | None) -> None:
        places = data.draw(st.lists(st.sampled_from(range(len(self.waiting))), min_size=1, max_size=6, unique=True))
        self.persist([self.waiting[place] for place in places], dies)

    def persist(self, batch: list[Record], dies: str | None) -> None:
        self.runner.run(self._persist(batch, dies))
        if dies != BEFORE_ROWS:
            self.expect([self.message_of[record] for record in batch])
        if dies is None:
            self.waiting = [record for record in self.waiting if record not in batch]

    async def _persist(self, batch: list[Record], dies: str | None) -> None:
        parts: Any = (Mortal(self.database, dies), NoCache(), self.broker.producer(), ManualClock(NOW))
        step, done = Persister(*parts, most=len(batch), linger_s=0), set[Record]()
        for record in batch:
            step.take(record, partial(done.add, record))
        running = asyncio.create_task(step.run())
        async with asyncio.timeout(10):
            while len(done) < len(batch) and not running.done():
                await asyncio.sleep(0.0005)
        running.cancel()
        (ended,) = await asyncio.gather(running, return_exceptions=True)
        if not isinstance(ended, (Died, asyncio.CancelledError)):
            raise ended
        assert done == (set() if dies else set(batch)), "an offset is committed if, and only if, its rows are, and the process lives"

    @precondition(lambda self: self.may_replace("failed"))
    @rule(data=st.data())
    def replay_a_failure(self, data: st.DataObject) -> None:
        failed = [key for key, each in self.questions.items() if each.status == "failed"]
        question = failed[data.draw(st.sampled_from(range(len(failed))))]
        with self.connection:
            made = replay(self.connection, question, self.questions[question].submission, None, None, NOW)
        assert isinstance(made, tuple)
        self.replaced(question, made[0])

    @precondition(lambda self: self.may_replace("pending"))
    @rule()
    def requeue_what_is_pending(self) -> None:
        for question in requeue(self.connection, datetime(2027, 1, 1, tzinfo=UTC), NOW):
            ((made,),) = self.sql("SELECT submission_id FROM questions WHERE question_id = %s", question)
            self.replaced(question, made)
        self.sql("UPDATE questions SET enqueued_at = %s", NOW)

    def may_replace(self, status: str) -> bool:
        """Few submissions, so that most messages are of one that may still end."""
        return len(self.submissions) < SUBMISSIONS and any(each.status == status for each in self.questions.values())

    def replaced(self, question: UUID, submission: UUID) -> None:
        self.questions[question] = State(submission)
        self.submissions.append(Submission(question, submission))

    def expect(self, batch: list[Message]) -> None:
        """The rules: the first record of an attempt stays; the first end of a pending question's newest submission counts."""
        for message in batch:
            self.questions.setdefault(message.question_id, State(message.submission_id))
            if (made := attempt_of(message)) is not None:
                self.attempts.setdefault((message.submission_id, message.retry_count), made)
        for message in batch:
            state = self.questions[message.question_id]
            if state.status == "pending" and state.submission == message.submission_id:
                self.expect_end(message, state)

    def expect_end(self, message: Message, state: State) -> None:
        if isinstance(message, Validated):
            answer = (message.llm_response, message.bert_score)
        elif isinstance(message, Fatal):
            scored = [score for (submission, _), (_, score) in self.attempts.items() if submission == state.submission and score]
            scored += [message.best_attempt.bert_score] if isinstance(message.best_attempt, BestAttempt) else []
            if not scored:
                state.status = "failed"
                self.failures[message.question_id, state.submission] = message.error_type
                return
            answer = ("", max(scored))
        else:
            return
        state.status = "answered"
        self.answers[message.question_id] = (state.submission, *answer)

    @invariant()
    def the_tables_say_what_follows_from_the_rules(self) -> None:
        questions = {key: State(*rest) for key, *rest in self.sql("SELECT question_id, submission_id, status FROM questions")}
        assert questions == self.questions
        attempts = self.sql("SELECT submission_id, retry_count, outcome, bert_score FROM attempts")
        assert {(submission, count): (outcome, score) for submission, count, outcome, score in attempts} == self.attempts
        failures = self.sql("SELECT question_id, submission_id, cause FROM failed_questions")
        assert {(question, submission): cause for question, submission, cause in failures} == self.failures
        answers = {key: rest for key, *rest in self.sql("SELECT question_id, submission_id, llm_response, bert_score FROM answers")}
        assert answers.keys() == self.answers.keys()
        for question, (submission, text, score) in self.answers.items():
            # Of attempts with the same score it is left open which becomes the answer.
            assert answers[question] == [submission, text or answers[question][1], score]
        assert not self.broker.records(DEAD_LETTERS), "no message of the loop is refused"

    def teardown(self) -> None:
        """Whatever died, what still waits is consumed in the end."""
        try:
            while self.waiting:
                self.persist(self.waiting[:6], None)
            self.the_tables_say_what_follows_from_the_rules()
        finally:
            self.database.close()
            self.connection.close()
            self.runner.close()


def attempt_of(message: Message) -> tuple[str, float | None] | None:
    """Outcome and score of the attempt that a message records, None where it stands for none of its own."""
    match message:
        case Validated(accepted_as="best_attempt"):
            return None
        case Scored():
            return "success", message.bert_score
        case Overload():
            return "overload", None
        case Fatal(error_type="overload_exhausted"):
            return None
    return "fatal", None
