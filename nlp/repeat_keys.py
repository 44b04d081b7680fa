"""What a matter is found by again: some keys of each text, so chosen that texts about one matter share some.

Of the runs that only few texts have (names, mostly), those whose hashes are smallest: two texts that share
a third of their names share about a third of these, whichever words they choose otherwise. An index over
the keys finds the likely same matters among any number of cases without looking at the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlp.repeat_grams import Runs
    from nlp.repeat_profile import Profile

#: Keys from the title's names, and from the whole text's.
TITLE_KEYS: Final = 6
TEXT_KEYS: Final = 14
_BITS: Final = 21
_MIXED: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(29)
#: Keys are kept as signed 64-bit numbers, which is what databases have.
_SIGN: Final = 1 << 63


def keys_of(text: Profile) -> list[int]:
    """The keys of a text, at most `TITLE_KEYS + TEXT_KEYS`; none where it has no rare run."""
    chosen = np.union1d(_smallest(text.title, TITLE_KEYS), _smallest(text.whole, TEXT_KEYS))
    return [key - (1 << 64) if key >= _SIGN else key for key in chosen.tolist()]


def _smallest(runs: Runs, count: int) -> NDArray[np.uint64]:
    """The smallest hashes of the rare runs of three: those of two are shared by chance."""
    rare = runs.keys[runs.rare & (runs.keys >> np.uint64(2 * _BITS) > 0)]
    hashed = rare * _MIXED
    hashed ^= hashed >> _SHIFT
    hashed *= _MIXED
    return np.sort(hashed)[:count]
