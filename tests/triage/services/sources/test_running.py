"""The runner: one holder at a time, nobody delayed by a stuck one, a breaker that opens and closes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

import triage.tables
from connectors.vault import Vault
from models.appeals import Source
from models.sources import SourceTask
from models.vocab_sources import Breaker, SourceKind
from tests.factories import NOW
from triage.errors import BadInput
from triage.services.deps import Deps
from triage.services.sources import editing, looking, registry
from triage.services.sources.editing import SourceIn
from triage.services.sources.ports import FieldType, Outcome, SettingField, SourceFault, Task
from triage.services.sources.running import FAILURES_TO_OPEN, Runner, wait_after
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.db import Database
    from triage.services.sources.ports import Work

KIND = SourceKind.FEED


@dataclass
class Hands:
    """A clock that the test moves."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


@dataclass
class Bench:
    """A kind of source that does what its test wants: by the source's key."""

    pulls: list[str] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Event = field(default_factory=asyncio.Event)
    faults: dict[str, Exception] = field(default_factory=dict)
    late: dict[str, Exception] = field(default_factory=dict)
    limit: float = 30.0

    fields = (
        SettingField("url", "地址", type=FieldType.URL, required=True),
        SettingField("password", "口令", type=FieldType.SECRET),
    )

    @property
    def tasks(self) -> tuple[Task, ...]:
        return (Task("pull", "拉取", self.pull, limit_seconds=self.limit),)

    def check(self, settings: Mapping[str, str]) -> None:
        del settings

    async def trial(self, work: Work) -> str:
        return f"连上了{work.source.settings['url']}"

    async def pull(self, work: Work) -> Outcome:
        key = work.source.key
        self.pulls.append(key)
        self.begun.set()
        if key in self.faults:
            raise self.faults[key]
        kind = key.partition("-")[0]
        await {"stuck": asyncio.Event(), "slow": self.held}.get(kind, self.begun).wait()
        if key in self.late:
            raise self.late[key]
        count = (work.cursor or {}).get("count", 0) + 1
        return Outcome(said="好", seen=2, stored=1, lag=timedelta(seconds=7), cursor={"count": count})


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench()
    monkeypatch.setitem(registry.PULLERS, KIND, made)
    return made


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def deps(db: Database, clock: Hands) -> Deps:
    return Deps(Settings(), clock, triage.tables.load(), db, Vault({1: bytes(32)}))


def runner(deps: Deps, bench: Bench, name: str, **more: Any) -> Runner:  # noqa: ANN401
    return Runner(deps, pullers={KIND: bench}, name=name, **more)


async def add(deps: Deps, *keys: str) -> None:
    for key in keys:
        given = SourceIn(key, 60, {"url": f"https://{key}.example"}, {"password": f"口令{key}"})
        async with deps.db.writes.begin() as session:
            await editing.add(session, deps.vault, KIND.value, key, given, by="t", now=deps.clock.now())
            await editing.switch(session, key, on=True, by="t", now=deps.clock.now())


async def row(deps: Deps, key: str) -> SourceTask:
    async with deps.db.reads() as session:
        query = sa.select(SourceTask).join(Source, Source.id == SourceTask.source_id).where(Source.key == key)
        return (await session.scalars(query)).one()


@pytest.mark.parametrize("fault", [{}, {"slow": SourceFault("坏", hopeless=True)}], ids=["done", "refused"])
async def test_what_is_changed_while_it_runs_starts_again_at_once(
    deps: Deps, bench: Bench, clock: Hands, fault: dict[str, Exception]
) -> None:
    await add(deps, "slow")
    one = runner(deps, bench, "one")
    assert await one.start_due() == 1
    await bench.begun.wait()
    clock.moment += timedelta(seconds=5)
    bench.late |= fault
    given = SourceIn("改过", 60, {"url": "https://slow.example"}, {"password": "新口令"})
    async with deps.db.writes.begin() as session:
        await editing.change(session, deps.vault, "slow", given, by="t", now=clock.moment)
    bench.held.set()
    await one.finish()

    found = await row(deps, "slow")
    assert (found.lease_by, found.failures, found.paused_until) == (None, 0, None)
    assert found.next_at == clock.moment
    assert await one.start_due() == 1
    await one.finish()


