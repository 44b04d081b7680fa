"""From file to dispatched ticket, on PostgreSQL and on the embedded default: `make bench-intake`.

Imports every complaint set of a data directory (by default the one beside the checkout; without it, the demo
complaints many times over) while relay, workers and timetable run as their own processes, then imports
all of it a second time, and one file of seeded bad rows. The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from bench.servers import Processes, jiesu, postgresql
from models.db import open_database
from triage.services.importing import CHANGED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BESIDE: Final = Path(__file__).resolve().parents[2] / "shared" / "data"
SETS: Final = (
    "beijing/letters.jsonl",
    "hotline/*.jsonl",
    "tipdm/labelled_raw.jsonl",
    "tipdm/unlabelled.jsonl",
    "tipdm/attachment*.jsonl",
    "media/fuzhou_weibo.jsonl",
)
COPIES: Final = 80
WORKERS: Final = 2
LIMIT_SECONDS: Final = 1800.0
SEEDED: Final = (
    '{"id": "good-1", "text": "楼下餐馆油烟直排，窗户不敢开。"}',
    "not json at all",
    '{"id": "bad-2"}',
    '["a list"]',
    '{"id": "bad-4", "text": "时间写错了", "time": "2026-13-45"}',
    '{"id": "good-2", "text": "河水发黑发臭，请治理。"}',
)
SEEDED_BAD: Final = 4


def files(data: Path, scratch: Path) -> list[Path]:
    """The complaint sets of a directory, or a made one."""
    found = [path for pattern in SETS for path in sorted(data.glob(pattern))]
    if found:
        return found
    from triage.demo import load_demo  # noqa: PLC0415  (only where no data lies beside)

    made = scratch / "demo.jsonl"
    with made.open("w", encoding="utf-8") as file:
        for copy in range(COPIES):
            for row in load_demo():
                text = {"id": f"{row.id}-{copy}", "text": f"{row.text}（第{copy}次反映）"}
                file.write(json.dumps(text, ensure_ascii=False) + "\n")
    return [made]


def lines(paths: Sequence[Path]) -> int:
    """Rows of the files, counted here, not by the import: lines that are not blank."""
    found = 0
    for path in paths:
        with path.open("rb") as file:
            found += sum(bool(line.removeprefix(b"\xef\xbb\xbf").strip()) for line in file)
    return found


def figures_of(rows: int, reports: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """What the files hold and what of it should be stored: all but what was refused, or had come before.

    `refused_same_number`: a number that is there with other words (of the files of one source, the second).
    """
    bad = [row for report in reports for row in report["bad"]]
    repeated = sum(report["repeated"] for report in reports)
    return {
        "rows": rows,
        "received": rows - len(bad) - repeated,
        "repeated_in_files": repeated,
        "bad_in_files": len(bad),
        "refused_same_number": sum(row["reason"] == CHANGED for row in bad),
    }


async def waiting(url: str) -> bool:
    """Whether an appeal still waits: asked often, so of the small index alone."""
    db = open_database(url)
    try:
        async with db.reads() as session:
            found = await session.scalar(
                sa.text("SELECT 1 WHERE EXISTS (SELECT 1 FROM appeal WHERE state = 'waiting')")
            )
            return found is not None
    finally:
        await db.close()


async def counts(url: str) -> dict[str, int]:
    """Appeals by state, tickets, and appeals with more than one ticket."""
    db = open_database(url)
    try:
        async with db.reads() as session:
            result = await session.execute(
                sa.text(
                    "SELECT (SELECT count(*) FROM appeal),"
                    " (SELECT count(*) FROM appeal WHERE state = 'waiting'),"
                    " (SELECT count(*) FROM appeal WHERE state = 'dead'),"
                    " (SELECT count(*) FROM ticket),"
                    " (SELECT count(*) FROM"
                    " (SELECT 1 FROM ticket GROUP BY appeal_id HAVING count(*) > 1) AS d)"
                )
            )
            names = ("appeals", "waiting", "dead", "tickets", "doubled")
            return dict(zip(names, result.one(), strict=True))
    finally:
        await db.close()


def run(processes: Processes, url: str, paths: Sequence[Path], scratch: Path) -> dict[str, Any]:
    """Import everything with everything running; give the figures."""
    for command in ("relay", "timetable", *["work"] * WORKERS):
        processes.start(command)
    time.sleep(5)  # the models load before the clock starts: a hotline's workers are up already
    started = time.perf_counter()
    reports = [import_file(processes, path) for path in paths]
    imported = time.perf_counter() - started
    while asyncio.run(waiting(url)):
        if time.perf_counter() - started > LIMIT_SECONDS:
            break
        time.sleep(0.5)
    elapsed = time.perf_counter() - started
    state = asyncio.run(counts(url))
    again = [import_file(processes, path) for path in paths]
    seeded = scratch / "seeded.jsonl"
    seeded.write_text("\n".join(SEEDED) + "\n", encoding="utf-8")
    bad = import_file(processes, seeded)
    return {
        "per_s": round(state["tickets"] / elapsed, 1),
        "import_per_s": round(state["appeals"] / imported, 1),
        "seconds": round(elapsed, 1),
        **figures_of(lines(paths), reports),
        "stored": state["appeals"],
        "tickets": state["tickets"],
        "doubled": state["doubled"],
        "waiting": state["waiting"],
        "dead": state["dead"],
        "added_by_second_run": sum(report["stored"] for report in again),
        "seeded_bad_reported": f"{len(bad['bad'])}/{SEEDED_BAD}",
    }


def import_file(processes: Processes, path: Path) -> dict[str, Any]:
    """Import one file with the real command; give its report."""
    # The sets are of years ago: here they are to be work, as if they came today.
    answer = processes.call("appeal", "import", str(path), "--source", path.stem, "--dispatch-old", "--json")
    report: dict[str, Any] = json.loads(answer)
    return report


def main() -> None:
    """Measure both databases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=BESIDE)
    parser.add_argument("--only", choices=("postgresql", "sqlite"))
    options = parser.parse_args()
    figures: dict[str, Any] = {"bench": "intake", "workers": WORKERS}
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        paths = files(options.data, scratch)
        figures["files"] = len(paths)
        if options.only != "sqlite":
            with postgresql() as url, jiesu(url) as processes:
                figures["postgresql"] = run(processes, url, paths, scratch)
                print(json.dumps(figures["postgresql"]), flush=True)
        if options.only != "postgresql":
            with jiesu(None) as processes:
                url = f"sqlite+aiosqlite:///{processes.environment['JIESU_DATA_DIR']}/jiesu.db"
                figures["sqlite"] = run(processes, url, paths, scratch)
                print(json.dumps(figures["sqlite"]), flush=True)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
