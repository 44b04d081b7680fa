"""Whether two texts say nearly the same: shared runs of characters, and a fingerprint to find candidates by.

Pure. The fingerprint is a min-hash in bands: texts that share 60 % of their runs share a band in 999 of 1,000
cases; what shares one is then compared for real.
"""

from __future__ import annotations

import hashlib
import unicodedata
import zlib
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Characters of a run: words of Chinese have two, so four tell sentences apart.
_RUN: Final = 4
_BANDS: Final = 16
_ROWS: Final = 2
#: Read of a text: reports differ at their ends (who edited, what else to read).
_READ: Final = 2000
_PRIME: Final = np.uint64(4_294_967_311)
_SIXTY_FOUR: Final = 8


def runs(text: str) -> frozenset[int]:
    """The runs of characters of a text, as numbers; width, case, space and marks do not count."""
    plain = unicodedata.normalize("NFKC", text[:_READ]).casefold()
    kept = "".join(character for character in plain if character.isalnum())
    return frozenset(zlib.crc32(kept[at : at + _RUN].encode()) for at in range(len(kept) - _RUN + 1))


def bands(found: frozenset[int]) -> tuple[int, ...]:
    """The fingerprint: signed 64-bit numbers, each naming its band; none of a text too short for a run."""
    if not found:
        return ()
    factors, offsets = _hashes()
    numbers = np.fromiter(found, dtype=np.uint64, count=len(found))
    least = ((factors[:, None] * numbers[None, :] + offsets[:, None]) % _PRIME).min(axis=1)
    pieces = least.reshape(_BANDS, _ROWS)
    return tuple(
        int.from_bytes(
            hashlib.blake2b(bytes([band]) + piece.tobytes(), digest_size=_SIXTY_FOUR).digest(),
            "big",
            signed=True,
        )
        for band, piece in enumerate(pieces)
    )


@cache
def _hashes() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The same in every process and version: fingerprints are stored."""
    count = _BANDS * _ROWS
    drawn = hashlib.shake_256(b"jiesu/nearness/1").digest(count * 2 * 4)
    numbers = np.frombuffer(drawn, dtype=">u4").astype(np.uint64)
    return (numbers[:count] >> np.uint64(1)) | np.uint64(1), numbers[count:]


def likeness(one: frozenset[int], other: frozenset[int]) -> float:
    """Shared runs over all runs, 0 to 1."""
    whole = len(one | other)
    return len(one & other) / whole if whole else 0.0