async def test_a_stuck_source_delays_nobody_and_is_cut_off(deps: Deps, bench: Bench) -> None:
    await add(deps, "stuck", "good")
    bench.limit = 0.3
    mine = runner(deps, bench, "a")
    assert await mine.start_due() == 2
    await mine.finish()
    good, stuck = await row(deps, "good"), await row(deps, "stuck")
    assert (good.succeeded_at, good.lag_seconds, good.cursor, good.seen, good.stored) == (
        NOW, 7, {"count": 1}, 2, 1
    )  # fmt: skip
    assert (good.next_at, good.lease_by, good.error) == (NOW + timedelta(seconds=60), None, None)
    assert stuck.error == "拉取超过 0 秒没有完成，已中止。"
    assert (stuck.failures, stuck.lease_by, stuck.succeeded_at) == (1, None, None)


async def test_many_stuck_sources_delay_nobody(deps: Deps, bench: Bench) -> None:
    await add(deps, *(f"stuck-{number}" for number in range(30)), "good")
    bench.limit = 5.0
    mine = runner(deps, bench, "a")
    assert await mine.start_due() == 31
    ends = asyncio.get_running_loop().time() + 4
    while (await row(deps, "good")).succeeded_at is None and asyncio.get_running_loop().time() < ends:  # noqa: ASYNC110  (a row tells it)
        await asyncio.sleep(0.05)
    assert (await row(deps, "good")).succeeded_at == NOW
    await mine.finish()


async def test_two_processes_never_run_one_source_at_once(deps: Deps, bench: Bench) -> None:
    await add(deps, "slow")
    first, second = runner(deps, bench, "a"), runner(deps, bench, "b")
    assert await first.start_due() == 1
    await bench.begun.wait()
    assert await second.start_due() == 0
    bench.held.set()
    await first.finish()
    assert bench.pulls == ["slow"]


async def test_many_processes_that_claim_at_once_give_it_to_one(deps: Deps, bench: Bench) -> None:
    keys = [f"source-{number}" for number in range(6)]
    await add(deps, *keys)
    several = [runner(deps, bench, f"r{number}") for number in range(4)]
    assert sum(await asyncio.gather(*(one.start_due() for one in several))) == len(keys)
    await asyncio.gather(*(one.finish() for one in several))
    assert sorted(bench.pulls) == keys


async def test_the_lease_of_a_killed_process_ends_and_another_takes_over(
    deps: Deps, bench: Bench, clock: Hands
) -> None:
    await add(deps, "good")
    async with deps.db.writes.begin() as session:
        held = {"lease_by": "dead", "lease_until": NOW + timedelta(seconds=30)}
        await session.execute(sa.update(SourceTask).values(**held))
    other = runner(deps, bench, "b")
    assert await other.start_due() == 0
    clock.moment += timedelta(seconds=31)
    assert await other.start_due() == 1
    await other.finish()
    assert (await row(deps, "good")).succeeded_at == clock.moment


async def test_a_holder_that_lost_its_lease_stops_and_writes_nothing(deps: Deps, bench: Bench) -> None:
    await add(deps, "slow")
    mine = runner(deps, bench, "a", lease=timedelta(seconds=0.3))
    await mine.start_due()
    await bench.begun.wait()
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(SourceTask).values(lease_by="b"))
    await mine.finish()
    assert ((await row(deps, "slow")).lease_by, (await row(deps, "slow")).succeeded_at) == ("b", None)


