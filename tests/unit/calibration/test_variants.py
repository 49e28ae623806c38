"""Variants of a reference: the same answer, changed by fixed rules."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.calibration.variants import Variant, variant
from streaming.identity import normalise

LONG = (
    "Call the bank first. They don't charge for it.\nThen ask for a copy of the check! If it isn't there, go to the branch "
    "and wait until somebody can look it up."
)


def all_of(text: str) -> dict[Variant, str]:
    return dict(variant(text, Random(seed)) for seed in range(200))


def test_a_long_text_has_every_kind_but_the_last_resort() -> None:
    assert all_of(LONG).keys() == set(Variant) - {Variant.OTHER_ENDING}


def test_each_kind_does_what_its_name_says() -> None:
    made = all_of(LONG)
    assert sorted(made[Variant.REORDERED].split()) == sorted(LONG.split())
    assert len(made[Variant.SENTENCE_LEFT_OUT].split()) < len(LONG.split())
    assert set(made[Variant.WORDS_LEFT_OUT].split()) <= set(LONG.split())
    assert len(LONG.split()) - len(made[Variant.WORDS_LEFT_OUT].split()) == round(len(LONG.split()) / 10)
    assert LONG.replace("\n", " ").startswith(made[Variant.CUT_OFF])
    assert "do not charge" in made[Variant.WRITTEN_OUT]
    assert "is not there" in made[Variant.WRITTEN_OUT]


@pytest.mark.parametrize(("contracted", "written"), [("You can't.", "You cannot."), ("I'm sure they’ll go", "I am sure they will go")])
def test_contractions_are_written_out(contracted: str, written: str) -> None:
    assert variant(contracted, Random(1)) == (Variant.WRITTEN_OUT, written)


@pytest.mark.parametrize("text", ["Dan's bike ain't blue", "the dogs' bowl"])
def test_what_only_looks_like_a_contraction_stays(text: str) -> None:
    assert variant(text, Random(1)) == (Variant.OTHER_ENDING, text + ".")


@pytest.mark.parametrize(("text", "other"), [("yes", "yes."), ("Yes!", "Yes"), (".", ".."), ("  yes ", "yes.")])
def test_a_text_too_short_for_any_change_gets_another_ending(text: str, other: str) -> None:
    assert variant(text, Random(1)) == (Variant.OTHER_ENDING, other)


@pytest.mark.parametrize("blank", ["", " \n"])
def test_a_blank_reference_has_none(blank: str) -> None:
    with pytest.raises(ValueError, match="blank"):
        variant(blank, Random(1))


@given(st.text(min_size=1).filter(str.strip), st.integers(0, 1000))
def test_a_variant_is_another_text_and_the_same_for_one_seed(text: str, seed: int) -> None:
    kind, other = variant(text, Random(seed))
    assert other.strip()
    assert normalise(other) != normalise(text)
    assert variant(text, Random(seed)) == (kind, other)
