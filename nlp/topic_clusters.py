"""专题: texts that are about the same, gathered without being told of what. Pure: texts in, groups out.

Each text is its runs of two and three characters, weighed by how rare they are (`nlp.repeat_grams`). The
method is average linkage (`scipy.cluster.hierarchy`) over the cosine, within what hangs together at all: of
a group every two members agree on average, so one text cannot tie two matters together. It is exact and
gives the same groups for the same texts. Two levels: with names (a place, a party) a group is a local matter;
without them it is a problem that many places share.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp.repeat_grams import Rarity, clean
from nlp.text import cut, normalize

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

#: Two texts hang together from here, and a group is cut where its halves agree less (see docs/reports.md).
EDGE: Final = 0.15
AGREE: Final = 0.18
#: A title says what the matter is: its runs count as if said so often.
TITLE_TIMES: Final = 2
#: Runs that stand in more of the texts than this say nothing about which they are about.
COMMON: Final = 0.2
#: More texts hanging together than this are cut by stricter edges first: linkage needs their square.
MOST_TOGETHER: Final = 3_000
_STRICTER: Final = 0.04
_BLOCK: Final = 512
#: Among few texts a share says nothing: so often a run may always stand.
_FEW: Final = 30
_LEAST_WORD: Final = 2
_WORDS: Final = 4
_LEAST_GAIN: Final = 6.63


@dataclass(frozen=True, slots=True)
class Vectors:
    """Unit rows of all texts over their runs, as a sparse matrix."""

    rows: Any
    """scipy.sparse.csr_array."""


def vectors(rarity: Rarity, texts: Sequence[tuple[str | None, str]], *, names: bool = True) -> Vectors:
    """The texts as rows; without `names` the runs that few know are left out."""
    from scipy import sparse  # noqa: PLC0415  (a third of a second that only this needs)

    counted: list[tuple[NDArray[np.uint64], NDArray[np.float32]]] = []
    for title, text in texts:
        head = clean(normalize(title or ""))
        runs = rarity.runs((head + "\x01") * TITLE_TIMES + clean(normalize(text)))
        keep = slice(None) if names else ~runs.rare
        counted.append((runs.keys[keep], runs.weights[keep]))
    everything = np.concatenate([keys for keys, _ in counted]) if counted else np.zeros(0, dtype=np.uint64)
    known, columns, seen = np.unique(everything, return_inverse=True, return_counts=True)
    size = max(1, len(counted))
    # What one text alone says ties it to nothing; what a fifth of them say ties all.
    useful = (seen > 1) & (seen <= max(_FEW, COMMON * size))
    local = np.where(useful, np.log1p(size / np.maximum(seen, 1)), 0.0).astype(np.float32)
    weights = np.concatenate([weights for _, weights in counted]) if counted else np.zeros(0, np.float32)
    data = weights * local[columns]
    ends = np.concatenate([[0], np.cumsum([len(keys) for keys, _ in counted])])
    found = sparse.csr_array((data, columns, ends), shape=(len(counted), len(known)))
    lengths = np.sqrt(found.multiply(found).sum(axis=1))
    scale = np.where(lengths > 0, 1 / np.maximum(lengths, 1e-12), 0.0)
    return Vectors(sparse.csr_array(found.multiply(scale[:, None]).tocsr()))


def clusters(given: Vectors, *, edge: float = EDGE, agree: float = AGREE) -> list[list[int]]:
    """Groups of at least two texts, the largest first; each text is in one group or none."""
    found: list[list[int]] = []
    waiting = [(np.arange(given.rows.shape[0]), edge)]
    while waiting:
        members, least = waiting.pop()
        for part in _together(given.rows[members], least):
            group = members[part]
            if len(group) > MOST_TOGETHER and least < 1:
                waiting.append((group, least + _STRICTER))
            elif len(group) > 1:
                found += _linked(given.rows[group], group, agree)
    return sorted(found, key=lambda group: (-len(group), group))


def _together(rows: Any, least: float) -> list[NDArray[np.intp]]:  # noqa: ANN401  (a sparse matrix)
    """What hangs together over likenesses of at least `least`."""
    from scipy import sparse  # noqa: PLC0415
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    parts = []
    for start in range(0, rows.shape[0], _BLOCK):
        block = (rows[start : start + _BLOCK] @ rows.T).tocoo()
        keep = block.data >= least
        parts.append((block.coords[0][keep] + start, block.coords[1][keep]))
    at = np.concatenate([one for one, _ in parts]) if parts else np.zeros(0, dtype=np.intp)
    to = np.concatenate([other for _, other in parts]) if parts else np.zeros(0, dtype=np.intp)
    graph = sparse.coo_array((np.ones(len(at), np.int8), (at, to)), shape=(rows.shape[0], rows.shape[0]))
    count, labels = connected_components(graph, directed=False)
    order = np.argsort(labels, kind="stable")
    return [
        part for part in np.split(order, np.searchsorted(labels[order], np.arange(1, count))) if len(part) > 1
    ]


def _linked(rows: Any, members: NDArray[np.intp], agree: float) -> list[list[int]]:  # noqa: ANN401
    """Average linkage within what hangs together."""
    from scipy.cluster.hierarchy import fcluster, linkage  # noqa: PLC0415
    from scipy.spatial.distance import squareform  # noqa: PLC0415

    distances = 1 - np.clip((rows @ rows.T).toarray(), 0, 1)
    np.fill_diagonal(distances, 0)
    labels = fcluster(linkage(squareform(distances, checks=False), "average"), 1 - agree, "distance")
    groups = [members[labels == label].tolist() for label in np.unique(labels)]
    return [sorted(group) for group in groups if len(group) > 1]


def middle(given: Vectors, group: Sequence[int], *, most: int = 3) -> list[int]:
    """The members nearest to all others: what is typical of the group."""
    rows = given.rows[list(group)]
    sums = rows @ np.asarray(rows.sum(axis=0)).ravel()
    order = np.argsort(-sums, kind="stable")[:most]
    return [group[at] for at in order.tolist()]


def words_of(title: str | None, text: str) -> set[str]:
    """The different words of a text that may stand in a title."""
    said = f"{title or ''}\n{text}"
    return {word for word, _, _ in cut(normalize(said)) if len(word) >= _LEAST_WORD and _is_word(word)}


def _is_word(word: str) -> bool:
    return all("一" <= mark <= "鿿" for mark in word)


def significant(
    mine: Iterable[set[str]], everything: Counter[str], total: int, *, without: str = ""
) -> list[tuple[str, float]]:
    """Words that stand in these texts more often than in the rest (log-likelihood ratio), strongest first."""
    groups = list(mine)
    inside, size = Counter(word for words in groups for word in words), len(groups)
    found = []
    for word, here in inside.items():
        there = everything[word] - here
        if here < max(2, size // 4) or word in without:
            continue
        gain = _ratio(here, size, there, total - size)
        if here / size > there / max(1, total - size) and gain >= _LEAST_GAIN:
            found.append((word, gain))
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def _ratio(here: int, size: int, there: int, rest: int) -> float:
    """Dunning's log-likelihood ratio of a word's texts here and there."""
    share = (here + there) / max(1, size + rest)
    return 2 * (_term(here, size, share) + _term(there, rest, share))


def _term(count: int, size: int, share: float) -> float:
    total = 0.0
    for seen, expected in ((count, size * share), (size - count, size * (1 - share))):
        if seen > 0 and expected > 0:
            total += seen * float(np.log(seen / expected))
    return total


def title_of(words: Sequence[str], place: str, typical: str) -> str:
    """A title people can read: where, and the words in the order in which a typical text says them."""
    kept: list[str] = []
    for word in words:
        # 搅拌 beside 搅拌站 says nothing more.
        if not any(word in other or other in word for other in kept):
            kept.append(word)
        if len(kept) == _WORDS:
            break
    said = normalize(typical)
    kept.sort(key=lambda word: (said.find(word) < 0, said.find(word)))
    told = "、".join(kept) or "内容相近的诉求"
    return f"{place}：{told}" if place else told
