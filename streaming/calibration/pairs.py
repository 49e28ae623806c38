"""The pairs that a calibration scores: answers with the reference of their own question, and with that of another. Pure.

Matched pairs hold, for each question, what comes nearest to an answer that somebody else gave: a recorded answer of a real model, else
another reference, else a variant of the reference. What the simulator answered stands apart: it makes its answers from the reference,
some of them poor on purpose, and so tells nothing of the threshold that real answers need.
"""

from collections import defaultdict
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from streaming.calibration.variants import variant
from streaming.figures.rates import VARIANT_OF, Group
from streaming.identity import normalise
from streaming.scoring.pair import Pair


class Recorded(NamedTuple):
    """An answer that a model gave, before any retry chose among its answers."""

    answer: str
    model: str


class Question(NamedTuple):
    """A question's reference and what else is known to answer it."""

    reference: str
    topic: int | None = None
    recorded: Recorded | None = None  # of a real model
    simulated: Recorded | None = None
    other_reference: str | None = None


class Labelled(NamedTuple):
    """A pair, its group, and what its answer is, in words."""

    group: Group
    kind: str
    pair: Pair


OTHER_REFERENCE = "another reference for the same question"
OF_ANOTHER_QUESTION = "reference of another question"
OF_THE_SAME_TOPIC = "reference of another question of the topic"


def distinct(questions: Sequence[Question]) -> list[Question]:
    """The questions without those whose reference is blank or that of one before: two questions with one answer are not unrelated."""
    seen = {""}
    kept = []
    for question in questions:
        if (key := normalise(question.reference)) not in seen:
            seen.add(key)
            kept.append(question)
    return kept


def labelled_pairs(questions: Sequence[Question], seed: int) -> list[Labelled]:
    """One matched and one unrelated pair for each question (a same-topic and a simulated one where there is any), the same for one seed.

    `questions` are distinct. Raises ValueError for fewer than two: a single one has nothing to be unrelated to.
    """
    if len(questions) < 2:
        raise ValueError("a calibration needs two questions with different references")
    rng = Random(seed)  # nosec B311 # the same seed gives the same pairs
    pairs = [_matched(question, rng) for question in questions]
    pairs += _shuffled(Group.UNRELATED, OF_ANOTHER_QUESTION, questions, rng)
    by_topic: defaultdict[int, list[Question]] = defaultdict(list)
    for question in questions:
        if question.topic is not None:
            by_topic[question.topic].append(question)
    for topic in sorted(by_topic):
        if len(by_topic[topic]) > 1:
            pairs += _shuffled(Group.SAME_TOPIC, OF_THE_SAME_TOPIC, by_topic[topic], rng)
    return pairs + [
        Labelled(Group.SIMULATED, f"answer of {each.simulated.model}", Pair(each.simulated.answer, each.reference))
        for each in questions
        if each.simulated
    ]


def derangement(count: int, rng: Random) -> list[int]:
    """A permutation of 0..count-1 in which nothing stays in its place (for count > 1), drawn evenly from those of one cycle.

    S. Sattolo, An algorithm to generate a random cyclic permutation, Information Processing Letters 22 (1986).
    """
    order = list(range(count))
    for last in range(count - 1, 0, -1):
        other = rng.randrange(last)
        order[last], order[other] = order[other], order[last]
    return order


def _matched(question: Question, rng: Random) -> Labelled:
    # Drawn for every question, so that an answer recorded since changes no other question's variant.
    kind, text = variant(question.reference, rng)
    if question.recorded:
        kind_text, answer = f"answer of {question.recorded.model}", question.recorded.answer
    elif question.other_reference:
        kind_text, answer = OTHER_REFERENCE, question.other_reference
    else:
        kind_text, answer = f"{VARIANT_OF}{kind}", text
    return Labelled(Group.MATCHED, kind_text, Pair(answer, question.reference))


def _shuffled(group: Group, kind: str, questions: Sequence[Question], rng: Random) -> list[Labelled]:
    order = derangement(len(questions), rng)
    return [
        Labelled(group, kind, Pair(questions[other].reference, question.reference))
        for question, other in zip(questions, order, strict=True)
    ]
