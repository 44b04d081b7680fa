"""One text as it is held against others: its runs, its signs, its kind, whom it names, when it came.

Made once per text; `measures` then holds two of them against each other in a good half millisecond.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from nlp.facts import read_facts
from nlp.repeat_facts import KINDS, PLACES, READ, Signs, agreement, signs_of
from nlp.repeat_grams import Overlap, Rarity, Runs, clean, overlap, shared_spans, tally_of
from nlp.repeat_themes import NAMES as THEMES
from nlp.repeat_themes import Themes, held, themes_of
from nlp.repeat_troubles import LEAD, Troubles, troubles_of
from nlp.repeat_troubles import NAMES as TROUBLES
from nlp.repeat_troubles import held as troubles_held
from nlp.text import normalize

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from nlp.grams import Grams

_YEAR: Final = re.compile(r"(?:19|20)\d\d(?=年|[届级./-])")
_DAY: Final = 86_400
#: Characters that are read word by word; more tokens than the net takes.
READ_WORDS: Final = 600
_MOST: Final = 3
#: The measures in the order in which the trees number them.
MEASURES: Final = (
    *("cosine", "words", "names", "contained", "names_contained", "named", "told"),
    *("title_cosine", "title_names", "title_named", "title_in_least", "title_in_most"),
    *("body_cosine", "body_contained", "silent", "rarest_span", "longest_span", "spans"),
    *("title_names_in_least", "title_names_in_most", "title_alone_least", "title_alone_most", "alone_least"),
    *("ends_agree", "ends_differ", "years"),
    *(f"names_{kind}" for kind in KINDS),
    *("numbered", "lines", "long_numbers", "dates", "urges", "both_ask", "one_asks"),
    *("kinds", "environmental_apart", "environmental_least", "party", "length", "lengths_apart"),
    *("days", "undated"),
    *THEMES,
    *TROUBLES,
    *(f"lead_{kind}" for kind in KINDS),
    *("lead_numbered", "lead_lines", "lead_differ"),
)
#: Those that are told from the first text's side; all others are the same whichever comes first.
_SIDED: Final = slice(MEASURES.index("rarest_span"), MEASURES.index("spans") + 1)


@dataclass(frozen=True, slots=True)
class Profile:
    """A text, ready to be held against another."""

    source: str = field(repr=False)
    """The words themselves, title first, as far as they are read word by word."""
    cleaned: str = field(repr=False)
    whole: Runs
    title: Runs
    body: Runs
    themes: Themes
    troubles: Troubles
    signs: Signs
    lead: Signs
    """The signs of title and first sentences: what the matter itself is, not what else is named."""
    years: frozenset[str]
    kinds: NDArray[np.float64]
    environmental: float
    party: str
    at: datetime | None


def words_of(head: str, body: str) -> str:
    """Title and text, both normalised, as one string."""
    # A form's title is often the beginning of its text: said once, it counts once.
    if not head or body.startswith(head.rstrip(".…")):
        return body
    return f"{head}\n{body}"


def read_words(title: str | None, text: str) -> str:
    """A text as it is read word by word: title first, normalised, as far as it is read."""
    return words_of(normalize(title or ""), normalize(text))[:READ_WORDS]


def profile(rarity: Rarity, grams: Grams, title: str | None, text: str, at: datetime | None) -> Profile:
    """Read a text once."""
    head, body = normalize(title or ""), normalize(text)
    source = words_of(head, body)
    cleaned = clean(source)
    tally = tally_of(cleaned)
    counted = grams.read(source)
    lead = f"{head}\n{body[:LEAD]}"
    facts = read_facts(source[: 2 * READ], source[: 2 * READ], len(head))
    return Profile(
        source=source[:READ_WORDS],
        cleaned=cleaned,
        whole=rarity.runs(cleaned, tally),
        title=rarity.runs(clean(head)),
        body=rarity.runs(clean(body)),
        themes=themes_of(rarity, head, body, tally),
        troubles=troubles_of(clean(head), clean(lead), tally),
        signs=signs_of(source),
        lead=signs_of(lead),
        years=frozenset(_YEAR.findall(head)),
        kinds=np.array(list(counted.beliefs.kinds.values())),
        environmental=counted.beliefs.environmental,
        party=facts.party_text(source) or "",
        at=at,
    )


def measures(rarity: Rarity, a: Profile, b: Profile) -> NDArray[np.float64]:
    """How two texts stand to each other, in the order of `MEASURES`."""
    whole, title = overlap(a.whole, b.whole), overlap(a.title, b.title)
    mine, theirs = overlap(a.title, b.whole), overlap(b.title, a.whole)
    body = overlap(a.body, b.body)
    alone = [_rare(a.title) - mine.named, _rare(b.title) - theirs.named]
    agree, differ = _ends(a.signs, b.signs)
    days = None if a.at is None or b.at is None else abs((a.at - b.at).total_seconds()) // _DAY
    least, longest = sorted((len(a.cleaned), len(b.cleaned)))
    found = (
        *(whole.cosine, whole.words, whole.names, whole.contained, whole.names_contained),
        *(math.log1p(whole.named), math.log1p(whole.told)),
        *(title.cosine, title.names, math.log1p(title.named)),
        *_ordered(mine.contained, theirs.contained),
        *(body.cosine, body.contained, float(body.told <= 0)),
        *_spans(rarity, a, b),
        *_ordered(mine.names_contained, theirs.names_contained),
        *(math.log1p(max(0.0, value)) for value in sorted(alone)),
        math.log1p(max(0.0, _alone(a, b, whole))),
        *(float(min(agree, _MOST)), float(min(differ, _MOST)), agreement(a.years, b.years)),
        *(agreement(a.signs.names[kind], b.signs.names[kind]) for kind in KINDS),
        agreement(a.signs.numbered, b.signs.numbered),
        agreement(a.signs.lines, b.signs.lines),
        agreement(a.signs.long, b.signs.long),
        agreement(a.signs.dates, b.signs.dates),
        float(a.signs.urges or b.signs.urges),
        float(a.signs.asks and b.signs.asks),
        float(a.signs.asks != b.signs.asks),
        _cosine(a.kinds, b.kinds),
        abs(a.environmental - b.environmental),
        min(a.environmental, b.environmental),
        party_likeness(a.party, b.party),
        *(math.log1p(least), math.log((longest + 1) / (least + 1))),
        *(0.0 if days is None else math.log1p(days), float(days is None)),
        *held(a.themes, b.themes),
        *troubles_held(a.troubles, b.troubles),
        *_beginnings(a.lead, b.lead),
    )
    return np.array(found, dtype=np.float64)


def turned(rarity: Rarity, a: Profile, b: Profile, found: NDArray[np.float64]) -> NDArray[np.float64]:
    """`found`, the measures of `a` and `b`, as they are told from the side of `b`."""
    other = found.copy()
    other[_SIDED] = _spans(rarity, b, a)
    return other


def apart(rows: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Of rows of measures: whether both texts name a place, none is common, and nothing else says otherwise.

    Two complaints in one wording about two compounds are two matters, however much else they share: where no
    name of any sort is common, or the numbers of the houses differ too.
    """
    of = {name: rows[..., at] for at, name in enumerate(MEASURES)}
    elsewhere = np.any([of[f"names_{kind}"] < 0 for kind in PLACES], axis=0)
    no_place = np.all([of[f"names_{kind}"] <= 0 for kind in (*PLACES, "area")], axis=0)
    no_name = (of["names_party"] <= 0) & (of["ends_agree"] <= 0)
    found: NDArray[np.bool_] = elsewhere & no_place & (no_name | (of["numbered"] < 0))
    return found


