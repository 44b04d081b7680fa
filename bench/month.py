"""A simulated month of 100,000 tickets through the pure rules: `make bench-month`.

Every rate of every line is compared with a second count of the same events by other code (`bench.recount`).
The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import time
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import triage.tables
from bench.month_data import simulate
from bench.recount import recount
from bench.sweeping import measure
from triage.rules.calendar import BEIJING
from triage.rules.rates import By, count, shown
from triage.rules.reminders import warnings
from triage.rules.rows import ClockName
from triage.rules.running import runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.recount import Key
    from triage.rules.acts import History
    from triage.rules.rates import Month
    from triage.rules.rows import Tables

MONTH: Final = "2026-10"
NEXT: Final = "2026-11"
AS_OF: Final = datetime(2026, 12, 5, tzinfo=BEIJING)
SEED: Final = 20261126


def plain(history: History) -> dict[str, Any]:
    """The ticket as the second count takes it: nothing of ours but the values."""
    return {
        "unit": history.unit_code, "district": history.district_code, "street": history.street_code,
        "kind": history.kind, "urgency": history.urgency.value,
        "events": [(event.act, event.at, event.data) for event in history.events],
    }  # fmt: skip


def as_counter(month: Month) -> Counter[Key]:
    """The figures in the form of the second count."""
    found: Counter[Key] = Counter()
    for line in month.lines:
        for rate, tally in line.tallies:
            for what, number in (("points", tally.points), ("tickets", tally.tickets), ("out", tally.out)):
                found[line.by.value, line.key, rate.value, what] += number
    return found


def mismatches(month: Month, histories: Sequence[History]) -> int:
    """How many numbers of the month differ from the second count."""
    ours = as_counter(month)
    theirs = recount((plain(history) for history in histories), month.month, month.as_of)
    return sum(1 for key in ours.keys() | theirs.keys() if ours[key] != theirs[key])


def sweep(tables: Tables, histories: Sequence[History], at: datetime) -> int:
    """The reminders of an hour over every answer clock that still runs then."""
    sent = 0
    for history in histories:
        for run in runs(tables, history, ClockName.ANSWER):
            if run.stopped is None or run.stopped > at:
                sent += len(warnings(tables.clocks, run.clock, at - timedelta(hours=1), at))
    return sent


def main() -> None:
    """Simulate, close both months it reaches into, compare, sweep once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--sweep", type=int, default=0, help="also sweep over so many tickets on PostgreSQL")
    options = parser.parse_args()
    tables = triage.tables.load()
    began = time.perf_counter()
    histories = list(simulate(tables, tickets=options.tickets, month=MONTH, seed=options.seed))
    # A service reads a month in parts; here all its events stay in memory, and would be searched for garbage.
    gc.freeze()
    simulated = time.perf_counter()
    months = [count(tables, histories, month=name, as_of=AS_OF) for name in (MONTH, NEXT)]
    closed = time.perf_counter()
    wrong = sum(mismatches(month, histories) for month in months)
    compared = time.perf_counter()
    reminded = sweep(tables, histories, datetime(2026, 10, 20, 10, tzinfo=BEIJING))
    swept = time.perf_counter()
    total = months[0].line(By.ALL, "")
    print(
        json.dumps(
            {
                "bench": "month",
                "tickets": len(histories),
                "steps": sum(len(history.events) for history in histories),
                "mismatches": wrong,
                "compared": sum(len(as_counter(month)) for month in months),
                "month_close_s": round((closed - simulated) / len(months), 2),
                "sweep_s": round(swept - compared, 2),
                "reminders": reminded,
                "simulate_s": round(simulated - began, 2),
                "assessed": [line.assessed for m in months if (line := m.line(By.ALL, ""))],
                "out": [line.out for m in months if (line := m.line(By.ALL, ""))],
                "composite": shown(total.composite(months[0].weights.weights)) if total else None,
                "seed": options.seed,
                **({"sweep": asyncio.run(measure(tables, rows=options.sweep))} if options.sweep else {}),
            }
        )
    )


if __name__ == "__main__":
    main()
