"""Answers of a set quality, made from the reference: a light paraphrase, a half-right text, or one about something else. Pure."""

import re
from random import Random

# Of a long text only so much may change before it stops being a paraphrase.
CHANGED_SHARE = 0.1
LEFT_OUT_MOST = 0.15
SHORT = 8  # words
KEPT_IN_MIDDLING = 0.5
WORDS_PER_TOKEN = 0.75

_PAIRS = (
    ("big", "large"), ("small", "little"), ("quick", "fast"), ("quickly", "fast"), ("buy", "purchase"), ("help", "assist"),
    ("begin", "start"), ("start", "begin"), ("end", "finish"), ("many", "numerous"), ("often", "frequently"), ("usually", "normally"),
    ("because", "since"), ("also", "additionally"), ("get", "obtain"), ("use", "utilise"), ("show", "demonstrate"), ("need", "require"),
    ("needs", "requires"), ("make", "create"), ("makes", "creates"), ("about", "around"), ("however", "but"), ("people", "persons"),
    ("children", "kids"), ("kids", "children"), ("doctor", "physician"), ("car", "automobile"), ("house", "home"), ("money", "cash"),
    ("job", "position"), ("answer", "reply"), ("important", "essential"), ("good", "fine"), ("great", "excellent"), ("bad", "poor"),
    ("hard", "difficult"), ("easy", "simple"), ("maybe", "perhaps"), ("really", "truly"), ("very", "quite"), ("think", "believe"),
    ("want", "wish"), ("try", "attempt"), ("find", "locate"), ("keep", "retain"), ("give", "offer"), ("different", "distinct"),
    ("same", "identical"), ("whole", "entire"), ("might", "may"), ("can", "could"), ("should", "ought to"), ("happen", "occur"),
    ("happens", "occurs"), ("known", "called"), ("called", "named"), ("main", "chief"), ("nearly", "almost"), ("enough", "sufficient"),
)  # fmt: skip
_SYNONYMS = dict(_PAIRS)

_WHO = (
    "the harbour master",
    "a retired gardener",
    "our night porter",
    "the village orchestra",
    "every lighthouse keeper",
    "a careful weaver",
)
_DOES = ("paints", "repairs", "weighs", "borrows", "polishes", "forgets", "counts", "collects", "rearranges", "admires")
_WHAT = ("copper kettles", "wooden ladders", "paper lanterns", "two left boots", "the oldest bicycle", "jars of plum jam", "empty crates")
_WHERE = ("behind the bakery", "under the viaduct", "beside the frozen canal", "on the ferry", "near the tennis courts", "in the attic")
_WHEN = ("before breakfast", "every second Tuesday", "while it rains", "after the parade", "in late October", "once the tide turns")

_WORD = re.compile(r"\w[\w'’-]*")


def good(reference: str, num_predict: int, rng: Random) -> tuple[str, bool]:
    """A light paraphrase, and whether it was cut: a few words replaced by synonyms, a few left out; where that changes nothing, the
    closing mark. What `num_predict` cuts has lost enough by that."""
    text, truncated = cut(reference, num_predict)
    if truncated:
        return text, True
    words = list(_WORD.finditer(text))
    rng.shuffle(words)
    most = rng.uniform(0, LEFT_OUT_MOST) * len(words)
    changes = {word: "" for word in words[: int(most)] if len(words) >= SHORT}
    known = [word for word in words if word not in changes and word.group().casefold() in _SYNONYMS]
    changes |= {word: _like(word.group(), _SYNONYMS[word.group().casefold()]) for word in known[: int(CHANGED_SHARE * len(words))]}
    for word in sorted(changes, key=lambda each: -each.start()):
        text = text[: word.start()] + changes[word] + text[word.end() :]
    return (text if text != reference else _other_ending(reference)), False


def middling(reference: str, rng: Random) -> str:
    """About half of the reference's words, in order, amid words about something else."""
    words = reference.split()
    strangers = unrelated(len(words), rng).split()
    kept = set(rng.sample(range(len(words)), int(len(words) * KEPT_IN_MIDDLING)))
    mixed = [word if index in kept else strangers[index] for index, word in enumerate(words)]
    return " ".join(mixed + strangers[:4] if len(words) < SHORT else mixed)


def poor(reference: str, rng: Random) -> str:
    """A text about something else, about as long."""
    return unrelated(min(max(len(reference.split()), 8), 120), rng)


def unrelated(words: int, rng: Random) -> str:
    """Sentences with at least so many words that answer no question anybody asks."""
    sentences: list[str] = []
    while sum(len(sentence.split()) for sentence in sentences) < max(words, 1):
        sentence = " ".join(rng.choice(part) for part in (_WHO, _DOES, _WHAT, _WHERE, _WHEN))
        sentences.append(sentence[0].upper() + sentence[1:] + ".")
    return " ".join(sentences)


def cut(text: str, num_predict: int) -> tuple[str, bool]:
    """The text as far as `num_predict` tokens reach, and whether that is not all of it. Not positive: no limit."""
    most = max(int(num_predict * WORDS_PER_TOKEN), 1)
    words = list(re.finditer(r"\S+", text))
    if num_predict <= 0 or len(words) <= most:
        return text, False
    return text[: words[most - 1].end()], True


def _like(word: str, replacement: str) -> str:
    return replacement[0].upper() + replacement[1:] if word[0].isupper() else replacement


def _other_ending(text: str) -> str:
    """Without its closing mark; of a text that is nothing else, with one more."""
    ended = text.rstrip()
    shorter = ended.removesuffix(".")
    return shorter if shorter != ended and shorter.strip() else ended + "."
