import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.contracts import MODEL_FORBIDDEN, MODEL_MISSING, NO_MODEL_REPLY, REFUSED_BY_MODEL
from streaming.model.http import MAX_REPLY_BYTES, Received
from streaming.model.ollama import reply_of
from streaming.model.outcome import Overloaded, QuotaReached, Refused, Unavailable, outcome_of
from streaming.model.server import Failure, NoReply, Success

ADDRESS = "http://model.example:11434"
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
USAGE_LIMIT = b'{"error":"you have reached your weekly usage limit, please wait"}'


def reply(status=200, body=b"{}", headers=None, cut_off=False, other=False):
    return outcome_of(reply_of(ADDRESS, Received(status, headers or {}, body, cut_off)), NOW, requested_other_model=other)


def answer(**fields):
    return json.dumps({"model": "m", "response": "Rayleigh scattering.", "done": True, "done_reason": "stop"} | fields).encode()


def test_a_whole_answer_is_a_success_with_its_counts():
    outcome = reply(body=answer(eval_count=7, prompt_eval_count=4))
    assert isinstance(outcome, Success)
    assert (outcome.text, outcome.model, outcome.truncated, outcome.tokens, outcome.prompt_tokens) == (
        "Rayleigh scattering.", "m", False, 7, 4
    )  # fmt: skip


def test_an_answer_cut_by_its_length_is_a_truncated_success():
    outcome = reply(body=answer(done_reason="length"))
    assert isinstance(outcome, Success)
    assert outcome.truncated


def test_the_queue_wait_is_what_total_leaves_over():
    outcome = reply(body=answer(total_duration=5_000_000_000, load_duration=1_000_000_000, eval_duration=1_500_000_000))
    assert isinstance(outcome, Success)
    assert (outcome.queue_wait_s, outcome.service_s) == (2.5, 2.5)


def test_without_durations_nothing_is_said_about_the_queue():
    outcome = reply(body=answer(eval_duration=5))
    assert isinstance(outcome, Success)
    assert outcome.queue_wait_s is None
    assert outcome.service_s is None


def test_nul_and_lone_surrogates_are_replaced_in_an_answer():
    outcome = reply(body=b'{"model":"m","response":"a\\u0000b\\ud800c","done":true}')
    assert isinstance(outcome, Success)
    assert outcome.text == "a\ufffdb\ufffdc"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b"\xff\xfe", answer(done=False), answer(done="true"), answer(response=""), answer(response=" \n"),
     answer(response=None), answer(response=5), b'{"error":"x"}', b"[" * 100_000, b"9" * 10_000,
     answer(response="x" * MAX_REPLY_BYTES)],
)  # fmt: skip
def test_a_broken_answer_is_an_overload_that_says_nothing_about_load(body):
    outcome = reply(body=body)
    assert isinstance(outcome, Overloaded)
    assert not outcome.busy
    assert outcome.kind == "broken_reply"
    assert outcome.message


def test_a_connection_lost_in_mid_reply_is_an_overload_even_if_the_body_looks_whole():
    assert isinstance(reply(body=answer(), cut_off=True), Overloaded)


@pytest.mark.parametrize("status", [503, 429])
def test_503_and_429_are_overloads_by_their_own_word(status):
    outcome = reply(status, b'{"error":"server busy"}')
    assert outcome == Overloaded(outcome.message, f"http_{status}", busy=True, retry_after_s=None)
    assert "server busy" in outcome.message


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (reply(500, b"oops"), "http_500"),
        (reply(502), "http_502"),
        (reply(body=answer(), cut_off=True), "broken_reply"),
        (outcome_of(NoReply(Failure.DEADLINE, ""), NOW, requested_other_model=False), "deadline"),
    ],
)
def test_an_overload_says_of_which_kind_it_is(outcome, kind):
    assert isinstance(outcome, Overloaded)
    assert outcome.kind == kind


