"""schemathesis over the whole API, against a real server on loopback: `python -m tests.fuzz.api [examples]`.

Every answer must be one that the document describes: status, content type, headers, shape; wrong requests
must be refused, and nothing may be a fault of ours. Which checks do not apply, and why, is said here.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp.test_utils import TestServer

import triage.tables
from connectors.vault import Vault
from models import migrate
from models.db import open_database
from models.vocab_sources import SourceKind
from tests import signed_in
from tests.factories import NOW, TicketIn, add_tickets
from triage.clock import SystemClock
from triage.services import reference
from triage.services.deps import Deps
from triage.services.open311 import keys
from triage.services.sources import editing
from triage.services.sources.editing import SourceIn
from triage.settings import Settings
from triage.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A form's text is anything, a query's number may be sent as text, an empty parameter is an absent one (G7):
#: "wrong" in the eyes of a schema is not always wrong by the standard. And what fits the schema may still be
#: refused: a move that is not allowed now, a place outside the city.
EXCLUDED: Final = ("negative_data_rejection", "positive_data_acceptance")
SEED: Final = 20261126
ROOT: Final = Path(__file__).resolve().parents[2]
#: Things that are there, so that more than their absence is tested.
CONFIG: Final = """
[parameters]
"path.no" = "20261123-00000001"
"path.code" = "NOI-01"

[[operations]]
include-path-regex = "^/open311/v2/requests/"
parameters = { "path.id" = "00000002" }

[[operations]]
include-path-regex = "^/hooks/hotline/"
parameters = { "path.source" = "city" }
"""
PUSH_SECRET: Final = "fuzz-push"  # noqa: S105  (a test's)


async def run(
    folder: Path, *, examples: int, phases: Sequence[str], more: Sequence[str] = ()
) -> tuple[int, str]:
    """Run it once. Gives schemathesis's exit status and what it printed."""
    db = open_database(f"sqlite+aiosqlite:///{folder / 'fuzz.db'}", durable=False)
    await migrate.upgrade(db)
    deps = Deps(
        settings=Settings(data_dir=folder, files_dir=folder / "files", open311_per_hour=1_000_000),
        clock=SystemClock(), tables=triage.tables.load(), db=db, vault=Vault({1: bytes(32)}),
    )  # fmt: skip
    await reference.sync(deps)
    await add_tickets(db, *[TicketIn() for _ in range(5)])
    async with db.writes.begin() as session:
        key = await keys.make(session, deps.vault, "fuzz", now=NOW)
        given = SourceIn("城市热线", 60, {"url": "http://127.0.0.1:9"}, {"push_secret": PUSH_SECRET})
        await editing.add(session, deps.vault, SourceKind.HOTLINE.value, "city", given, by="fuzz", now=NOW)
        await editing.switch(session, "city", on=True, by="fuzz", now=NOW)
    token = await signed_in.api_token(deps)
    (folder / "schemathesis.toml").write_text(CONFIG, encoding="utf-8")
    async with TestServer(make_app(deps)) as server:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")), "run",
            str(server.make_url("/api/v1/openapi.json")),
            "--phases", ",".join(phases), "--max-examples", str(examples), "--seed", str(SEED),
            "--exclude-checks", ",".join(EXCLUDED), "--generation-database", "none", "--no-color",
            "--header", f"Authorization: Bearer {token}",
            "--request-timeout", "30", "--suppress-health-check", "all", *more,
            cwd=folder, env={
                **os.environ,
                "FUZZ_KEY": key,
                "FUZZ_PUSH_SECRET": PUSH_SECRET,
                "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
                # The hooks are imported from the checkout, which is nobody's installed package.
                "PYTHONPATH": str(ROOT),
            },
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


def main() -> int:
    """Run all phases with as many examples as asked for (50)."""
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory() as folder:
        status, out = asyncio.run(
            run(Path(folder), examples=examples, phases=("examples", "coverage", "fuzzing"))
        )
    print(out)  # noqa: T201  (a report for a terminal)
    return status


if __name__ == "__main__":
    sys.exit(main())
