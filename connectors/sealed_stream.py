"""A sealed stream (加密流): any number of bytes through a file, in pieces of a megabyte, constant memory.

Magic, key id, salt and a check of the key stand in front; then pieces, each AES-256-GCM under a key of
this file alone (HKDF over the salt), with its number in the nonce and a mark on the last one. So a piece
that is changed, left out, doubled or moved does not open, nor does a file that ends early. Plain values
in and out.
"""

from __future__ import annotations

import os
import struct
from typing import IO, TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if TYPE_CHECKING:
    from collections.abc import Mapping

MAGIC: Final = b"JIESUBK1"
_HEAD: Final = struct.Struct(">8sH16s16s")
_LENGTH: Final = struct.Struct(">I")
_TAG_BYTES: Final = 16
_KEY_BYTES: Final = 32
PIECE: Final = 1024 * 1024


class StreamError(Exception):
    """The stream is none of ours, was sealed with another key, or is not as it was written."""


class UnknownKey(StreamError):
    """Sealed with a key that is not here; `key_id` says which."""

    def __init__(self, key_id: int) -> None:
        self.key_id = key_id
        super().__init__(f"key {key_id}")


class Broken(StreamError):
    """Not as it was written: changed, or ends early."""


def _keys(master: bytes, salt: bytes) -> tuple[AESGCM, bytes]:
    """The cipher of a file and the check that tells a wrong key from a damaged file."""
    made = HKDF(
        algorithm=hashes.SHA256(), length=_KEY_BYTES + _TAG_BYTES, salt=salt, info=b"jiesu/backup"
    ).derive(master)
    return AESGCM(made[:_KEY_BYTES]), made[_KEY_BYTES:]


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


class SealedWriter:
    """Takes bytes; what it wrote is whole only after `finish`."""

    def __init__(self, file: IO[bytes], master: bytes, *, key_id: int) -> None:
        """Write the head."""
        self._file = file
        salt = os.urandom(16)
        self._cipher, check = _keys(master, salt)
        self._head = _HEAD.pack(MAGIC, key_id, salt, check)
        self._number = 0
        self._rest = bytearray()
        file.write(self._head)

    def write(self, content: bytes) -> int:
        """Take these bytes."""
        self._rest += content
        # One byte more than a piece: the last piece is never known to be full before the end.
        while len(self._rest) > PIECE:
            self._piece(bytes(self._rest[:PIECE]), last=False)
            del self._rest[:PIECE]
        return len(content)

    def finish(self) -> None:
        """Write the last piece, marked as such."""
        self._piece(bytes(self._rest), last=True)
        self._rest.clear()

    def _piece(self, plain: bytes, *, last: bool) -> None:
        sealed = self._cipher.encrypt(_nonce(self._number, last=last), plain, self._head)
        self._number += 1
        self._file.write(_LENGTH.pack(len(sealed)))
        self._file.write(sealed)


class SealedReader:
    """Gives the bytes back, each piece only after it was proved. Raises StreamError."""

    def __init__(self, file: IO[bytes], masters: Mapping[int, bytes]) -> None:
        """Read the head. Raises StreamError, UnknownKey."""
        self._file = file
        self._head = file.read(_HEAD.size)
        if len(self._head) != _HEAD.size or not self._head.startswith(MAGIC):
            raise StreamError("not a sealed stream")
        _, self.key_id, salt, check = _HEAD.unpack(self._head)
        if self.key_id not in masters:
            raise UnknownKey(self.key_id)
        self._cipher, expected = _keys(masters[self.key_id], salt)
        if expected != check:
            raise UnknownKey(self.key_id)
        self._number = 0
        self._rest = bytearray()
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        """Up to so many bytes, fewer only at the end. Raises Broken."""
        while not self._ended and (size < 0 or len(self._rest) < size):
            self._next()
        end = len(self._rest) if size < 0 else size
        found = bytes(self._rest[:end])
        del self._rest[:end]
        return found

    def finish(self) -> None:
        """Read what is left and see that it ends where it was ended. Raises Broken."""
        while not self._ended:
            self._rest.clear()
            self._next()
        if self._file.read(1):
            raise Broken("bytes after the end")

    def _next(self) -> None:
        raw = self._file.read(_LENGTH.size)
        length = _LENGTH.unpack(raw)[0] if len(raw) == _LENGTH.size else 0
        if not _TAG_BYTES <= length <= PIECE + _TAG_BYTES:
            raise Broken("ends early")
        sealed = self._file.read(length)
        for last in (False, True):
            try:
                self._rest += self._cipher.decrypt(_nonce(self._number, last=last), sealed, self._head)
            except InvalidTag:
                continue
            self._ended = last
            self._number += 1
            return
        raise Broken(f"piece {self._number}")
