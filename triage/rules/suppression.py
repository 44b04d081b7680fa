"""隐去小数 (k-anonymity) in a table with totals, so that no hidden count follows from others. Pure.

A count from 1 to k-1 is hidden; then, while a hidden one could still be worked out, a further one is. Rows
and columns are the points of a graph and hidden cells its lines: a hidden cell follows from the others
exactly when its line is a bridge (it is the only hidden one between two parts of the table). And in a row or
column whose total is told, what is hidden adds up to at least k, else the total tells of fewer together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

Cell = tuple[str, str]
#: The name of the row, and of the column, of totals.
TOTAL: Final = ""


def with_totals(counts: Mapping[Cell, int], rows: Sequence[str], columns: Sequence[str]) -> dict[Cell, int]:
    """The table with its totals; cells that are not there are 0."""
    table = {(row, column): counts.get((row, column), 0) for row in rows for column in columns}
    table |= {(row, TOTAL): sum(table[row, column] for column in columns) for row in rows}
    table |= {(TOTAL, column): sum(table[row, column] for row in rows) for column in columns}
    return table | {(TOTAL, TOTAL): sum(table[row, TOTAL] for row in rows)}


def line(counts: Sequence[int], least: int, also: Collection[int] = ()) -> list[int | None]:
    """Counts whose sum is told, as they may be shown: None is hidden.

    The small ones, and then the next larger ones until no hidden one follows from the sum: at least two are
    hidden, and together they are `least` or more. `also`: places that are hidden in any case, unless 0.
    """
    away = {at for at, count in enumerate(counts) if 0 < count < least or (at in also and count)}
    others = sorted((count, at) for at, count in enumerate(counts) if count and at not in away)
    while away and others and (len(away) == 1 or sum(counts[at] for at in away) < least):
        away.add(others.pop(0)[1])
    return [None if at in away else count for at, count in enumerate(counts)]


def hidden(table: Mapping[Cell, int], least: int) -> set[Cell]:
    """The cells of a table with totals that are not told."""
    found = {cell for cell, count in table.items() if 0 < count < least}
    while True:
        bridge = min(_bridges(found), default=None)
        more = _ring(table, found, bridge) if bridge else _short_line(table, found, least)
        if more is None:
            return found
        if not more:
            # Nothing can stand beside it: then nothing of the table is told.
            return set(table)
        found |= more


def _ring(table: Mapping[Cell, int], found: set[Cell], weak: Cell) -> set[Cell]:
    """The cells that close a ring with a hidden one, over another row and column, at the least loss."""
    rows, columns = {row for row, _ in table}, {column for _, column in table}
    rings = [
        {(weak[0], column), (row, weak[1]), (row, column)} - found
        for row in sorted(rows - {weak[0]})
        for column in sorted(columns - {weak[1]})
    ]
    return min(rings, key=lambda ring: _loss(table, ring), default=set())


def _short_line(table: Mapping[Cell, int], found: set[Cell], least: int) -> set[Cell] | None:
    """What else to hide in a row or column whose hidden ones are too few together; None: there is none."""
    for axis in (0, 1):
        for name in sorted({cell[axis] for cell in found}):
            line = {cell for cell in table if cell[axis] == name}
            total = (name, TOTAL) if axis == 0 else (TOTAL, name)
            inner = (line & found) - {total}
            if total not in found and inner and sum(table[cell] for cell in inner) < least:
                return {min(line - found, key=lambda cell: _loss(table, {cell}))}
    return None


def _loss(table: Mapping[Cell, int], cells: set[Cell]) -> tuple[int, int, int, list[Cell]]:
    """Totals are hidden last, zeros before them, then the larger counts."""
    return (
        sum(TOTAL in cell for cell in cells),
        sum(table[cell] == 0 for cell in cells),
        sum(table[cell] for cell in cells),
        sorted(cells),
    )


def _bridges(found: set[Cell]) -> set[Cell]:
    """The lines of the graph without which it falls apart: each cell's row and column are its ends."""
    beside: dict[tuple[int, str], list[tuple[tuple[int, str], Cell]]] = {}
    for cell in sorted(found):
        row, column = (0, cell[0]), (1, cell[1])
        beside.setdefault(row, []).append((column, cell))
        beside.setdefault(column, []).append((row, cell))
    bridges: set[Cell] = set()
    for cell in found:
        # Without this line, is its column still reached from its row? Tables are small: it is simply tried.
        start, goal = (0, cell[0]), (1, cell[1])
        seen, waiting = {start}, [start]
        while waiting:
            for other, line in beside[waiting.pop()]:
                if line != cell and other not in seen:
                    seen.add(other)
                    waiting.append(other)
        if goal not in seen:
            bridges.add(cell)
    return bridges
