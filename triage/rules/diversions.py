"""分流 (条例 art. 11 para. 3): which of six outcomes facts or words propose; a person confirms each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from triage.rules.denials import happened
from triage.rules.phrases import without

if TYPE_CHECKING:
    from datetime import date

    from models.vocab import Divert
    from triage.rules.rows import DiversionRow, Status, Tables


@dataclass(frozen=True, slots=True)
class DiversionFacts:
    """What is known: the (masked) text, and facts that other parts or a person have found."""

    text: str = ""
    in_legal_channel: bool = False
    same_matter_open: bool = False
    secret: bool = False
    out_of_duty: bool = False
    unlawful: bool = False


@dataclass(frozen=True, slots=True)
class Diversion:
    """A proposal: the outcome, the row, the words that spoke for it, and the sentence for staff."""

    divert: Divert
    row_id: str
    title: str
    words: tuple[str, ...]
    why: str
    source: str
    status: Status


def propose(tables: Tables, facts: DiversionFacts, *, at: date) -> Diversion | None:
    """The first diversion, in the table's order, that the facts or words propose; None when none does.

    `at` is the Beijing day: rows not in force then are passed over. Nothing is diverted here.
    """
    for row in tables.diversions:
        if not row.holds(at):
            continue
        if row.fact is not None and getattr(facts, row.fact):
            return _proposal(row, (), f"已知事实：{row.title}")
        told = happened(without(facts.text, row.denied), row.words, tables.denials, row.id, at)
        words = found_words(row.words, row.unless, told)
        if words:
            return _proposal(row, words, f"正文出现“{'”“'.join(words)}”：{row.title}")
    return None


def found_words(groups: tuple[tuple[str, ...], ...], unless: tuple[str, ...], text: str) -> tuple[str, ...]:
    """The first word found of each group when every group has one and no `unless` word is there; else ()."""
    found = []
    for group in groups:
        word = next((word for word in group if word in text), None)
        if word is None:
            return ()
        found.append(word)
    return () if any(word in text for word in unless) else tuple(found)


def _proposal(row: DiversionRow, words: tuple[str, ...], why: str) -> Diversion:
    return Diversion(
        divert=row.divert,
        row_id=row.id,
        title=row.title,
        words=words,
        why=f"建议分流（待人工确认）：{why}。{row.advice}。依据：{row.source}（{row.status.label}）。",
        source=row.source,
        status=row.status,
    )
