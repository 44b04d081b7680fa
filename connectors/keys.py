"""Master keys: where they come from, and the port that a key service (KMS) would stand behind.

A ring of keys is written `1:base64,2:base64`, with `index:` and `audit:` for the keys of the blind index and
of the ledger's signatures. The first numbered key seals, all open. Without `index:` and `audit:` these two
are derived from the key with the lowest number; `jiesu keys add` writes them out, so that they stay what they
are when that key is gone.
"""

from __future__ import annotations

import base64
import binascii
import logging
import os
import re
import stat
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

log = logging.getLogger(__name__)

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_MAX_KEY_ID: Final = 0xFFFF
#: What is derived for which purpose; the words are part of every stored index and signature.
_PURPOSES: Final = {"index": b"blind-index", "audit": b"ledger-signature"}
#: Of two under one name either would be lost, and what it sealed would open no more.
_TWICE: Final = {name: f"{name} 的密钥写了两次，不是同一把" for name in _PURPOSES}
_WRAP: Final = b"data-key"
#: A key file is looked at again this often: a new key is used by all processes soon after.
LOOK_AGAIN_SECONDS: Final = 5.0


class VaultError(Exception):
    """A key is missing or malformed, or a sealed value does not open."""


class KeyFileRefused(Exception):
    """The key file cannot be replaced by this user, or not so that the service still reads it: in Chinese."""


class MasterKeys(Protocol):
    """What wraps data keys: a ring of our own here, a key service (KMS) behind the same words elsewhere."""

    def seals_with(self) -> int:
        """The id of the key that wraps now."""
        ...

    def wrap(self, data_key: bytes) -> tuple[int, bytes]:
        """The id of the key, and the wrapped data key: nonce (12), ciphertext and tag (48)."""
        ...

    def unwrap(self, key_id: int, wrapped: bytes) -> bytes:
        """The data key. Raises VaultError on an unknown key, InvalidTag on a changed one."""
        ...

    def open_direct(self, key_id: int, nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
        """What format 1 sealed with the master key itself. Raises as `unwrap` does."""
        ...

    def derived(self, purpose: str) -> bytes:
        """The key of the blind index (`index`) or of signatures (`audit`): the same for ever."""
        ...


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=b"jiesu/" + purpose).derive(key)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Numbered keys, the sealing one first, and the two that stay."""

    keys: Mapping[int, bytes] = field(repr=False)
    fixed: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def of(cls, keys: Mapping[int, bytes], fixed: Mapping[str, bytes] | None = None) -> Self:
        """A ring of these keys. Raises VaultError."""
        if not keys:
            raise VaultError("no key given")
        for key_id, key in keys.items():
            if not 0 < key_id <= _MAX_KEY_ID or len(key) != KEY_BYTES:
                raise VaultError(
                    f"key {key_id}: ids run from 1 to {_MAX_KEY_ID}, keys have {KEY_BYTES} bytes"
                )
        for purpose, key in (fixed or {}).items():
            if len(key) != KEY_BYTES:
                raise VaultError(f"{purpose}: keys have {KEY_BYTES} bytes")
        oldest = keys[min(keys)]
        derived = {name: _derive(oldest, words) for name, words in _PURPOSES.items()}
        return cls(dict(keys), derived | dict(fixed or {}))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the written form. Raises VaultError naming the position or the number, never the key."""
        keys: dict[int, bytes] = {}
        fixed: dict[str, bytes] = {}
        for position, part in enumerate(re.split(r"[,\n]", text.strip()), start=1):
            name, _, encoded = part.strip().partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
                known = fixed.setdefault(name, key) if name in _PURPOSES else keys.setdefault(int(name), key)
            except (ValueError, binascii.Error):
                raise VaultError(f"key {position} is not of the form number:base64") from None
            if known != key:
                raise VaultError(_TWICE.get(name) or f"{int(name)} 号密钥写了两次，不是同一把")
        return cls.of(keys, fixed)

    def text(self) -> str:
        """The written form, with all that stays written out."""
        parts = {**{str(key_id): key for key_id, key in self.keys.items()}, **self.fixed}
        return ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in parts.items())

    @property
    def first(self) -> int:
        """The id of the key that seals."""
        return next(iter(self.keys))

    def with_new(self) -> Self:
        """With one key more, that opens and does not seal yet."""
        return type(self).of({**self.keys, max(self.keys) + 1: os.urandom(KEY_BYTES)}, self.fixed)

    def led_by(self, key_id: int) -> Self:
        """With this key first. Raises VaultError when there is none."""
        if key_id not in self.keys:
            raise VaultError(f"there is no key {key_id}")
        return type(self).of({key_id: self.keys[key_id], **self.keys}, self.fixed)

    def without(self, key_id: int) -> Self:
        """Without this key."""
        return type(self).of({k: key for k, key in self.keys.items() if k != key_id}, self.fixed)


class KeySource(Protocol):
    """Where a ring comes from."""

    def ring(self, *, fresh: bool = False) -> KeyRing:
        """The ring in force; `fresh`: what is there at this moment."""
        ...


@dataclass(frozen=True, slots=True)
class GivenKeys:
    """A ring that stays: of the environment, or of a test."""

    given: KeyRing

    def ring(self, *, fresh: bool = False) -> KeyRing:  # noqa: ARG002  (it never changes)
        """The ring."""
        return self.given