@pytest.mark.parametrize(("header", "seconds"), [
    ("7", 7.0), (" 7 ", 7.0), ("1.5", 1.5), ("0", 0.0), ("9" * 400, 300.0), ("-5", None), ("soon", None), ("", None), ("٣", None),
    (format_datetime(NOW + timedelta(seconds=42), usegmt=True), 42.0), (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
    ("Mon, 99 Nov 2026 12:00:00 GMT", None),
])  # fmt: skip
def test_an_overload_carries_its_retry_after_in_either_form_up_to_300_s(header, seconds):
    outcome = reply(503, headers={"retry-after": header})
    assert isinstance(outcome, Overloaded)
    assert outcome.retry_after_s == seconds


@pytest.mark.parametrize(("header", "seconds"), [
    (None, 60.0), ("7", 7.0), ("0", 1.0), ("86400", 3600.0), ("soon", 60.0),
    (format_datetime(NOW + timedelta(seconds=42), usegmt=True), 42.0), (format_datetime(NOW - timedelta(days=1), usegmt=True), 1.0),
])  # fmt: skip
def test_402_is_a_quota_with_a_retry_after_clamped_to_an_hour(header, seconds):
    outcome = reply(402, headers={"retry-after": header} if header is not None else {})
    assert isinstance(outcome, QuotaReached)
    assert outcome.retry_after_s == seconds


@pytest.mark.parametrize("body", [USAGE_LIMIT, b"Monthly QUOTA exceeded"])
def test_429_that_names_a_usage_limit_is_a_quota(body):
    assert isinstance(reply(429, body), QuotaReached)


def test_503_that_names_a_quota_is_still_an_overload():
    assert isinstance(reply(503, USAGE_LIMIT), Overloaded)


def test_404_for_the_requested_model_is_the_questions_fault():
    outcome = reply(404, b'{"error":"model \'x\' not found"}', other=True)
    assert isinstance(outcome, Refused)
    assert outcome.cause == MODEL_MISSING
    assert "model 'x' not found" in outcome.message


@pytest.mark.parametrize("status", [401, 403, 404])
def test_no_access_and_a_missing_configured_model_are_nobodys_fault(status):
    assert isinstance(reply(status, b'{"error":"no"}'), Unavailable)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(("other", "cause"), [(True, MODEL_FORBIDDEN), (False, REFUSED_BY_MODEL)])
def test_no_access_again_and_again_is_the_fault_of_the_model_that_was_requested_or_of_the_question(status, other, cause):
    outcome = reply(status, b'{"error":"not for you"}', other=other)
    assert isinstance(outcome.own_fault, Refused)
    assert outcome.own_fault.cause == cause
    assert all(word in outcome.own_fault.message for word in (str(status), "not for you", ADDRESS))


def test_a_missing_configured_model_is_nobodys_fault_however_often():
    assert reply(404, b'{"error":"no"}').own_fault is None


@pytest.mark.parametrize("status", [400, 405, 408, 413, 418, 422])
def test_any_other_4xx_is_the_questions_fault(status):
    outcome = reply(status)
    assert isinstance(outcome, Refused)
    assert outcome.cause == REFUSED_BY_MODEL


@pytest.mark.parametrize("status", [301, 302, 304, 307, 308])
def test_a_redirect_is_nobodys_fault_and_tells_where_it_leads(status):
    outcome = reply(status, headers={"location": "https://elsewhere.example/login"})
    assert isinstance(outcome, Unavailable)
    assert "https://elsewhere.example/login" in outcome.message
    assert outcome.own_fault.cause == NO_MODEL_REPLY
    assert ADDRESS in outcome.own_fault.message


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("other", [False, True])
def test_a_web_page_is_no_model_servers_reply_and_nobodys_fault(status, other):
    outcome = reply(status, b"<html><title>Sign in</title>", {"content-type": "Text/HTML; charset=utf-8"}, other=other)
    assert isinstance(outcome, Unavailable)
    assert "Sign in" in outcome.message
    assert outcome.own_fault.cause == NO_MODEL_REPLY
    assert ADDRESS in outcome.own_fault.message


def test_a_web_page_that_refuses_the_question_itself_is_the_questions_fault():
    assert isinstance(reply(413, b"<html>Request Entity Too Large", {"content-type": "text/html"}), Refused)


@pytest.mark.parametrize("status", [500, 502, 504, 599])
def test_any_other_5xx_is_an_overload(status):
    assert isinstance(reply(status), Overloaded)


def test_a_deadline_that_passed_is_an_overload():
    outcome = outcome_of(NoReply(Failure.DEADLINE, "120 s"), NOW, requested_other_model=False)
    assert isinstance(outcome, Overloaded)
    assert outcome.busy


def test_no_connection_and_a_reset_before_a_reply_are_unavailable():
    refused = outcome_of(NoReply(Failure.CANNOT_CONNECT, "refused"), NOW, requested_other_model=False)
    reset = outcome_of(NoReply(Failure.RESET, ""), NOW, requested_other_model=False)
    assert isinstance(refused, Unavailable)
    assert refused.own_fault is None
    assert isinstance(reset, Unavailable)
    assert isinstance(reset.own_fault, Overloaded)


JSON_VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner), max_leaves=3)
BODIES = st.binary(max_size=300) | st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("response", "done", "model", "error", "total_duration", "eval_count", "done_reason"), JSON_VALUES),
).map(lambda fields: json.dumps(fields).encode())


@given(st.integers(-1, 1000), st.none() | st.text(), BODIES, st.booleans(), st.booleans())
def test_every_reply_has_exactly_one_outcome_that_the_loop_can_carry(status, retry_after, body, cut_off, other):
    outcome = reply(status, body, {"retry-after": retry_after} if retry_after is not None else {}, cut_off, other)
    assert isinstance(outcome, Success | Overloaded | QuotaReached | Refused | Unavailable)
    if isinstance(outcome, Success):
        assert 200 <= status < 300
        assert outcome.text.strip()
    else:
        assert outcome.message
        outcome.message.encode()
        assert "\0" not in outcome.message
    if isinstance(outcome, QuotaReached):
        assert 1 <= outcome.retry_after_s <= 3600
    if isinstance(outcome, Overloaded) and outcome.retry_after_s is not None:
        assert 0 <= outcome.retry_after_s <= 300
