"""加密流: what comes out is what went in, and nothing else comes out."""

from __future__ import annotations

import io
import struct

import pytest

from connectors import sealed_stream
from connectors.sealed_stream import PIECE, Broken, SealedReader, SealedWriter, StreamError, UnknownKey

KEY = bytes(range(32))
HEAD = 42


def sealed(content: bytes, *, key: bytes = KEY, at_once: int = 300_000) -> bytes:
    file = io.BytesIO()
    writer = SealedWriter(file, key, key_id=3)
    for start in range(0, len(content), at_once):
        writer.write(content[start : start + at_once])
    writer.finish()
    return file.getvalue()


def opened(content: bytes) -> bytes:
    reader = SealedReader(io.BytesIO(content), {3: KEY})
    found = reader.read()
    reader.finish()
    return found


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 17])
def test_it_comes_back(size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    assert opened(sealed(content)) == content


def test_it_is_read_in_any_steps() -> None:
    content = bytes(number % 251 for number in range(PIECE + 5))
    reader = SealedReader(io.BytesIO(sealed(content)), {3: KEY})
    assert b"".join(iter(lambda: reader.read(70_000), b"")) == content


def test_memory_stays_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_stream, "PIECE", 100)
    file = io.BytesIO()
    writer = SealedWriter(file, KEY, key_id=3)
    held = []
    for _ in range(50):
        writer.write(bytes(70))
        held.append(len(writer._rest))
    assert max(held) <= 100


@pytest.mark.parametrize("place", [HEAD, HEAD + 3, HEAD + 4, HEAD + 500, -1, -20])
def test_a_changed_byte_is_found(place: int) -> None:
    content = bytearray(sealed(bytes(2 * PIECE)))
    content[place] ^= 1
    with pytest.raises(Broken):
        opened(bytes(content))


@pytest.mark.parametrize("left", [HEAD, HEAD + 2, HEAD + 400, HEAD + 4 + PIECE + 16, 2 * PIECE])
def test_an_end_too_early_is_found(left: int) -> None:
    with pytest.raises(Broken):
        opened(sealed(bytes(3 * PIECE))[:left])


def test_pieces_cannot_be_exchanged_or_left_out() -> None:
    whole = sealed(bytes(3 * PIECE))
    length = 4 + PIECE + 16
    assert struct.unpack(">I", whole[HEAD : HEAD + 4])[0] == PIECE + 16
    first, second = whole[HEAD : HEAD + length], whole[HEAD + length : HEAD + 2 * length]
    rest = whole[HEAD + 2 * length :]
    for other in (second + first + rest, first + rest, first + first + second + rest):
        with pytest.raises(Broken):
            opened(whole[:HEAD] + other)


def test_nothing_may_follow() -> None:
    with pytest.raises(Broken):
        opened(sealed(b"x") + b"y")


def test_another_key_is_told_from_damage() -> None:
    with pytest.raises(UnknownKey, match="3"):
        SealedReader(io.BytesIO(sealed(b"x", key=bytes(32))), {3: KEY})
    with pytest.raises(UnknownKey):
        SealedReader(io.BytesIO(sealed(b"x")), {1: KEY})
    with pytest.raises(StreamError):
        SealedReader(io.BytesIO(b"PK\x03\x04" + bytes(100)), {3: KEY})


def test_the_same_twice_looks_different() -> None:
    assert sealed(b"x" * 1000)[HEAD:] != sealed(b"x" * 1000)[HEAD:]