class FileKeys:
    """A ring in a file: looked at again every few seconds, so that no process needs to start anew."""

    def __init__(self, path: Path) -> None:
        """Read it. Raises VaultError."""
        self.path = path
        self._seen = self._mark()
        self._ring = self._read()
        self._looked = time.monotonic()

    @classmethod
    def open_or_create(cls, path: Path) -> Self:
        """Use the file, making one (mode 0600) when there is none. Raises VaultError on a bad file."""
        try:
            # O_EXCL: of two processes starting together one creates, the other reads.
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls(path)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"1:{base64.b64encode(os.urandom(KEY_BYTES)).decode()}\n")
            file.flush()
            os.fsync(file.fileno())
        return cls(path)

    def ring(self, *, fresh: bool = False) -> KeyRing:
        """The ring of the file; the last one that could be read, as long as it cannot be read now.

        `fresh`: what is there at this moment. Raises VaultError when that cannot be read.
        """
        now = time.monotonic()
        if fresh or now - self._looked >= LOOK_AGAIN_SECONDS:
            self._looked = now
            try:
                self._look()
            except VaultError as error:
                if fresh:
                    raise
                log.warning("key_file_unread, the ring read before is used: %s", error)
        return self._ring

    def _look(self) -> None:
        """Read the file anew if it changed. Raises VaultError."""
        try:
            mark = self._mark()
            if mark != self._seen:
                self._ring, self._seen = self._read(), mark
        except OSError as error:
            raise VaultError(f"the key file cannot be read: {error.strerror}") from error

    def save(self, ring: KeyRing) -> None:
        """Put this ring in its place, whole or not at all, for whoever could read it.

        Raises KeyFileRefused.
        """
        beside, handle = self._beside()
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(ring.text().replace(",", "\n") + "\n")
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:  # a full disk, a file that is mounted by itself
            beside.unlink(missing_ok=True)
            raise KeyFileRefused(f"换不了密钥文件 {self.path}：{error.strerror}") from None
        self._ring, self._seen = ring, self._mark()

    def check_writable(self) -> None:
        """Raises KeyFileRefused when `save` would."""
        beside, handle = self._beside()
        os.close(handle)
        beside.unlink()

    def _beside(self) -> tuple[Path, int]:
        """An empty file beside the ring's, of the same owner, group and mode: the service must go on reading.

        Raises KeyFileRefused.
        """
        beside = self.path.with_name(self.path.name + ".new")
        try:
            kept = self.path.stat()
            beside.unlink(missing_ok=True)
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise KeyFileRefused(f"写不了密钥文件 {self.path} 所在的目录：{error.strerror}") from None
        made = os.fstat(handle)
        try:
            if (kept.st_uid, kept.st_gid) != (made.st_uid, made.st_gid):
                os.fchown(handle, kept.st_uid, kept.st_gid)
            os.fchmod(handle, stat.S_IMODE(kept.st_mode))
        except OSError:
            os.close(handle)
            beside.unlink()
            raise KeyFileRefused(
                f"密钥文件 {self.path} 归另一个用户或用户组所有，由当前用户改写后，"
                "运行本系统的用户就读不了它了：请用它的所有者或 root 运行"
            ) from None
        return beside, handle

    def _mark(self) -> tuple[int, int]:
        info = self.path.stat()
        return info.st_mtime_ns, info.st_ino

    def _read(self) -> KeyRing:
        return KeyRing.parse(self.path.read_text(encoding="utf-8-sig", errors="replace"))


class RingMaster:
    """Wraps and unwraps with the keys of a ring."""

    def __init__(self, source: KeySource) -> None:
        """Take where the ring comes from."""
        self.source = source
        self._ciphers: dict[tuple[bytes, bytes], AESGCM] = {}

    def seals_with(self) -> int:
        """The id of the ring's first key."""
        return self.source.ring().first

    def wrap(self, data_key: bytes) -> tuple[int, bytes]:
        """Wrap with the first key."""
        ring = self.source.ring()
        nonce = os.urandom(NONCE_BYTES)
        cipher = self._cipher(ring.keys[ring.first], b"wrap")
        return ring.first, nonce + cipher.encrypt(nonce, data_key, _bound(ring.first))

    def unwrap(self, key_id: int, wrapped: bytes) -> bytes:
        """Unwrap with the key of that id. Raises VaultError, InvalidTag."""
        cipher = self._cipher(self._key(key_id), b"wrap")
        return cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _bound(key_id))

    def open_direct(self, key_id: int, nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
        """Open format 1. Raises VaultError, InvalidTag."""
        return self._cipher(self._key(key_id), b"seal").decrypt(nonce, sealed, bound)

    def derived(self, purpose: str) -> bytes:
        """The ring's own."""
        return self.source.ring().fixed[purpose]

    def _key(self, key_id: int) -> bytes:
        key = self.source.ring().keys.get(key_id) or self.source.ring(fresh=True).keys.get(key_id)
        if key is None:
            raise VaultError("sealed with an unknown key or format")
        return key

    def _cipher(self, key: bytes, purpose: bytes) -> AESGCM:
        if (key, purpose) not in self._ciphers:
            self._ciphers[key, purpose] = AESGCM(_derive(key, purpose))
        return self._ciphers[key, purpose]


def _bound(key_id: int) -> bytes:
    return _WRAP + key_id.to_bytes(2, "big")
