"""One run: traffic, a fault in the middle of it, healing, rest, and what the checker says of what is left."""

import asyncio
import time
from collections.abc import Callable
from contextlib import closing
from random import Random
from uuid import uuid4

import httpx
import psycopg2

from streaming.errors import Unreachable
from streaming.kafka.positions import Cluster, KafkaPositions
from streaming.settings import Settings
from streaming.topics import CONSUMED_BY
from tests.chaos import ledger
from tests.chaos.checker import Limits, check
from tests.chaos.checks_calls import repeated_calls
from tests.chaos.evidence import Commit, Violation
from tests.chaos.gathering import gather
from tests.chaos.ledger import Question
from tests.chaos.positions import Watch
from tests.chaos.results import Result
from tests.chaos.scenario import Fault
from tests.chaos.stack import ChaosStack, NotHealed

# The promise: work again within so long of the component's return; at rest within the longest delay and so long.
RECOVERED_WITHIN_S = 60
REST_WITHIN_S = 60
LONGEST_DELAY_S = 8
# What two busy cores get through at least: the rest of a backlog may take that long besides.
UNSCORED_PER_S, SCORED_PER_S = 20, 5
POLL_S = 0.25


def run(fault: Fault, seed: int, settings: Settings, commit: str, say: Callable[[str], None]) -> Result:
    """Play a fault once. Raises what keeps the run from being judged at all."""
    return asyncio.run(_run(fault, seed, settings, commit, say))


async def _run(fault: Fault, seed: int, settings: Settings, commit: str, say: Callable[[str], None]) -> Result:
    begun, begun_at = time.monotonic(), time.time()
    random = Random(f"{fault.name} {seed}")
    stack = ChaosStack(settings)
    answer_set = f"chaos-{fault.name}-{seed}-{uuid4().hex[:8]}"
    questions = _questions(settings, fault, random)
    await asyncio.to_thread(stack.until, lambda: not stack.unready(), "all of the stack is ready before the fault", 120)
    await _prepare_model(settings, fault)
    found: list[Violation] = []
    pids = stack.pids()
    with Watch(settings.kafka_bootstrap) as watch:
        say("asking")
        asking = asyncio.create_task(ledger.ask(settings.api_url, answer_set, questions, fault.rate))
        await asyncio.sleep(random.uniform(*fault.strike_after_s))
        say("the fault")
        struck_at = time.time()
        try:
            await asyncio.to_thread(fault.strike, stack, random)
        except NotHealed as err:
            found.append(Violation("healing", str(err)))
        healed_at, healed = time.time(), time.monotonic()
        say("recovering")
        recovered_s, asked = await asyncio.gather(
            _until(lambda: _recovered(stack, answer_set, healed_at), healed, RECOVERED_WITHIN_S), asking
        )
        if recovered_s is None:
            found.append(Violation("recovery", f"not within {RECOVERED_WITHIN_S} s: {stack.unready() or 'no question ended'}"))
        say("coming to rest")
        allowed = LONGEST_DELAY_S + REST_WITHIN_S + fault.unscored / UNSCORED_PER_S + fault.scored / SCORED_PER_S
        kafka = KafkaPositions(settings.kafka_bootstrap)
        if await _until(lambda: _open(settings, kafka, answer_set) is None, healed, allowed) is None:
            found.append(Violation("quiescence", f"not at rest within {allowed:.0f} s: {_open(settings, kafka, answer_set)}"))
    if watch.failure is not None:
        raise watch.failure
    ended = [program for program, pid in stack.pids().items() if pid != pids[program] and program not in fault.ends]
    found += [Violation("every other process lives through it", f"{program} was started again") for program in ended]
    say("checking")
    evidence = await asyncio.to_thread(
        gather, settings, answer_set, begun_at, asked, _forward(watch.commits, fault, struck_at), stack.calls_file
    )
    found += check(evidence, Limits(settings.retry_budget, settings.score_threshold, fault.repeats))
    return Result(
        fault.name,
        seed,
        commit,
        len(asked),
        tuple(f"{each.invariant}: {each.detail}" for each in found),
        repeated_calls(evidence),
        recovered_s,
        time.monotonic() - begun,
    )


def _questions(settings: Settings, fault: Fault, random: Random) -> list[Question]:
    """Those with a reference are rows of the loaded corpus, so that the simulator knows what to say."""
    with closing(psycopg2.connect(settings.database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            """SELECT question_text, original_answer FROM dataset_questions
               WHERE dataset = 'sample' AND original_answer IS NOT NULL ORDER BY text_hash"""
        )
        rows = cursor.fetchall()
    scored = [Question(text, reference) for text, reference in random.sample(rows, fault.scored)]
    unscored = [Question(f"What is {number} plus {random.randint(1, 10**9)}?", None) for number in range(fault.unscored)]
    both = scored + unscored
    random.shuffle(both)
    return both


async def _prepare_model(settings: Settings, fault: Fault) -> None:
    async with httpx.AsyncClient(base_url=settings.ollama_url, timeout=10, trust_env=False) as client:
        for request in (
            client.post("/simulator/reset"),
            client.put("/simulator/faults", json=dict(fault.model)),
            client.put("/simulator/quality", json=dict(fault.quality)),
        ):
            (await request).raise_for_status()


async def _until(condition: Callable[[], bool], since: float, within_s: float) -> float | None:
    """Seconds from `since` (monotonic) until it holds; None if it does not in time."""
    while not await asyncio.to_thread(condition):
        if time.monotonic() - since > within_s:
            return None
        await asyncio.sleep(POLL_S)
    return time.monotonic() - since


def _recovered(stack: ChaosStack, answer_set: str, since: float) -> bool:
    return not stack.unready() and _ended_since(stack.settings, answer_set, since)


def _ended_since(settings: Settings, answer_set: str, since: float) -> bool:
    """Whether a question has ended since, or none is left that could."""
    with closing(psycopg2.connect(settings.database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            """SELECT bool_or(resolved_at > to_timestamp(%s)) OR NOT bool_or(status = 'pending')
               FROM questions WHERE answer_set = %s""",
            (since, answer_set),
        )
        (ended,) = cursor.fetchone() or (None,)
    return ended is not False


def _open(settings: Settings, kafka: Cluster, answer_set: str) -> str | None:
    """What is not at rest: questions without an end, groups that have not read all; None: nothing."""
    with closing(psycopg2.connect(settings.database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM questions WHERE answer_set = %s AND status = 'pending'", (answer_set,))
        (pending,) = cursor.fetchone() or (0,)
    if pending:
        return f"{pending} questions are pending"
    for group, names in CONSUMED_BY.items():
        try:
            logs = kafka.logs(names)
            positions = kafka.positions(group, logs.keys())
        except Unreachable as err:
            return str(err)
        behind = {str(place): log.end - read for place, log in logs.items() if log.end != (read := positions[place].offset or 0)}
        if behind:
            return f"{group} is behind: {behind}"
    return None


def _forward(commits: list[Commit], fault: Fault, struck_at: float) -> list[Commit]:
    """The commits that must only go forward: of a group that the fault moved back, those after it."""
    last: dict[tuple[str, str, int], list[Commit]] = {}
    for commit in commits:
        last.setdefault((commit.group, commit.topic, commit.partition), []).append(commit)
    kept: list[Commit] = []
    for (group, _, _), seen in last.items():
        if group in fault.rewinds:
            after = [commit for commit in seen if commit.at >= struck_at]
            lowest = min(range(len(after)), key=lambda index: after[index].offset, default=0)
            seen = after[lowest:]
        kept += seen
    return kept
