"""The model of who (被反映对象) and when: which run of characters a text names them by, told by weights.

Knows its folder's `spans.json` and `spans.npz`, and what the rules of `nlp.facts` saw; gives at most one
party and one time. A span's score is what its first character says for a beginning, its last for an end and
each for lying within, and its length; "none" has a score of its own, so that all spans and none share one
probability. Where the encoder was asked, what its tokens say is added. Called by `nlp.cascade` alone; made by
`nlp.training.spans`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from nlp.facts import Facts, Span, apart
from nlp.folder import WeightsError, card_of, check_file
from nlp.span_features import ROWS, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from nlp.facts import Seen

CARD: Final = "spans.json"
WEIGHTS_FILE: Final = "spans.npz"
SCHEMA: Final = "jiesu-spans/1"
NAMES: Final = ("party", "when")
#: What a character is asked for each name: whether a span begins, ends, or goes on there.
ASKED: Final = 3
LONGEST: Final = 30
#: What the encoder says of a beginning or an end where none of its tokens has one.
OUTSIDE: Final = -6.0
#: No name or time goes on beyond the end of a sentence. What that weighs is enough, and keeps sums exact.
_SENTENCE_ENDS: Final = np.array([ord(one) for one in "。!?;\n"], dtype=np.uint32)
_BEYOND: Final = 50.0
#: Several names in a row: the first is told.
_LISTED: Final = re.compile(
    r"[^，,、\n]{2,}?(?:公司|厂|店|馆|场|站|厅|吧|城|集团|超市|饭店|酒店|工地|物业)(?=[，,、])"
)
#: Where it is from the one who calls; what follows is a name only where it is long enough.
_WHERE: Final = re.compile("(?:小区)?(?:楼下|楼上|隔壁|对面|底商|附近|旁边?|门口|[东南西北]侧|临街)的?")
_NAMED: Final = 3
_MASK: Final = re.compile(r"\[[^\[\]\n]{1,10}\]")
_LOOSE: Final = frozenset("的，,、。;； \t")
_PAIRS: Final = (("(", ")"), ("“", "”"), ("‘", "’"), ("《", "》"), ("【", "】"), ('"', '"'))
#: So many of the likeliest spans are looked at: the same words may stand in several places.
_LOOKED_AT: Final = 30
_BEGINS = [place * ASKED for place in range(len(NAMES))]
_ENDS = [at + 1 for at in _BEGINS]
_WITHIN = [at + 2 for at in _BEGINS]
_IS_WITHIN = np.isin(np.arange(len(NAMES) * ASKED), _WITHIN)


class Said(NamedTuple):
    """What the encoder's tokens say of who and when."""

    offsets: Sequence[tuple[int, int]]
    """Of each token in the text; (0, 0) for marks that are not of it."""
    values: NDArray[np.float32]
    """(tokens, three for each name): begins · ends · within."""


@dataclass(frozen=True, slots=True)
class Blend:
    """How the table's scores and the encoder's are added up, and how likely a name must then be."""

    table: float
    encoder: float
    least: tuple[float, ...]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Blend:
        """From the card. Raises KeyError, TypeError or ValueError."""
        least = tuple(float(row["least"][name]) for name in NAMES)
        return cls(float(row["table"]), float(row["encoder"]), least)


