from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from streaming.simulator import answers
from streaming.simulator.draw import uniform
from streaming.simulator.faults import FAULTS, QUALITY, Fault, Faults, Quality, fault_of, grade_of, retry_after_s
from streaming.simulator.stats import Askings, prompt_key

PROMPTS = [f"prompt {number}" for number in range(2000)]


@given(st.integers(), st.text(), st.integers(0, 100))
def test_a_draw_is_a_share_and_repeats(seed, prompt, asked_before):
    draw = uniform(seed, prompt, asked_before)
    assert 0 <= draw < 1
    assert draw == uniform(seed, prompt, asked_before)


def test_faults_come_in_their_shares():
    faults = Faults(overload_503=0.1, quota_402=0.2)
    met = [fault_of(faults, 1, prompt, 0) for prompt in PROMPTS]
    assert met.count(Fault.OVERLOAD_503) / len(PROMPTS) == pytest.approx(0.1, abs=0.025)
    assert met.count(Fault.QUOTA_402) / len(PROMPTS) == pytest.approx(0.2, abs=0.025)
    assert met.count(None) / len(PROMPTS) == pytest.approx(0.7, abs=0.03)


def test_another_seed_gives_other_faults():
    faults = Faults(error_500=0.5)
    assert [fault_of(faults, 1, prompt, 0) for prompt in PROMPTS] != [fault_of(faults, 2, prompt, 0) for prompt in PROMPTS]


def test_some_prompts_meet_their_fault_again_until_it_ends():
    faults = Faults(overload_503=0.1, quota_402=0.1, repeat=0.25, repeat_for=6)
    stubborn = 0
    for prompt in PROMPTS:
        met = [fault_of(faults, 1, prompt, asking) for asking in range(8)]
        stubborn += met[0] is not None and met[:6] == [met[0]] * 6
    assert stubborn / len(PROMPTS) == pytest.approx(0.2 * 0.25, abs=0.025)


def test_a_missing_model_is_never_missing_for_the_same_prompt_again_and_again():
    faults = Faults(model_missing=0.5, repeat=1.0)
    assert any(fault_of(faults, 1, prompt, 0) is Fault.MODEL_MISSING and fault_of(faults, 1, prompt, 1) is None for prompt in PROMPTS[:100])


def test_the_demo_profile_uses_up_tries_of_either_kind_but_not_the_clean_one():
    demo, clean = FAULTS["demo"], FAULTS["clean"]
    met = [[fault_of(demo, 1, prompt, asking) for asking in range(6)] for prompt in PROMPTS[:200]]
    overloads = {Fault.OVERLOAD_503, Fault.OVERLOAD_429, Fault.OVERLOAD_429_SECONDS, Fault.OVERLOAD_429_DATE, Fault.ERROR_500}
    quotas = {Fault.QUOTA_402, Fault.QUOTA_429}
    assert any(set(faults[:4]) <= overloads for faults in met)
    assert any(set(faults) <= quotas for faults in met)
    assert not any(fault_of(clean, 1, prompt, 0) for prompt in PROMPTS)


def test_the_demo_profile_improves_some_answers_and_never_others():
    grades = [[grade_of(QUALITY["demo"], 1, prompt, asking) for asking in range(4)] for prompt in PROMPTS[:200]]
    assert any(each[0] != "good" and each[-1] == "good" for each in grades)
    assert any("good" not in each for each in grades)
    assert sum(each[0] == "good" for each in grades) > 100


def test_an_answer_once_good_stays_good():
    quality = Quality(poor=0.5, middling=0.5, improves=0.5)
    for prompt in PROMPTS[:200]:
        grades = [grade_of(quality, 1, prompt, asking) for asking in range(10)]
        assert "good" not in grades or set(grades[grades.index("good") :]) == {"good"}


@given(st.integers(0, 3600), st.integers(0, 3600), st.text())
def test_a_retry_after_lies_within_its_bounds(one, other, prompt):
    low, high = sorted((one, other))
    assert low <= retry_after_s(Faults(retry_after_min_s=low, retry_after_max_s=high), 1, prompt, 0) <= high


@pytest.mark.parametrize(
    "fields",
    [{"overload_503": 1.1}, {"overload_503": -0.1}, {"overload_503": 0.6, "hang": 0.6}, {"overlaod_503": 0.1},
     {"retry_after_min_s": 9, "retry_after_max_s": 3}, {"hang": float("nan")}],
)  # fmt: skip
def test_faults_that_make_no_sense_are_refused(fields):
    with pytest.raises(ValidationError):
        Faults(**fields)


def test_askings_are_counted_by_prompt_however_it_is_spaced():
    askings = Askings()
    keys = [prompt_key(text, "m:1", "m:1") for text in ("Why?", " why? ", "How?", "WHY?")]
    assert [askings.ask(key) for key in keys] == [0, 1, 0, 2]


def test_another_model_has_luck_of_its_own():
    assert prompt_key("Why?", "other:1", "m:1") != prompt_key("Why?", "m:1", "m:1")


@given(st.text(min_size=1).filter(str.strip), st.integers(0, 10**6))
@example(" .", 0)
@example(".", 0)
@example("\t.\n", 0)
@example(". .", 0)
@example("a.", 0)
@example("a ", 0)
def test_a_good_answer_is_never_the_reference_itself_nor_empty(reference, seed):
    text, truncated = answers.good(reference, 256, Random(seed))
    assert text.strip()
    assert text != reference or truncated


@given(st.text(), st.integers(1, 100))
def test_a_cut_text_begins_like_the_whole_and_has_the_words_that_fit(text, num_predict):
    cut, truncated = answers.cut(text, num_predict)
    assert text.startswith(cut)
    assert len(cut.split()) <= max(num_predict * 0.75, 1)
    assert truncated == (cut.split() != text.split())


def test_poor_and_middling_answers_share_none_and_some_of_the_reference():
    reference = "Plants make sugar from light, water and carbon dioxide inside their chloroplasts every sunny morning"
    words = set(reference.split())
    assert not words & set(answers.poor(reference, Random(1)).split())
    assert 0 < len(words & set(answers.middling(reference, Random(1)).split())) < len(words)
