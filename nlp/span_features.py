"""What stands around each character of a text, as numbers of weights: for the model of who and when.

Knows characters and what the rules of `nlp.facts` saw; gives, for every character, the rows of a table of
weights. Pure. Called by `nlp.spans` alone and by what fits its weights (`nlp.training.spans`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlp.facts import Seen

#: Characters read: who and when are said early.
READ: Final = 2_000
#: Rows of the table of weights. Two runs that fall into one row share its weight.
ROWS: Final = 1 << 17
#: Where runs of one to four characters begin, counted from the character in question.
_RUNS: Final = ((1, -3, 3), (2, -3, 2), (3, -4, 2), (4, -4, 1))
#: Windows of sorts of characters: digits, numbers in characters, marks, line breaks, letters, characters.
_WINDOWS: Final = ((-3, 4), (-2, 4), (-1, 4), (0, 4), (-2, 5), (-4, 8))
_PAD: Final = 8
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_STEP: Final = np.uint64(0x100000001B3)
_SORTS: Final = 8
_DIGIT, _NUMERAL, _MARK, _BREAK, _LETTER, _CHARACTER, _OTHER = range(1, _SORTS)
_DEEPEST: Final = 10  # places in the text are told by their power of two, up to this one


def _sorts() -> NDArray[np.uint8]:
    """The sort of every character of the basic plane."""
    table = np.full(1 << 16, _OTHER, dtype=np.uint8)
    table[0x4E00:0xA000] = _CHARACTER
    for first, last in (("a", "z"), ("A", "Z")):
        table[ord(first) : ord(last) + 1] = _LETTER
    table[[ord(one) for one in ",。;:!?、\"“”‘’()[]《》<> -~—…·/'."]] = _MARK
    table[[ord(one) for one in "〇零一二两三四五六七八九十半几"]] = _NUMERAL
    table[ord("0") : ord("9") + 1] = _DIGIT
    table[ord("\n")] = _BREAK
    return table


_TABLE: Final = _sorts()


def rows_of(folded: str, title_length: int, seen: Seen) -> NDArray[np.intp]:
    """Rows of weights for each of the first `READ` characters: shape (characters, features)."""
    text = folded[:READ]
    size = len(text)
    codes = np.zeros(size + 2 * _PAD, dtype=np.uint64)
    codes[_PAD : _PAD + size] = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    sorts = _TABLE[np.minimum(codes, np.uint64(0xFFFF)).astype(np.intp)].astype(np.uint64)
    sorts[:_PAD] = 0
    sorts[_PAD + size :] = 0
    # Which digit stands there says nothing.
    codes[sorts == _DIGIT] = ord("0")
    parts = []
    run = np.zeros_like(codes)
    for length, first, last in _RUNS:
        run = run[: len(codes) - length + 1] * _STEP + codes[length - 1 :]
        parts.append(_around(run, first, last, size))
    parts.append(((codes[_PAD - 1 : _PAD - 1 + size] * _STEP) + codes[_PAD + 1 : _PAD + 1 + size])[:, None])
    for first, width in _WINDOWS:
        window = np.zeros(size, dtype=np.uint64)
        for at in range(first, first + width):
            window = window * np.uint64(_SORTS) + sorts[_PAD + at : _PAD + at + size]
        parts.append(window[:, None])
    places = np.arange(size)
    depth = np.minimum(np.log2(places + 1).astype(np.uint64), np.uint64(_DEEPEST))
    parts.append((depth * np.uint64(2) + (places < title_length).astype(np.uint64))[:, None])
    parts.append(_ruled(size, seen))
    found = np.concatenate(parts, axis=1)
    salts = np.arange(1, found.shape[1] + 1, dtype=np.uint64) * np.uint64(0xD1B54A32D192ED03)
    mixed = (found + salts) * _MIX
    mixed ^= mixed >> np.uint64(29)
    mixed *= _MIX
    return (mixed >> np.uint64(47)).astype(np.intp)


def _around(run: NDArray[np.uint64], first: int, last: int, size: int) -> NDArray[np.uint64]:
    """A run's key at each offset from `first` to `last`, for every character."""
    windows = np.lib.stride_tricks.sliding_window_view(run[_PAD + first :], last - first + 1)
    return windows[:size]


def _ruled(size: int, seen: Seen) -> NDArray[np.uint64]:
    """What the rules saw begin, end and lie at each character, and what they would have told."""
    begins = np.zeros(size + 2, dtype=np.uint64)
    ends, within, times, told = (np.zeros_like(begins) for _ in range(4))
    for sort, span, _ in seen.parties:
        if span.start < span.end <= size:
            bit = np.uint64(1 << sort)
            begins[span.start + 1] |= bit
            ends[span.end] |= bit
            within[span.start + 1 : span.end + 1] |= bit
    for span in seen.times:
        _mark(times, span.start, span.end, 0, size)
    for place, one in enumerate((seen.told.party, seen.told.when)):
        if one is not None:
            _mark(told, one.start, one.end, 3 * place, size)
    base = np.uint64(64)
    here, before, after = slice(1, size + 1), slice(0, size), slice(2, size + 2)
    return np.stack(
        [
            begins[here],
            ends[here],
            within[here],
            times[here],
            told[here],
            within[before] * base + within[here],
            within[here] * base + within[after],
            times[before] * base + times[here],
            times[here] * base + times[after],
        ],
        axis=1,
    )


def _mark(marks: NDArray[np.uint64], start: int, end: int, shift: int, size: int) -> None:
    """Mark where a span begins, ends and lies: three bits from `shift` on."""
    if start < end <= size:
        marks[start + 1] |= np.uint64(1 << shift)
        marks[end] |= np.uint64(2 << shift)
        marks[start + 1 : end + 1] |= np.uint64(4 << shift)
