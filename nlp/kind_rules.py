"""Rules of the codebook above the learned kind: what is written down there need not be guessed from examples.

`kind_rules.yaml` holds them. Called by `nlp.topics` alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from nlp.cues import LexiconError, pattern, read_yaml, refuse_unknown, texts
from nlp.text import LEXICON

if TYPE_CHECKING:
    from pathlib import Path

    from nlp.beliefs import Beliefs

FILE: Final = "kind_rules.yaml"
_KEYS: Final = ("id", "from", "to", "any")
_CODE: Final = re.compile(r"[A-Z]{3}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class KindRule:
    """Where the likeliest kind is one of `of` and `some` is found, it changes places with `to`."""

    id: str
    of: frozenset[str]
    to: str
    some: re.Pattern[str]


class Ruled(NamedTuple):
    """Beliefs after a rule, the kind that it chose, and the span that decided."""

    beliefs: Beliefs
    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class KindRules:
    """The rules, in the order they are tried."""

    rules: tuple[KindRule, ...]

    @classmethod
    def load(cls, folder: Path = LEXICON) -> KindRules:
        """Load the rules. Raises LexiconError naming the file and the rule's id."""
        raw = read_yaml(folder / FILE, "kind_rules/1")
        refuse_unknown(raw, ("schema", "rules"), where=FILE)
        items = raw.get("rules")
        if not isinstance(items, list) or not items:
            raise LexiconError(f"{FILE}: rules: expected a list")
        return cls(tuple(_rule(item, at) for at, item in enumerate(items, start=1)))

    def applied(self, folded: str, beliefs: Beliefs) -> Ruled | None:
        """The first rule that fires in the folded text, or None."""
        likeliest = max(beliefs.kinds, key=beliefs.kinds.__getitem__, default="")
        for rule in self.rules:
            if likeliest not in rule.of:
                continue
            match = rule.some.search(folded)
            if match:
                kinds = dict(beliefs.kinds)
                kinds[rule.to], kinds[likeliest] = kinds[likeliest], kinds.get(rule.to, 0.0)
                return Ruled(replace(beliefs, kinds=kinds), rule.to, *match.span())
        return None


def _rule(raw: object, at: int) -> KindRule:
    """Parse one rule; errors name its id, or its position while it has none."""
    if not isinstance(raw, dict) or not isinstance(raw.get("id"), str):
        raise LexiconError(f"{FILE}: rules[{at}]: id is missing")
    where = f"{FILE}: rules.{raw['id']}"
    refuse_unknown(raw, _KEYS, where=where)
    codes = (*texts(raw.get("from"), where=f"{where}.from"), str(raw.get("to")))
    for code in codes:
        if not _CODE.fullmatch(code):
            raise LexiconError(f"{where}: {code!r} is no code of a kind")
    return KindRule(
        raw["id"], frozenset(codes[:-1]), codes[-1], pattern(raw.get("any"), where=f"{where}.any")
    )
