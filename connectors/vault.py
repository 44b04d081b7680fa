"""Sealing of identities under envelope encryption, and a keyed blind index to find the same phone again.

Format 2: `version | master key id (2 bytes) | nonce (12) | wrapped data key (48) | nonce (12) | ciphertext
and tag`, all AES-256-GCM. Each record has a data key of its own; only that is wrapped by the master key, so
that a new master key wraps some bytes anew and never touches what is sealed. What a value belongs to (table,
field, row) is authenticated with it: copied to another row it does not open. Format 1, sealed with the master
key itself, still opens.
Callers: services that store or reveal identities. Master keys never leave `connectors.keys`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connectors.keys import KEY_BYTES, NONCE_BYTES, FileKeys, GivenKeys, KeyRing, RingMaster, VaultError

if TYPE_CHECKING:
    from pathlib import Path

    from connectors.keys import MasterKeys

__all__ = ["Sealer", "Stamp", "Vault", "VaultError", "normal_phone", "signed_by", "stamp_of"]

_ENVELOPE: Final = 2
_STAMP_BYTES: Final = 3
_WRAPPED_BYTES: Final = NONCE_BYTES + KEY_BYTES + 16
_HEAD_BYTES: Final = _STAMP_BYTES + _WRAPPED_BYTES


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """What the first bytes of a sealed value tell: its format, and the master key that it needs."""

    version: int
    key_id: int

    def head(self) -> bytes:
        """The same as it stands in the value."""
        return bytes([self.version]) + self.key_id.to_bytes(2, "big")


def stamp_of(sealed: bytes) -> Stamp:
    """Read the first bytes of a sealed value."""
    return Stamp(sealed[0] if sealed else 0, int.from_bytes(sealed[1:_STAMP_BYTES], "big"))


class Sealer:
    """Seals the fields of one record with a data key of its own."""

    __slots__ = ("_cipher", "_head")

    def __init__(self, master: MasterKeys) -> None:
        """Make a data key and wrap it."""
        key = os.urandom(KEY_BYTES)
        self._cipher = AESGCM(key)
        self._head = _wrapped(master, key)

    def seal(self, value: str, *, belongs_to: str) -> bytes:
        """Encrypt a value for one place, such as `appellant.phone:17`."""
        nonce = os.urandom(NONCE_BYTES)
        return self._head + nonce + self._cipher.encrypt(nonce, value.encode(), _place(belongs_to))


def _wrapped(master: MasterKeys, key: bytes) -> bytes:
    key_id, wrapped = master.wrap(key)
    return Stamp(_ENVELOPE, key_id).head() + wrapped


def _place(belongs_to: str) -> bytes:
    # Without the id of the master key: wrapping anew must not touch what is sealed.
    return bytes([_ENVELOPE]) + belongs_to.encode()


class Vault:
    """Seals and opens values with master keys; the first of them seals, all open."""

    def __init__(self, keys: dict[int, bytes] | MasterKeys) -> None:
        """Take the keys, newest first, or what holds them."""
        self._master = RingMaster(GivenKeys(KeyRing.of(keys))) if isinstance(keys, dict) else keys
        self._index_key = self._master.derived("index")
        self._signer = Ed25519PrivateKey.from_private_bytes(self._master.derived("audit"))

    @classmethod
    def parse(cls, text: str) -> Vault:
        """Read `1:base64[,2:base64]`. Raises VaultError naming the position, never the key."""
        return cls(RingMaster(GivenKeys(KeyRing.parse(text))))

    @classmethod
    def open_or_create(cls, path: Path) -> Vault:
        """Use the key file, making one (mode 0600) when there is none. Raises VaultError on a bad file."""
        return cls(RingMaster(FileKeys.open_or_create(path)))

    @property
    def seals_with(self) -> Stamp:
        """What is sealed now bears this."""
        return Stamp(_ENVELOPE, self._master.seals_with())

    def sealer(self) -> Sealer:
        """For the fields of one record: one data key, wrapped once."""
        return Sealer(self._master)

    def seal(self, value: str, *, belongs_to: str) -> bytes:
        """Encrypt a value that is a record by itself."""
        return self.sealer().seal(value, belongs_to=belongs_to)

    def open(self, sealed: bytes, *, belongs_to: str) -> str:
        """Decrypt. Raises VaultError when the key is unknown or the value was moved or changed."""
        stamp = stamp_of(sealed)
        try:
            match stamp.version:
                case 2 if len(sealed) > _HEAD_BYTES + NONCE_BYTES:
                    key = self._master.unwrap(stamp.key_id, sealed[_STAMP_BYTES:_HEAD_BYTES])
                    nonce, rest = _split(sealed[_HEAD_BYTES:])
                    return AESGCM(key).decrypt(nonce, rest, _place(belongs_to)).decode()
                case 1 if len(sealed) > _STAMP_BYTES + NONCE_BYTES:
                    nonce, rest = _split(sealed[_STAMP_BYTES:])
                    bound = sealed[:_STAMP_BYTES] + belongs_to.encode()
                    return self._master.open_direct(stamp.key_id, nonce, rest, bound).decode()
                case _:
                    raise VaultError("sealed with an unknown key or format")
        except InvalidTag:
            raise VaultError(f"{belongs_to} does not open") from None

    def renewed(self, sealed: bytes, *, belongs_to: str) -> bytes:
        """The same value under the key that seals now: its data key is wrapped anew; format 1 is sealed anew.

        Raises VaultError when it does not open.
        """
        stamp = stamp_of(sealed)
        if stamp == self.seals_with:
            return sealed
        if stamp.version != _ENVELOPE:
            return self.seal(self.open(sealed, belongs_to=belongs_to), belongs_to=belongs_to)
        try:
            key = self._master.unwrap(stamp.key_id, sealed[_STAMP_BYTES:_HEAD_BYTES])
        except InvalidTag:
            raise VaultError(f"{belongs_to} does not open") from None
        return _wrapped(self._master, key) + sealed[_HEAD_BYTES:]

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


def _split(sealed: bytes) -> tuple[bytes, bytes]:
    return sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]


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