async def test_the_lease_is_renewed_while_the_work_goes_on(deps: Deps, bench: Bench, clock: Hands) -> None:
    await add(deps, "slow")
    mine = runner(deps, bench, "a", lease=timedelta(seconds=0.3))
    await mine.start_due()
    await bench.begun.wait()
    clock.moment += timedelta(minutes=1)
    await asyncio.sleep(0.5)
    assert (await row(deps, "slow")).lease_until == clock.moment + timedelta(seconds=0.3)
    bench.held.set()
    await mine.finish()


async def test_the_breaker_opens_says_so_and_closes_again(deps: Deps, bench: Bench, clock: Hands) -> None:
    await add(deps, "bad")
    bench.faults["bad"] = SourceFault("平台答复 500。")
    mine = runner(deps, bench, "a")
    waits = []
    for _ in range(FAILURES_TO_OPEN):
        assert await mine.start_due() == 1
        await mine.finish()
        waits.append(((await row(deps, "bad")).next_at - clock.moment).total_seconds())
        assert await mine.start_due() == 0
        clock.moment = (await row(deps, "bad")).next_at
    assert waits == [2, 4, 8, 16, 300]
    last = await row(deps, "bad")
    assert (last.error, last.failures, last.paused_until) == ("平台答复 500。", 5, clock.moment)
    assert looking.breaker_of(last, now=clock.moment - timedelta(seconds=1)) is Breaker.OPEN
    assert looking.breaker_of(last, now=clock.moment) is Breaker.TRIAL
    bench.faults.clear()
    await mine.start_due()
    await mine.finish()
    healed = await row(deps, "bad")
    assert (healed.failures, healed.paused_until) == (0, None)
    assert looking.breaker_of(healed, now=clock.moment) is Breaker.CLOSED


async def test_what_only_a_person_can_mend_opens_the_breaker_at_once(deps: Deps, bench: Bench) -> None:
    await add(deps, "bad")
    bench.faults["bad"] = SourceFault("平台不接受口令。", hopeless=True)
    mine = runner(deps, bench, "a")
    await mine.start_due()
    await mine.finish()
    assert looking.breaker_of(await row(deps, "bad"), now=NOW) is Breaker.OPEN


