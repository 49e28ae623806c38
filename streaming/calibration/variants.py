"""Variants of a reference: the same answer in other words, as far as fixed rules go. Pure.

They stand in for answers to the same question where nobody has recorded one. None is a paraphrase by a person, and each stays closer to
its reference than an answer that somebody else wrote.
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from random import Random

from streaming.identity import normalise

LEFT_OUT_SHARE = 0.1
KEPT_OF_CUT = 0.75
LONG_ENOUGH_TO_LOSE_WORDS = 8
LONG_ENOUGH_TO_CUT = 12

_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+|\s*\n\s*")
_CONTRACTIONS = {
    "can't": "cannot", "won't": "will not", "n't": " not", "'re": " are", "'ve": " have", "'ll": " will", "i'm": "I am", "it's": "it is",
    "that's": "that is", "there's": "there is", "what's": "what is",
}  # fmt: skip
_CONTRACTION = re.compile(
    r"\b(?:can't|won't|i'm|(?:it|that|there|what)'s)\b|(?<=\w)(?:(?<!\bai)(?<!\bsha)n't|'(?:re|ve|ll))\b", re.IGNORECASE
)


class Variant(StrEnum):
    """How a variant differs from its reference."""

    REORDERED = "sentences in another order"
    SENTENCE_LEFT_OUT = "one sentence left out"
    WORDS_LEFT_OUT = "a tenth of the words left out"
    CUT_OFF = "last quarter cut off"
    WRITTEN_OUT = "contractions written out"
    OTHER_ENDING = "closing mark added or removed"


def variant(reference: str, rng: Random) -> tuple[Variant, str]:
    """One of the variants that this text allows, each as likely; a text too short for any gets another closing mark.

    Raises ValueError for a blank reference.
    """
    text = reference.strip()
    if not text:
        raise ValueError("a blank reference has no variant")
    made = {kind: change(text, rng) for kind, change in _CHANGES.items()}
    possible = [(kind, other) for kind, other in made.items() if other is not None and normalise(other) != normalise(text)]
    return rng.choice(possible) if possible else (Variant.OTHER_ENDING, _other_ending(text))


def _sentences(text: str) -> list[str]:
    return [each for each in _SENTENCE_ENDS.split(text) if each.strip()]


def _reordered(text: str, rng: Random) -> str | None:
    sentences = _sentences(text)
    if len(sentences) < 2:
        return None
    first = rng.randrange(1, len(sentences))
    return " ".join(sentences[first:] + sentences[:first])


def _sentence_left_out(text: str, rng: Random) -> str | None:
    sentences = _sentences(text)
    if len(sentences) < 3:
        return None
    del sentences[rng.randrange(len(sentences))]
    return " ".join(sentences)


def _words_left_out(text: str, rng: Random) -> str | None:
    words = text.split()
    if len(words) < LONG_ENOUGH_TO_LOSE_WORDS:
        return None
    gone = set(rng.sample(range(len(words)), max(1, round(len(words) * LEFT_OUT_SHARE))))
    return " ".join(word for index, word in enumerate(words) if index not in gone)


def _cut_off(text: str, _: Random) -> str | None:
    words = text.split()
    return " ".join(words[: int(len(words) * KEPT_OF_CUT)]) if len(words) >= LONG_ENOUGH_TO_CUT else None


def _written_out(text: str, _: Random) -> str | None:
    return _CONTRACTION.sub(lambda found: _CONTRACTIONS[found.group().lower()], text.replace("’", "'"))


def _other_ending(text: str) -> str:
    return text[:-1] if text[-1] in ".!?" and len(text) > 1 else text + "."


_CHANGES: Mapping[Variant, Callable[[str, Random], str | None]] = {
    Variant.REORDERED: _reordered,
    Variant.SENTENCE_LEFT_OUT: _sentence_left_out,
    Variant.WORDS_LEFT_OUT: _words_left_out,
    Variant.CUT_OFF: _cut_off,
    Variant.WRITTEN_OUT: _written_out,
}
