"""Who may be called back, and how a callback proves where it comes from."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from streaming.errors import ConfigurationError, UserError
from streaming.storage.webhook import (
    DELAYS_S,
    TOLERANCE_S,
    CallbackPolicy,
    is_genuine,
    is_public,
    pause_after,
    signed_headers,
    signing_key,
)

KEY = bytes(range(32))


def policy(*hosts: str, allow_private: bool = False) -> CallbackPolicy:
    return CallbackPolicy(hosts or ("hooks.example.org", ".example.net"), KEY, allow_private)


@pytest.mark.parametrize("url", ["https://hooks.example.org/a?b=c", "https://HOOKS.example.org:8443/", "https://a.b.example.net/"])
def test_an_allowed_host_may_be_called(url: str) -> None:
    policy().check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/",
        "https://example.org/",
        "https://hooks.example.org.evil.com/",
        "https://example.net/",
        "https://notexample.net/",
        "https://evil.com/hooks.example.org",
        "https://hooks.example.org@evil.com/",
        "https://user:pw@hooks.example.org/",
        "https://hooks.example.org/#fragment",
        "https://hooks.example.org:0/",
        "https://hooks.example.org:99999/",
        "https://hooks.example.org/\r\nX: y",
        "https://hooks.example.org/" + "x" * 2000,
        "ftp://hooks.example.org/",
        "//hooks.example.org/",
        "",
    ],
)
def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(UserError):
        policy().check_url(url)


def test_plain_http_is_for_private_receivers_alone() -> None:
    policy("localhost", allow_private=True).check_url("http://localhost:9000/done")
    with pytest.raises(UserError, match="https"):
        policy("localhost").check_url("http://localhost:9000/done")


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "::",
        "ff02::1",
    ],
)
def test_addresses_of_this_machine_and_its_networks_are_not(address: str) -> None:
    assert not is_public(address)
    assert not policy().may_connect(address)
    assert policy(allow_private=True).may_connect(address)


def test_a_receiver_can_check_the_signature_with_the_shared_secret() -> None:
    secret = "whsec_" + base64.b64encode(KEY).decode()
    headers = signed_headers(signing_key(secret), "msg-1", datetime(2026, 1, 2, tzinfo=UTC), b'{"a": 1}')
    expected = hmac.new(KEY, b'msg-1.1767312000.{"a": 1}', hashlib.sha256).digest()
    assert headers["webhook-id"] == "msg-1"
    assert headers["webhook-timestamp"] == "1767312000"
    assert headers["webhook-signature"] == "v1," + base64.b64encode(expected).decode()


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64!", base64.b64encode(KEY).decode()])
def test_a_secret_that_cannot_sign_is_named_at_the_start(secret: str) -> None:
    with pytest.raises(ConfigurationError, match="ANSWERLOOP_CALLBACK_SECRET"):
        signing_key(secret)


def test_tries_are_bounded_and_further_and_further_apart() -> None:
    pauses = [pause_after(tries) for tries in range(1, len(DELAYS_S) + 2)]
    assert pauses[-1] is None
    assert pauses[:-1] == sorted(DELAYS_S)


SENT_AT = datetime(2026, 1, 1, tzinfo=UTC)
SENT = signed_headers(KEY, "id", SENT_AT, b"content")


@pytest.mark.parametrize("late_s", [-TOLERANCE_S, 0, TOLERANCE_S])
def test_what_the_holder_of_the_key_sent_lately_is_genuine(late_s: float) -> None:
    assert is_genuine(KEY, SENT, b"content", SENT_AT + timedelta(seconds=late_s))


def test_one_genuine_signature_of_several_is_enough() -> None:
    assert is_genuine(KEY, SENT | {"webhook-signature": f"v1,AAAA v2,xyz {SENT['webhook-signature']}"}, b"content", SENT_AT)


@pytest.mark.parametrize(
    ("key", "altered", "content", "late_s"),
    [
        (bytes(32), {}, b"content", 0),
        (KEY, {}, b"contents", 0),
        (KEY, {"webhook-id": "another"}, b"content", 0),
        (KEY, {"webhook-timestamp": str(int(SENT_AT.timestamp()) + 1)}, b"content", 0),
        (KEY, {"webhook-timestamp": "\u0661"}, b"content", 0),
        (KEY, {"webhook-timestamp": ""}, b"content", 0),
        (KEY, {"webhook-signature": ""}, b"content", 0),
        (KEY, {"webhook-signature": "v1,"}, b"content", 0),
        (KEY, {"webhook-signature": SENT["webhook-signature"].replace("v1,", "v2,")}, b"content", 0),
        (KEY, {"webhook-signature": "v1,\u00e9"}, b"content", 0),
        (KEY, {}, b"content", TOLERANCE_S + 1),
        (KEY, {}, b"content", -TOLERANCE_S - 1),
    ],
)
def test_what_is_forged_altered_or_sent_again_later_is_not(key: bytes, altered: dict[str, str], content: bytes, late_s: float) -> None:
    assert not is_genuine(key, SENT | altered, content, SENT_AT + timedelta(seconds=late_s))
    assert not is_genuine(key, {}, content, SENT_AT)