class Spans:
    """Reads who and when. Build it once per process."""

    def __init__(self, folder: Path) -> None:
        """Load the weights. Raises WeightsError naming the file that is missing or damaged."""
        card = card_of(folder / CARD, SCHEMA)
        try:
            check_file(folder / WEIGHTS_FILE, card["files"][WEIGHTS_FILE])
            with np.load(folder / WEIGHTS_FILE, allow_pickle=False) as kept:
                self._weights: NDArray[np.int8] = kept["weights"]
                self._scale: NDArray[np.float32] = kept["scale"].astype(np.float32)
                #: Of the table and of the encoder: (2, names, lengths) and (2, names).
                self._lengths: NDArray[np.float32] = kept["lengths"].astype(np.float32)
                self._none: NDArray[np.float32] = kept["none"].astype(np.float32)
            self.version: str = card["version"]
            self.alone = Blend.of({"table": 1.0, "encoder": 0.0, **card["alone"]})
            self.beside = Blend.of(card["beside"])
            self._unsure: tuple[float, float] = _between(card.get("unsure"))
        except WeightsError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
            raise WeightsError(f"{CARD}: {fault!r}") from fault
        asked, names = len(NAMES) * ASKED, len(NAMES)
        shapes = (self._weights.shape, self._scale.shape, self._lengths.shape, self._none.shape)
        if shapes != ((ROWS, asked), (asked,), (2, names, LONGEST), (2, names)):
            raise WeightsError(f"{WEIGHTS_FILE}: weights of other shapes: {shapes}")

    def read(self, folded: str, title_length: int, seen: Seen, said: Sequence[Said] = ()) -> Facts:
        """Party and time of a folded text, where they are likely enough; else no party, and the rules' time.

        `said` is what the encoder said of the same text, part by part; none where it was not asked.
        """
        blend = self.beside if said else self.alone
        party, when = (
            span if share > least else None
            for (span, share), least in zip(
                self.likeliest(folded, title_length, seen, said, blend), blend.least, strict=True
            )
        )
        # A word of time is one, whether or not it is the matter's: where none is likely the rules' is told.
        return apart(Facts(party=tidied(folded, party), when=tidied(folded, when) or seen.told.when))

    def leaves_open(self, folded: str, title_length: int, seen: Seen) -> bool:
        """Whether the table alone half believes in a party or a time: the encoder is asked then."""
        least, most = self._unsure
        found = self.likeliest(folded, title_length, seen, (), self.alone) if least < most else ()
        return any(least < share < most for _, share in found)

    def likeliest(
        self, folded: str, title_length: int, seen: Seen, said: Sequence[Said], blend: Blend
    ) -> list[tuple[Span, float]]:
        """For each of NAMES the likeliest words, and how likely the text has any (0 to 1)."""
        rows = rows_of(folded, title_length, seen)
        if not len(rows):
            return [(Span(0, 0), 0.0)] * len(NAMES)
        table = np.take(self._weights, rows, axis=0).sum(axis=1, dtype=np.int16) * self._scale
        scores = blend.table * table
        lengths = blend.table * self._lengths[0]
        none = blend.table * self._none[0]
        if said:
            scores += np.float32(blend.encoder) * spread(len(rows), folded, said)
            lengths = lengths + blend.encoder * self._lengths[1]
            none = none + blend.encoder * self._none[1]
        codes = np.frombuffer(folded[: len(rows)].encode("utf-32-le"), dtype=np.uint32)
        scores[np.isin(codes, _SENTENCE_ENDS)[:, None] & _IS_WITHIN] -= _BEYOND
        return [
            _likeliest(
                folded,
                scores_of(scores[:, place * ASKED : (place + 1) * ASKED], lengths[place]),
                float(none[place]),
            )
            for place in range(len(NAMES))
        ]


def _between(given: Sequence[float] | None) -> tuple[float, float]:
    """Between which probabilities a name is half believed; a card of before says nothing of it: none is."""
    if given is None:
        return 1.0, 0.0
    least, most = given
    return float(least), float(most)