async def test_an_unexpected_error_is_told_without_its_words(
    deps: Deps, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await add(deps, "bad")
    bench.faults["bad"] = ValueError("张三 13800000000")
    mine = runner(deps, bench, "a")
    await mine.start_due()
    await mine.finish()
    told = (await row(deps, "bad")).error or ""
    assert "ValueError @ pull:" in told
    assert "张三" not in told + caplog.text


class Said(Exception):
    """What PostgreSQL's driver raises, with the server's code."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__("张三 13800000000")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("error", "failures"),
    [
        (DBAPIError("INSERT", {}, Said("22001")), 1),
        (IntegrityError("INSERT", {}, Exception("twice")), 1),
        (ProgrammingError("SELECT", {}, Said("42703")), 1),
        (DBAPIError("INSERT", {}, Said("57P01")), 0),
        (OperationalError("INSERT", {}, Exception("locked")), 0),
        (PoolTimeout("QueuePool limit"), 0),
        (ConnectionResetError(), 0),
    ],
)
async def test_what_the_database_will_not_keep_is_a_fault_and_one_that_is_away_is_none(
    deps: Deps, bench: Bench, error: Exception, failures: int
) -> None:
    """All counted as "away": a source with one bad item was tried every two seconds for ever."""
    await add(deps, "bad")
    bench.faults["bad"] = error
    mine = runner(deps, bench, "a")
    await mine.start_due()
    await mine.finish()
    last = await row(deps, "bad")
    assert (last.failures, (last.error or "").startswith("程序出错")) == (failures, failures == 1)
    assert last.lease_by is None


def test_the_pause_grows_and_ends_at_an_hour() -> None:
    spans = [wait_after(failures)[0] for failures in (5, 6, 7, 8, 9, 40)]
    assert spans == [timedelta(minutes=m) for m in (5, 10, 20, 40, 60, 60)]


async def test_what_is_off_does_not_run_and_comes_back_at_once(deps: Deps, bench: Bench) -> None:
    await add(deps, "good")
    async with deps.db.writes.begin() as session:
        await editing.switch(session, "good", on=False, by="t", now=NOW)
    mine = runner(deps, bench, "a")
    assert await mine.start_due() == 0
    async with deps.db.writes.begin() as session:
        await editing.switch(session, "good", on=True, by="t", now=NOW)
    assert await mine.start_due() == 1
    await mine.finish()


async def test_credentials_are_sealed_and_kept_when_not_typed_again(deps: Deps, bench: Bench) -> None:
    del bench
    await add(deps, "good")
    given = SourceIn("换了名字", 90, {"url": "https://good.example:443/new"})
    async with deps.db.writes.begin() as session:
        await editing.change(session, deps.vault, "good", given, by="t", now=NOW)
    async with deps.db.reads() as session:
        source = await editing.find(session, "good")
    assert "口令".encode() not in (source.credentials or b"")
    assert "口令" not in str(source.settings)
    assert editing.names_of_credentials(source) == ("password",)
    assert editing.settled(deps.vault, source).credentials == {"password": "口令good"}
    assert "口令" not in repr(editing.settled(deps.vault, source))
    given = SourceIn("换了名字", 90, {"url": "https://new.example"}, forget=("password",))
    async with deps.db.writes.begin() as session:
        await editing.change(session, deps.vault, "good", given, by="t", now=NOW)
    async with deps.db.reads() as session:
        assert (await editing.find(session, "good")).credentials is None


@pytest.mark.parametrize("url", ["https://evil.example", "http://good.example", "https://good.example:8443"])
async def test_credentials_do_not_go_to_another_server(deps: Deps, bench: Bench, url: str) -> None:
    del bench
    await add(deps, "good")
    with pytest.raises(BadInput, match="原来的凭据不能跟着过去"):
        async with deps.db.writes.begin() as session:
            await editing.change(
                session, deps.vault, "good", SourceIn("名", 90, {"url": url}), by="t", now=NOW
            )
    typed = SourceIn("名", 90, {"url": url}, {"password": "新的"})
    async with deps.db.writes.begin() as session:
        source = await editing.change(session, deps.vault, "good", typed, by="t", now=NOW)
    assert editing.settled(deps.vault, source).credentials == {"password": "新的"}


@pytest.mark.parametrize("key", ["citizen", "open311", "open311-x", "local", "system"])
async def test_the_systems_own_keys_are_not_to_be_had(deps: Deps, bench: Bench, key: str) -> None:
    del bench
    with pytest.raises(BadInput, match="系统自己使用"):
        await add(deps, key)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (SourceIn("", 60, {"url": "https://a.example"}), "名称应有"),
        (SourceIn("名", 1, {"url": "https://a.example"}), "间隔应在"),
        (SourceIn("名", 60, {}), "“地址”没有填写"),
        (SourceIn("名", 60, {"url": "ftp://a.example"}), "应形如 https"),
        (SourceIn("名", 60, {"url": "https://u:p@a.example"}), "写在凭据里"),
        (SourceIn("名", 60, {"url": "https://a.example", "more": "1"}), "没有这一项设置：more"),
        (SourceIn("名", 60, {"url": "https://a.example", "password": "x"}), "没有这一项设置：password"),
        (SourceIn("名", 60, {"url": "https://a.example"}, {"key": "x"}), "没有这一项凭据：key"),
    ],
)
async def test_a_bad_source_is_refused_in_words(
    deps: Deps, bench: Bench, given: SourceIn, words: str
) -> None:
    del bench
    with pytest.raises(BadInput, match=words):
        async with deps.db.writes.begin() as session:
            await editing.add(session, deps.vault, KIND.value, "new", given, by="t", now=NOW)


async def test_try_now_says_what_came_of_it(deps: Deps, bench: Bench) -> None:
    del bench
    await add(deps, "good")
    assert await looking.try_now(deps, "good", by="t") == looking.Tried(
        good=True, said="连上了https://good.example"
    )
