"""Small numbers hidden in a table with totals: none can be worked out, and nothing is told of too few."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from triage.rules.suppression import TOTAL, Cell, hidden, line, with_totals

ROWS, COLUMNS = ("a", "b", "c", "d"), ("x", "y", "z")
LEAST = 5


def table_of(*counts: int) -> dict[Cell, int]:
    cells = [(row, column) for row in ROWS for column in COLUMNS]
    return with_totals(dict(zip(cells, counts, strict=True)), ROWS, COLUMNS)


def extremes(table: dict[Cell, int], not_told: set[Cell], cell: Cell) -> tuple[float, float]:
    """The least and the most that a hidden cell can be by what is told: what an attacker works out."""
    order = sorted(table)
    sums = [
        *([(row, TOTAL), *((row, column) for column in COLUMNS)] for row in (*ROWS, TOTAL)),
        *([(TOTAL, column), *((row, column) for row in ROWS)] for column in (*COLUMNS, TOTAL)),
    ]
    equations = np.zeros((len(sums), len(order)))
    for at, (total, *parts) in enumerate(sums):
        equations[at, order.index(total)] = -1
        for part in parts:
            equations[at, order.index(part)] = 1
    bounds = [(0, None) if one in not_told else (table[one], table[one]) for one in order]
    goal = np.array([float(one == cell) for one in order])
    found = [
        linprog(sign * goal, A_eq=equations, b_eq=np.zeros(len(sums)), bounds=bounds) for sign in (1, -1)
    ]
    return found[0].fun, -found[1].fun if found[1].status == 0 else float("inf")


def test_what_is_large_is_all_told() -> None:
    assert hidden(table_of(*range(5, 17)), LEAST) == set()


def test_zeros_are_told() -> None:
    assert hidden(table_of(0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9), LEAST) == set()


def test_one_small_number_takes_three_more_with_it() -> None:
    not_told = hidden(table_of(3, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9), LEAST)
    assert ("a", "x") in not_told
    assert len(not_told) == 4


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([0, 1, 2, 4, 5, 9, 30, 200]), min_size=12, max_size=12))
def test_no_small_number_can_be_worked_out(counts: list[int]) -> None:
    table = table_of(*counts)
    not_told = hidden(table, LEAST)
    small = {cell for cell, count in table.items() if 0 < count < LEAST}
    assert small <= not_told
    for cell in small:
        least, most = extremes(table, not_told, cell)
        assert most - least >= 1


@pytest.mark.parametrize("counts", [(1, *[0] * 11), (4, 4, 4, *[0] * 9)])
def test_a_table_of_few_tells_nothing_of_them(counts: tuple[int, ...]) -> None:
    table = table_of(*counts)
    not_told = hidden(table, LEAST)
    assert {cell for cell, count in table.items() if 0 < count < LEAST} <= not_told


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([9, 7, 0, 12], [9, 7, 0, 12]),
        # One small number follows from the sum and the others: the next larger one goes with it.
        ([9, 3, 7, 12], [9, None, None, 12]),
        # Two small ones are 4 together, and so neither is 5: a third goes with them.
        ([9, 2, 2, 12], [None, None, None, 12]),
        ([9, 4, 4, 12], [9, None, None, 12]),
        ([3], [None]),
        ([3, 0], [None, 0]),
    ],
)
def test_no_number_of_a_line_follows_from_its_sum(counts: list[int], told: list[int | None]) -> None:
    assert line(counts, LEAST) == told