def _spans(rarity: Rarity, a: Profile, b: Profile) -> tuple[float, float, float]:
    """The rarest and the longest stretch of a text that the other one shares, and how many there are."""
    spans = shared_spans(a.cleaned, b.whole, rarity)
    return (
        math.log1p(spans[0][1]) if spans else 0.0,
        math.log1p(max((len(text) for text, _ in spans), default=0)),
        math.log1p(sum(1 for _, weight in spans if weight > 0)),
    )


def _beginnings(a: Signs, b: Signs) -> tuple[float, ...]:
    """How far two beginnings name the same of every kind, house numbers and lines; in how many kinds not."""
    kinds = [_alike(a.names[kind], b.names[kind]) for kind in KINDS]
    return (
        *kinds,
        _alike(a.numbered, b.numbered),
        _alike(a.lines, b.lines),
        float(sum(1 for kind in kinds if kind < 0)),
    )


def _alike(a: frozenset[str], b: frozenset[str]) -> float:
    """Of all that is named the share that both name; -1 where there is none, 0 where one is silent."""
    if not a or not b:
        return 0.0
    shared = len(a & b)
    return shared / len(a | b) if shared else -1.0


def party_likeness(a: str, b: str) -> float:
    """How alike two names of a party are by their characters; -1 where a text names none."""
    if not a or not b:
        return -1.0
    return 2 * len(set(a) & set(b)) / (len(set(a)) + len(set(b)))


def _ends(a: Signs, b: Signs) -> tuple[int, int]:
    """Of the kinds of names that both use (…村, …小区, …河): in how many they share one, in how many not."""
    mine, theirs = _by_end(a), _by_end(b)
    both = mine.keys() & theirs.keys()
    agree = sum(1 for end in both if mine[end] & theirs[end])
    return agree, len(both) - agree


def _by_end(signs: Signs) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for names in signs.names.values():
        for name in names:
            found.setdefault(name[2:], set()).add(name[:2])
    return found


def _rare(runs: Runs) -> float:
    return float(runs.weights[runs.rare].sum())


def _alone(a: Profile, b: Profile, whole: Overlap) -> float:
    """How much both say by rare runs that the other does not."""
    return min(_rare(a.whole), _rare(b.whole)) - whole.named


def _ordered(first: float, second: float) -> tuple[float, float]:
    return min(first, second), max(first, second)


def _cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    length = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / length if length > 0 else 0.0
