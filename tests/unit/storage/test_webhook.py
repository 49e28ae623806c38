"""Who may be called back, and how a callback proves where it comes from."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from streaming.errors import ConfigurationError, UserError
from streaming.storage.webhook import DELAYS_S, CallbackPolicy, is_public, pause_after, signed_headers, signing_key

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
