"""Sealing of identities: AES-256-GCM per field, and a keyed blind index to find the same phone again.

A sealed value is `version byte | key id (2 bytes) | nonce (12) | ciphertext and tag`. What it belongs to
(table, field, row) is authenticated with it, so a value copied to another row does not open.
Callers: services that store or reveal identities. Keys never leave this object.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import unicodedata
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if TYPE_CHECKING:
    from pathlib import Path

_VERSION: Final = 1
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_HEAD_BYTES: Final = 3
_MAX_KEY_ID: Final = 0xFFFF


class VaultError(Exception):
    """A key is missing or malformed, or a sealed value does not open."""


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=_KEY_BYTES, salt=None, info=b"jiesu/" + purpose).derive(key)


class Vault:
    """Seals and opens values with a set of numbered keys; the first seals, all open."""

    def __init__(self, keys: dict[int, bytes], *, index_key: bytes | None = None) -> None:
        """Take the keys, newest first. The index key defaults to one derived from the oldest key."""
        if not keys:
            raise VaultError("no key given")
        for key_id, key in keys.items():
            if not 0 < key_id <= _MAX_KEY_ID or len(key) != _KEY_BYTES:
                raise VaultError(
                    f"key {key_id}: ids run from 1 to {_MAX_KEY_ID}, keys have {_KEY_BYTES} bytes"
                )
        self._seal_id = next(iter(keys))
        self._ciphers = {key_id: AESGCM(_derive(key, b"seal")) for key_id, key in keys.items()}
        # The oldest key: adding a newer one must not orphan the indexes already stored.
        self._index_key = index_key or _derive(keys[min(keys)], b"blind-index")
        self._signer = Ed25519PrivateKey.from_private_bytes(_derive(keys[min(keys)], b"ledger-signature"))

    @classmethod
    def parse(cls, text: str) -> Vault:
        """Read `1:base64[,2:base64]`. Raises VaultError naming the position, never the key."""
        keys: dict[int, bytes] = {}
        for position, part in enumerate(text.strip().split(","), start=1):
            number, _, encoded = part.strip().partition(":")
            try:
                keys[int(number)] = base64.b64decode(encoded, validate=True)
            except (ValueError, binascii.Error):
                raise VaultError(f"key {position} is not of the form number:base64") from None
        return cls(keys)

    @classmethod
    def open_or_create(cls, path: Path) -> Vault:
        """Use the key file, making one (mode 0600) when there is none. Raises VaultError on a bad file."""
        try:
            # O_EXCL: of two processes starting together one creates, the other reads.
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls.parse(path.read_text(encoding="ascii", errors="replace"))
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"1:{base64.b64encode(os.urandom(_KEY_BYTES)).decode()}\n")
            file.flush()
            os.fsync(file.fileno())
        return cls.parse(path.read_text(encoding="ascii"))

    def seal(self, value: str, *, belongs_to: str) -> bytes:
        """Encrypt a value for one place, such as `appellant.phone:17`."""
        nonce = os.urandom(_NONCE_BYTES)
        head = bytes([_VERSION]) + self._seal_id.to_bytes(2, "big")
        return (
            head
            + nonce
            + self._ciphers[self._seal_id].encrypt(nonce, value.encode(), head + belongs_to.encode())
        )

    def open(self, sealed: bytes, *, belongs_to: str) -> str:
        """Decrypt. Raises VaultError when the key is unknown or the value was moved or changed."""
        head, nonce = sealed[:_HEAD_BYTES], sealed[_HEAD_BYTES : _HEAD_BYTES + _NONCE_BYTES]
        key_id = int.from_bytes(head[1:], "big")
        if len(sealed) < _HEAD_BYTES + _NONCE_BYTES or head[0] != _VERSION or key_id not in self._ciphers:
            raise VaultError("sealed with an unknown key or format")
        try:
            plain = self._ciphers[key_id].decrypt(
                nonce, sealed[_HEAD_BYTES + _NONCE_BYTES :], head + belongs_to.encode()
            )
        except InvalidTag:
            raise VaultError(f"{belongs_to} does not open") from None
        return plain.decode()

    def phone_index(self, phone: str) -> bytes:
        """The blind index of a phone number: equal for every way of writing the same number."""
        return self._mac(b"phone", normal_phone(phone))

    def content_hash(self, text: str) -> str:
        """A keyed hash (hex) of content that may hold personal data: it cannot be guessed from outside."""
        return self._mac(b"content", text).hex()

    @property
    def public_key(self) -> str:
        """What checks our signatures (Ed25519, hex): to be known outside, no secret."""
        form, encoding = serialization.PublicFormat.Raw, serialization.Encoding.Raw
        return self._signer.public_key().public_bytes(encoding, form).hex()

    def sign(self, text: bytes) -> str:
        """Sign a text: hex."""
        return self._signer.sign(text).hex()

    def _mac(self, purpose: bytes, text: str) -> bytes:
        return hmac.new(self._index_key, purpose + b"\0" + text.encode(), hashlib.sha256).digest()


def signed_by(public_key: str, text: bytes, signature: str) -> bool:
    """Whether the holder of this public key signed the text."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), text)
    except (InvalidSignature, ValueError):
        return False
    return True


def normal_phone(phone: str) -> str:
    """Digits only, full width folded, China's country code dropped."""
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", phone))
    return re.sub(r"^(?:00)?86(?=1\d{10}$|0\d{9,11}$)", "", digits)
