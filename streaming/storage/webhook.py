"""What a callback is: which addresses may be called, what is sent and signed, and when it is tried again. Pure.

Signed after the Standard Webhooks specification 1.0: `webhook-id` stays the same over all tries, so that a receiver can tell repetitions.
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from streaming.errors import ConfigurationError, UserError
from streaming.storage.questions import DATABASE
from streaming.storage.states import Answered, Failed, body

MAX_URL_CHARACTERS = 2000
# Seconds after each failed try; after the last one the callback is given up.
DELAYS_S = (5, 30, 120, 600, 1800)
SECRET_PREFIX = "whsec_"  # nosec B105 # what every secret begins with
# A receiver takes nothing that was sent longer ago, or is to be sent later: what was overheard cannot be sent again at will.
TOLERANCE_S = 300
# Addresses that embed an IPv4 address: what they reach is not what they say.
_EMBEDDING = [ipaddress.ip_network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")]


@dataclass(frozen=True)
class CallbackPolicy:
    """Who may be called. `hosts`: exact names, or `.example.org` for every name below it; `allow_private`: for receivers on loopback or a
    private network, over plain HTTP too."""

    hosts: Collection[str]
    key: bytes
    allow_private: bool = False

    def check_url(self, url: str) -> None:
        """Raises UserError that says why the URL cannot be called."""
        if len(url) > MAX_URL_CHARACTERS or not url.isascii() or not url.isprintable() or " " in url:
            raise UserError(f"give an ASCII address of at most {MAX_URL_CHARACTERS} characters, without spaces")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as err:
            raise UserError(f"is not an address: {err}") from err
        if parts.scheme != "https" and not (parts.scheme == "http" and self.allow_private):
            raise UserError("must begin with https://")
        if parts.username is not None or parts.password is not None or parts.fragment or port == 0:
            raise UserError("must hold no user, password, fragment or port 0")
        host = (parts.hostname or "").lower()
        if not any(host == allowed or (allowed.startswith(".") and host.endswith(allowed)) for allowed in self.hosts):
            raise UserError(f"host {host!r} is not in ANSWERLOOP_CALLBACK_HOSTS")

    def may_connect(self, address: str) -> bool:
        """Whether a connection to this IP address is allowed."""
        return self.allow_private or is_public(address)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet: neither loopback, private, link-local, multicast nor a disguise of one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if any(ip in network for network in _EMBEDDING):
            return False
    return ip.is_global and not ip.is_multicast


def signing_key(secret: str) -> bytes:
    """The key in a secret of the form `whsec_<base64>`, of 24 to 64 bytes. Raises ConfigurationError."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(SECRET_PREFIX) or not 24 <= len(key) <= 64:
        raise ConfigurationError(f"ANSWERLOOP_CALLBACK_SECRET must be `{SECRET_PREFIX}` and the base64 of 24 to 64 random bytes")
    return key


def payload(state: Answered | Failed, resolved_at: datetime) -> bytes:
    """The body of a callback: the same that GET tells of the question."""
    kind = "question.answered" if isinstance(state, Answered) else "question.failed"
    content: dict[str, Any] = {"type": kind, "timestamp": resolved_at, "data": body(state, DATABASE)}
    return msgspec.json.encode(content)


def signed_headers(key: bytes, message_id: str, sent_at: datetime, content: bytes) -> dict[str, str]:
    """The headers that prove who sent the content, and when."""
    timestamp = str(int(sent_at.timestamp()))
    return {
        "content-type": "application/json",
        "user-agent": "answerloop",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": _signature(key, message_id, timestamp, content),
    }


def is_genuine(key: bytes, headers: Mapping[str, str], content: bytes, now: datetime) -> bool:
    """Whether who holds the key has sent this, lately. The header may hold several signatures, of keys that follow one another."""
    timestamp = headers.get("webhook-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit() and abs(now.timestamp() - int(timestamp)) <= TOLERANCE_S):
        return False
    expected = _signature(key, headers.get("webhook-id", ""), timestamp, content).encode()
    return any(hmac.compare_digest(each.encode(), expected) for each in headers.get("webhook-signature", "").split())


def _signature(key: bytes, message_id: str, timestamp: str, content: bytes) -> str:
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def pause_after(tries: int) -> float | None:
    """Seconds until the next try after so many that failed; None: given up."""
    return DELAYS_S[tries - 1] if tries <= len(DELAYS_S) else None
