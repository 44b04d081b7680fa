"""The connector killed (-9) in the middle of a pull and of a send: every order once, every action once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.request import urlopen

import pytest
import sqlalchemy as sa

from bench.servers import BENCH_KEY, Processes, jiesu
from connectors.hotline.reference.orders import number_of
from connectors.vault import Vault
from models.appeals import Appeal
from models.db import Database, open_database
from models.hotline import HotlineAction
from models.sources import SourceTask
from models.tickets import Ticket
from models.vocab_sources import SourceKind
from tests.factories import TicketIn, add_tickets
from triage.clock import SystemClock
from triage.services.sources import editing
from triage.services.sources.editing import SourceIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ORDERS: Final = 400
ACTIONS: Final = 300
LIMIT_SECONDS: Final = 240.0
#: Small pages, one sender: slow enough to be caught in the middle.
SETTINGS: Final = {"page_size": "5", "most_pages": "500", "hold_undo": "no", "senders": "1", "timeout": "5"}


@dataclass
class Bed:
    """The reference platform as a process, our connector as another, the database as the test sees it."""

    processes: Processes
    db: Database
    url: str

    async def count(self, query: sa.Select[int]) -> int:
        async with self.db.reads() as session:
            return await session.scalar(query) or 0

    async def appeals(self) -> int:
        return await self.count(sa.select(sa.func.count()).where(Appeal.external_id.like("BJ%")))

    async def done(self) -> int:
        return await self.count(sa.select(sa.func.count()).where(HotlineAction.state == "done"))

    def ledger(self) -> Any:  # noqa: ANN401  (JSON)
        with urlopen(f"{self.url}/_ledger", timeout=30) as answer:  # noqa: S310  (our own)
            return json.load(answer)

    async def wait(self, figure: Callable[[], Any], reached: Callable[[int], bool]) -> int:
        """Look until it is so; the last figure."""
        ends = time.monotonic() + LIMIT_SECONDS
        found = await figure()
        while not reached(found) and time.monotonic() < ends:
            time.sleep(0.05)  # noqa: ASYNC251  (nothing else runs here)
            found = await figure()
        return int(found)

    def kill(self, connector: subprocess.Popen[bytes]) -> None:
        connector.send_signal(signal.SIGKILL)
        connector.wait()
        self.processes.running.remove(connector)


@pytest.fixture
async def bed(postgres_db: Database) -> AsyncIterator[Bed]:
    url = postgres_db.engine.url.render_as_string(hide_password=False)
    platform = subprocess.Popen(  # noqa: ASYNC220  (before anything else runs here)
        [sys.executable, "-m", "connectors.hotline.reference", "--port", "0", "--orders", str(ORDERS),
         "--hours", "5", "--faults", '{"half_body": 0.02, "error": 0.02}'],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    with jiesu(url) as processes, platform:
        line = platform.stdout.readline() if platform.stdout else b""
        address = json.loads(line)["url"]
        # The platform stands on loopback: the connector asks no inner address that is not named.
        processes.environment["JIESU_HOTLINE_PRIVATE_HOSTS"] = address.removeprefix("http://").partition("/")[
            0
        ]
        db = open_database(url)
        now = SystemClock().now()
        async with db.writes.begin() as session:
            given = SourceIn("平台", 5, {"url": address, **SETTINGS})
            vault, kind = Vault.parse(BENCH_KEY), SourceKind.HOTLINE.value
            await editing.add(session, vault, kind, "city", given, by="t", now=now)
            await editing.switch(session, "city", on=True, by="t", now=now)
        yield Bed(processes, db, address)
        await db.close()
        platform.terminate()


async def test_killed_in_the_middle_of_a_pull(bed: Bed) -> None:
    first = bed.processes.start("timetable")
    caught = await bed.wait(bed.appeals, lambda found: found > 20)
    bed.kill(first)
    assert 20 < caught < ORDERS
    bed.processes.start("timetable")
    assert await bed.wait(bed.appeals, lambda found: found >= ORDERS) == ORDERS
    numbers = sa.select(sa.func.count(sa.distinct(Appeal.external_id))).where(Appeal.external_id.like("BJ%"))
    assert await bed.count(numbers) == ORDERS


async def test_killed_in_the_middle_of_a_send(bed: Bed) -> None:
    await add_tickets(bed.db, TicketIn())
    now = SystemClock().now()
    async with bed.db.writes.begin() as session:
        await session.execute(sa.delete(SourceTask).where(SourceTask.task != "send"))
        ticket = (await session.scalars(sa.select(Ticket.id))).one()
        source = (await session.scalars(sa.select(SourceTask.source_id))).one()
        session.add_all(
            HotlineAction(
                source_id=source, order_no=number_of(1 + place // 3), seq=1 + place % 3, ticket_id=ticket,
                event_seq=place, kind="progress", day=now.date(), state="waiting", created_at=now,
                available_at=now, attempts=0, body={"at": now.isoformat(), "note": f"第{place}次"},
            )
            for place in range(ACTIONS)
        )  # fmt: skip
    first = bed.processes.start("timetable")
    # What the platform has been told, not what we wrote down: a batch is written down at its end.
    ends = time.monotonic() + LIMIT_SECONDS
    while bed.ledger()["actions"] < 20 and time.monotonic() < ends:
        time.sleep(0.02)  # noqa: ASYNC251  (nothing else runs here)
    bed.kill(first)
    told, written = bed.ledger()["actions"], await bed.done()
    assert written < told < ACTIONS, "some were told and not written down"
    bed.processes.start("timetable")
    assert await bed.wait(bed.done, lambda found: found >= ACTIONS) == ACTIONS
    ledger = bed.ledger()
    assert (ledger["actions"], ledger["actions_mismatched"], ledger["actions_out_of_order"]) == (
        ACTIONS,
        0,
        0,
    )
    assert ledger["action_requests"] > ACTIONS, "what was not written down was told again"
