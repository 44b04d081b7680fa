"""From the text of all files to `Tables`: parse, check row against row, and index for the rules.

The linter that no routing system we read has: a table that would leave a street without an answer, or a row
that can never decide, is refused before it decides anything.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from models.vocab import Level, Role
from triage.rules import checks, clock_counts, parsing
from triage.rules.move_rows import MoveTable
from triage.rules.rewards.parsing import reward_table
from triage.rules.rows import Plan, Problem, Row, Tables

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from triage.rules.parsing import Parsed
    from triage.rules.rows import CatalogueRow, SituationRow

_VERSION_LENGTH: Final = 12
_DAY: Final = timedelta(days=1)

RowT = TypeVar("RowT", bound=Row)
KeyT = TypeVar("KeyT", bound="Hashable")


def build(files: Mapping[str, str], rewards: Mapping[str, str]) -> tuple[Tables | None, list[Problem]]:
    """The tables of these files (name → text), and every problem; None when there is any.

    `rewards` are the files of the folder of that name.
    """
    problems = [
        Problem(parsing.where_of(name), "缺少这个文件") for name in parsing.FILES if name not in files
    ]
    problems += [
        Problem(parsing.where_of(name), "不认识的文件") for name in files if name not in parsing.FILES
    ]
    rows = parsing.parse(files, problems)
    rows.rewards = reward_table(rewards, {row.id: row for row in rows.kinds}, problems)
    # Cross-checks on half-read files would only repeat the same faults in other words.
    if not problems:
        rows.moves = clock_counts.filled(rows.clocks, rows.moves, problems)
    if not problems:
        checks.check(rows, problems)
    if problems:
        return None, sorted(problems, key=lambda problem: problem.where)
    return _index(rows, version(files)), []


def version(files: Mapping[str, str]) -> str:
    """A short hash over names and contents: equal exactly when the tables are."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0{files[name]}".encode())
    return digest.hexdigest()[:_VERSION_LENGTH]


def _index(rows: Parsed, stamp: str) -> Tables:
    situations_of: dict[str, list[SituationRow]] = defaultdict(list)
    for row in rows.situations:
        for kind in row.kinds:
            situations_of[kind].append(row)
    return Tables(
        version=stamp,
        units={row.id: row for row in rows.units},
        kinds={row.id: row for row in rows.kinds},
        laws={row.id: row for row in rows.laws},
        deadlines=tuple(rows.deadlines),
        catalogue=tuple(rows.catalogue),
        situations={row.id: row for row in rows.situations},
        zones=tuple(rows.zones),
        functional_areas={row.id: row for row in rows.functional_areas},
        fallbacks=tuple(rows.fallbacks),
        reclaimed=tuple(rows.reclaimed),
        diversions=tuple(rows.diversions),
        escalations=tuple(rows.escalations),
        gradings=tuple(rows.gradings),
        denials=tuple(rows.denials),
        drifts=tuple(rows.drifts),
        publishing=tuple(rows.publishing),
        reports=tuple(rows.reports),
        leads=tuple(rows.leads),
        signals=tuple(rows.signals),
        snippets=rows.snippets,
        access=tuple(rows.access),
        retention=tuple(rows.retention),
        signins=tuple(rows.signins),
        reveals=rows.reveals,
        functions=rows.functions,
        calendar=rows.calendar,
        moves=MoveTable(tuple(rows.moves)),
        clocks=rows.clocks,
        rates=rows.rates,
        notices=rows.notices,
        incidents=rows.incidents,
        rewards=rows.rewards,
        plans={key: _plans(group) for key, group in _by(rows.catalogue, _matter).items()},
        by_post=_by(
            rows.units,
            lambda u: (
                u.level,
                u.function,
                (u.street_code if u.level is Level.STREET else u.district_code) or "",
            ),
        ),
        by_clock=_by(rows.deadlines, lambda d: (d.clock, d.urgency)),
        situations_of={kind: tuple(found) for kind, found in situations_of.items()},
        escalations_of={
            kind: tuple(row for row in rows.escalations if not row.kinds or kind in row.kinds)
            for kind in (None, *(row.id for row in rows.kinds))
        },
    )


def _matter(row: CatalogueRow) -> tuple[str, str]:
    return row.kind, row.situation


def _by(rows: Iterable[RowT], key: Callable[[RowT], KeyT]) -> dict[KeyT, tuple[RowT, ...]]:
    found: dict[KeyT, list[RowT]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return {name: tuple(group) for name, group in found.items()}


def _plans(rows: Sequence[CatalogueRow]) -> tuple[Plan, ...]:
    """Cut the rows of one matter at each day something changes: one plan per period with a lead."""
    starts = sorted({r.valid_from for r in rows} | {r.valid_to + _DAY for r in rows if r.valid_to})
    plans = []
    for number, start in enumerate(starts):
        end = starts[number + 1] - _DAY if number + 1 < len(starts) else None
        now = [row for row in rows if row.holds(start)]
        lead = [row for row in now if row.role is Role.LEAD]
        if lead:
            assist = tuple(row for row in now if row.role is Role.ASSIST)
            plans.append(Plan(start, end, lead[0], assist, tuple(r for r in now if r.role is Role.COPY)))
    return tuple(plans)