def spread(size: int, folded: str, said: Sequence[Said]) -> NDArray[np.float32]:
    """What tokens say, at the characters where they begin and end: (size, three for each name).

    Where two parts of a text overlap the earlier one speaks.
    """
    found = np.zeros((size, len(NAMES) * ASKED), dtype=np.float32)
    found[:, _BEGINS + _ENDS] = OUTSIDE
    for offsets, values in reversed(said):
        starts, lasts, tokens = [], [], []
        for token, (start, end) in enumerate(offsets):
            first, last = start, min(end, size)
            while first < last and folded[first].isspace():
                first += 1
            if first < last:
                starts.append(first)
                lasts.append(last - 1)
                tokens.append(token)
        known = values[tokens]
        if tokens:
            found[starts[0] : lasts[-1] + 1, _BEGINS + _ENDS] = OUTSIDE
            found[starts[0] : lasts[-1] + 1, _WITHIN] = 0.0
        for columns, places in ((_BEGINS, starts), (_ENDS, lasts), (_WITHIN, starts)):
            for column in columns:
                found[places, column] = known[:, column]
    return found


def scores_of(said: NDArray[np.float32], lengths: NDArray[np.float32]) -> NDArray[np.float32]:
    """The score of each span: a row for its first character, a column for its length less one.

    `said` is what each character says: (characters, begins · ends · within). A span that would go beyond the
    text scores nothing at all.
    """
    size = len(said)
    begins, ends, within = said.T
    upto = np.zeros(size + LONGEST, dtype=np.float32)
    np.cumsum(within, out=upto[1 : size + 1])
    last = np.full(size + LONGEST - 1, -np.inf, dtype=np.float32)
    last[:size] = ends
    windows = np.lib.stride_tricks.sliding_window_view
    scores: NDArray[np.float32] = (
        begins[:, None]
        + windows(last, LONGEST)
        + windows(upto[1:], LONGEST)[:size]
        - upto[:size, None]
        + lengths
    )
    return scores


def _likeliest(text: str, scores: NDArray[np.float32], none: float) -> tuple[Span, float]:
    """The likeliest words, where they are so most, and how likely there are any."""
    highest = max(float(scores.max()), none)
    odds = np.exp(scores - highest).ravel()
    total = float(odds.sum())
    looked_at = min(_LOOKED_AT, odds.size)
    found: dict[str, list[tuple[float, Span]]] = defaultdict(list)
    for at in np.argpartition(odds, -looked_at)[-looked_at:].tolist():
        start, more = divmod(at, LONGEST)
        span = Span(start, start + more + 1)
        found[text[span.start : span.end]].append((float(odds[at]), span))
    best = max(found.values(), key=lambda spans: sum(share for share, _ in spans))
    return max(best)[1], total / (total + float(np.exp(none - highest)))


def tidied(text: str, span: Span | None) -> Span | None:
    """A span as a clerk would copy it: with both marks of a pair or none, without 底商 before or 的 after it.

    Several names in a row (顺达纸厂，鸿运塑料厂) are told as the first: a list of them is nobody's name.
    None where it lies within a mask ([手机号]).
    """
    if span is None:
        return None
    start, end = span
    if any(mask.start() <= start < mask.end() for mask in _MASK.finditer(text, max(0, start - 12), end + 12)):
        return None
    if (where := _WHERE.match(text, start, end)) is not None and end - where.end() >= _NAMED:
        start = where.end()
    if (listed := _LISTED.match(text, start, end)) is not None:
        end = listed.end()
    while end - start > 1 and text[end - 1] in _LOOSE:
        end -= 1
    for opening, closing in _PAIRS:
        opened, closed = text.count(opening, start, end), text.count(closing, start, end)
        if (opening == closing and opened % 2) or (opening != closing and opened != closed):
            start, end = _completed(text, start, end, opening, closing)
    return Span(start, end) if start < end else None


def _completed(text: str, start: int, end: int, opening: str, closing: str) -> tuple[int, int]:
    """A span with the other mark of its pair, where it stands right outside; else without the one it has."""
    if text[start - 1 : start] == opening:
        return start - 1, end
    if text[end : end + 1] == closing:
        return start, end + 1
    if text[start] in {opening, closing}:
        return start + 1, end
    if text[end - 1] in {opening, closing}:
        return start, end - 1
    return start, end
