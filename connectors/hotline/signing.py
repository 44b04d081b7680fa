"""Signatures of the exchange: HMAC-SHA256 over timestamp, nonce and body, the same both ways.

What is signed is `timestamp LF nonce LF METHOD SP path-with-query LF body` (`request_body`), both ways: a
signed message is good for one address, so for one source, alone. Callers: the client, the web hook and the
reference server.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMESTAMP: Final = "X-Jiesu-Timestamp"
NONCE: Final = "X-Jiesu-Nonce"
SIGNATURE: Final = "X-Jiesu-Signature"
SCHEME: Final = "v1="

_TIMESTAMP: Final = re.compile(r"[0-9]{9,12}")
_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
_SIGNATURE: Final = re.compile(r"v1=[0-9a-f]{64}")


class Malformed(ValueError):
    """签名的三个请求头缺少，或写法不对。"""


@dataclass(frozen=True, slots=True)
class Stamp:
    """The three headers of a signed message; `at` in seconds since 1970."""

    at: int
    nonce: str
    signature: str

    def headers(self) -> dict[str, str]:
        """As they are sent."""
        return {TIMESTAMP: str(self.at), NONCE: self.nonce, SIGNATURE: self.signature}


def digest(secret: str, at: int, nonce: str, body: bytes) -> str:
    """The signature of a message."""
    said = f"{at}\n{nonce}\n".encode() + body
    return SCHEME + hmac.new(secret.encode(), said, hashlib.sha256).hexdigest()


def request_body(method: str, path: str, body: bytes) -> bytes:
    """What is signed of a request that we make."""
    return f"{method} {path}\n".encode() + body


def stamp(secret: str, body: bytes, *, at: int, nonce: str | None = None) -> Stamp:
    """Sign a message with a nonce of its own."""
    nonce = nonce or secrets.token_urlsafe(18)
    return Stamp(at, nonce, digest(secret, at, nonce, body))


def read(headers: Mapping[str, str]) -> Stamp:
    """The stamp that a message carries. Raises Malformed."""
    at, nonce, signature = (headers.get(name, "") for name in (TIMESTAMP, NONCE, SIGNATURE))
    if not _TIMESTAMP.fullmatch(at) or not _NONCE.fullmatch(nonce) or not _SIGNATURE.fullmatch(signature):
        raise Malformed
    return Stamp(int(at), nonce, signature)


def genuine(secret: str, given: Stamp, body: bytes) -> bool:
    """Whether a message was signed with the secret; takes as long for a wrong one as for a right one."""
    return hmac.compare_digest(digest(secret, given.at, given.nonce, body), given.signature)
