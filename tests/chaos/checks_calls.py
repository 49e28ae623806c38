"""How often the model was called, against the attempts that are stored. Pure."""

from collections import Counter
from collections.abc import Iterator

from tests.chaos.evidence import Evidence, Violation
from tests.chaos.invariants import Invariant

PROBE = "ping"
# The model was away, by the server's own word: such a call charges no question, which is asked again once the model is there.
AWAY = frozenset({"down", "model_missing"})


def repeated_calls(evidence: Evidence) -> int:
    """Calls beyond one an attempt: those whose outcome was lost with a crash, or left with a partition."""
    return sum(_surplus(evidence).values())


def few_repeats(evidence: Evidence, repeats_allowed: int) -> Iterator[Violation]:
    surplus = _surplus(evidence)
    if surplus.total() > repeats_allowed:
        most = ", ".join(f"{count} to {prompt[:60]!r}" for prompt, count in surplus.most_common(5))
        detail = f"{surplus.total()} calls more than attempts, {repeats_allowed} allowed; {most}"
        yield Violation(Invariant.MODEL_CALLS, detail)


def asked_of_the_model(evidence: Evidence) -> Iterator[Violation]:
    """The model is asked questions of the ledger, and whether it is there."""
    texts = {line.question_text for line in evidence.ledger} | {row["question_text"] for row in evidence.questions} | {PROBE, ""}
    for prompt in sorted({call.prompt for call in evidence.calls} - texts):
        yield Violation(Invariant.NO_STRANGERS, f"the model was asked {prompt[:60]!r}, which nobody asked")


def _surplus(evidence: Evidence) -> Counter[str]:
    texts = {row["question_id"]: row["question_text"] for row in evidence.questions}
    attempts = Counter(
        texts[row["question_id"]] for row in evidence.attempts if row["llm_started_at"] is not None and row["question_id"] in texts
    )
    prompts = set(texts.values())
    calls = Counter(call.prompt for call in evidence.calls if call.prompt in prompts and call.outcome not in AWAY)
    return calls - attempts
