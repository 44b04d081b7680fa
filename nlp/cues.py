"""Cues: named groups of regular expressions over the folded text, read strictly from YAML.

`nlp/lexicon/appeal_type.yaml` and `urgency.yaml` hold them. A group found is a feature of the topic model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


class LexiconError(ValueError):
    """A file of the lexicon is wrong; the message names the file and the line or key."""


@dataclass(frozen=True, slots=True)
class CueHit:
    """A cue found: its group's name and its span, in characters of the folded text."""

    group: str
    start: int
    end: int


def read_yaml(path: Path, schema: str) -> dict[str, Any]:
    """Read a mapping whose `schema` is the given one. Raises LexiconError naming the file and line."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise LexiconError(f"{path.name}: cannot be read: {fault.strerror}") from fault
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        raise LexiconError(f"{path.name}: {fault}") from fault
    if not isinstance(raw, dict) or raw.get("schema") != schema:
        raise LexiconError(f"{path.name}: schema: expected {schema!r}")
    return raw


def refuse_unknown(given: Iterable[str], known: Iterable[str], *, where: str) -> None:
    """Raise LexiconError naming the keys in `given` that are not in `known`."""
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise LexiconError(f"{where}: unknown keys {', '.join(map(str, unknown))}")


def texts(raw: object, *, where: str) -> tuple[str, ...]:
    """A list of distinct, non-empty strings. Raises LexiconError naming `where`."""
    if not isinstance(raw, list) or not raw:
        raise LexiconError(f"{where}: expected a list with at least one text")
    for item in raw:
        if not isinstance(item, str) or not item.strip():
            raise LexiconError(f"{where}: {item!r} is not a text; put it in quotes")
    repeated = sorted({item for item in raw if raw.count(item) > 1})
    if repeated:
        raise LexiconError(f"{where}: repeated: {', '.join(repeated)}")
    return tuple(raw)


def pattern(raw: object, *, where: str) -> re.Pattern[str]:
    """Join a list of expressions into one. Raises LexiconError naming `where` when one does not compile."""
    parts = texts(raw, where=where)
    for part in parts:
        try:
            re.compile(part)
        except re.error as fault:
            raise LexiconError(f"{where}: {part!r}: {fault}") from fault
    return re.compile("|".join(f"(?:{part})" for part in parts))


def least_shares(raw: object, known: Iterable[str], *, where: str) -> dict[str, float]:
    """From which belief on a rare answer is taken: answers to shares, in order. Raises LexiconError."""
    if not isinstance(raw, dict) or not raw:
        raise LexiconError(f"{where}: expected answers with shares")
    refuse_unknown(raw, known, where=where)
    for answer, share in raw.items():
        if not isinstance(share, float) or not 0 < share <= 1:
            raise LexiconError(f"{where}.{answer}: expected a share above 0, at most 1.0")
    return dict(raw)


def taken(beliefs: Mapping[str, float], least: Mapping[str, float]) -> str:
    """The likeliest answer; but before a common one the first rare one that is believed enough.

    What is rare is seldom the likeliest, and missing it costs more than checking it.
    """
    likeliest = max(beliefs, key=beliefs.__getitem__)
    if likeliest in least:
        return likeliest
    return next((name for name, share in least.items() if beliefs.get(name, 0.0) >= share), likeliest)


class Cues:
    """The groups of one file."""

    def __init__(self, groups: dict[str, re.Pattern[str]]) -> None:
        """Take the groups by name."""
        self.groups = groups

    @classmethod
    def parse(cls, raw: object, *, where: str) -> Cues:
        """Parse groups: name to expressions. Raises LexiconError naming `where` and the key."""
        if not isinstance(raw, dict) or not raw:
            raise LexiconError(f"{where}: expected groups of expressions")
        return cls({str(name): pattern(items, where=f"{where}.{name}") for name, items in raw.items()})

    def find(self, folded: str) -> list[CueHit]:
        """The first hit of every group that is found in the folded text."""
        found = []
        for name, expression in self.groups.items():
            match = expression.search(folded)
            if match:
                found.append(CueHit(name, match.start(), match.end()))
        return found
