"""回拨: who may, what the provider is told, what is kept, and where the citizen's number never stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.appeals import Appeal, Appellant
from models.callbacks import CallBack, NumbersProvider
from models.identities import HeldIdentity
from models.tickets import Ticket, TicketEvent
from models.viewing import ALL, Scope, Viewer
from models.vocab import AppealType, Post, Tag
from models.vocab_retention import Kept
from models.vocab_staff import Permission
from tests.connectors.callback.provider import CITIZEN, OFFICER, SECRET, TOKEN, running
from tests.factories import TicketIn, add_tickets
from triage.clock import FixedClock
from triage.errors import BadInput, NotFound
from triage.rules import retention_rows
from triage.services import histories, standings
from triage.services.auditing import reading
from triage.services.callbacks import keeping, own_number, pressing, providers
from triage.services.callbacks.providers import AnotherPerson, ProviderIn
from triage.services.deps import Deps
from triage.services.identities import rotating
from triage.services.identities.sealed_places import PLACES
from triage.services.limiting import TooOften
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.callback.port import Binding
    from models.db import Database
    from models.ledger import LedgerRow
    from tests.connectors.callback.provider import Reference

WANGJING, XUEYUAN = "110105026", "110108010"
VAULT = Vault({1: bytes(32)})
MAY = frozenset({Permission.SEE_CASES, Permission.CALL})
#: The reference provider's clock is the machine's.
NOW = datetime.now(UTC).replace(microsecond=0)


def officer(unit: str) -> Viewer:
    scope = Scope(units=frozenset({unit}), own=frozenset({unit}))
    return Viewer("officer", scope, unit_code=unit, permissions=MAY, posts=frozenset({Post.UNIT}))


MINE = officer(WANGJING)
HOTLINE = Viewer("clerk", ALL, permissions=MAY, posts=frozenset({Post.HOTLINE}))
#: Sees the whole city, and handles nothing.
CITY = Viewer("city", ALL, permissions=MAY, posts=frozenset({Post.SUPERVISOR}))
REPORT = {"report": True}


@pytest.fixture(scope="module")
def reference() -> Iterator[Reference]:
    with running() as found:
        yield found


@pytest.fixture
def deps(sqlite_db: Database, reference: Reference) -> Deps:
    settings = Settings(numbers_private_hosts=reference.host)
    return Deps(settings, FixedClock(NOW), triage.tables.load(), sqlite_db, VAULT)


async def case(deps: Deps, *, report: bool = False, copies: tuple[str, ...] = ()) -> str:
    (no,) = await add_tickets(deps.db, TicketIn(copies=copies))
    async with deps.db.writes.begin() as session:
        appeal_id = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
        phone = VAULT.seal(CITIZEN, belongs_to=f"appellant.phone:{appeal_id}")
        await session.execute(sa.insert(Appellant).values(appeal_id=appeal_id, created_at=NOW, phone=phone))
        kind = AppealType.REPORT if report else AppealType.COMPLAINT
        await session.execute(sa.update(Ticket).values(appeal_type=kind.value))
        await session.execute(sa.update(Appeal).values(confidential=report))
    return no


def account(reference: Reference, **more: str) -> ProviderIn:
    settings = {"url": str(reference.url / "bindings"), "timeout": "1", **more}
    return ProviderIn("参考服务", settings, {"token": TOKEN, "secret": SECRET})


async def provider(deps: Deps, reference: Reference) -> None:
    async with deps.db.writes.begin() as session:
        await providers.add(session, deps.vault, "axb", account(reference), by="admin", now=NOW)
        await providers.switch(session, "axb", on=True, by="other", now=NOW)


async def entries(deps: Deps) -> list[LedgerRow]:
    return [row async for row in reading.every(deps.db, reading.LedgerFilter())]


async def acts(deps: Deps) -> list[str]:
    return [row.act for row in await entries(deps)]


async def call(deps: Deps, viewer: Viewer, no: str, mine: str = OFFICER) -> pressing.Given:
    return await pressing.press(deps, viewer, no, mine=mine)


async def everything(deps: Deps) -> str:
    """Every value of every row, as it is stored."""
    found: list[str] = []
    async with deps.db.reads() as session:
        for table in (CallBack, TicketEvent, HeldIdentity, NumbersProvider):
            rows = await session.execute(sa.select(table.__table__))
            found += [repr(tuple(row)) for row in rows]
    found += [f"{r.old}{r.new}{r.reason}{r.detail}{r.subject}" for r in await entries(deps)]
    return "\n".join(found)


async def test_a_press_gives_a_number_that_reaches_the_citizen(deps: Deps, reference: Reference) -> None:
    no = await case(deps)
    await provider(deps, reference)
    given = await call(deps, MINE, no)
    assert await reference.dial(OFFICER, given.number) == CITIZEN
    assert given.until > NOW
    # Pressed again: the same number, nothing more is asked, and one's own number is known by now.
    asked = (await reference.bindings())["asked"]
    assert (await call(deps, MINE, no, mine="")).number == given.number
    assert (await reference.bindings())["asked"] == asked
    told = await everything(deps)
    assert CITIZEN not in told
    assert OFFICER not in told
    assert given.number not in told
    asked_row, made = [row for row in await entries(deps) if row.case_no == no]
    assert (asked_row.act, made.act, made.who) == ("identity.call_asked", "identity.called", "officer")
    assert made.detail["provider"] == "axb"
    assert str(made.detail["reference"]).startswith("bind-")


async def test_the_event_is_no_contact_and_no_move(deps: Deps, reference: Reference) -> None:
    no = await case(deps)
    await provider(deps, reference)
    async with deps.db.reads() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        before, _ = await standings.stand(session, deps.tables, ticket, now=NOW)
    await call(deps, MINE, no)
    async with deps.db.reads() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        after, _ = await standings.stand(session, deps.tables, ticket, now=NOW)
        tags = list(await session.scalars(sa.select(TicketEvent.tag).order_by(TicketEvent.seq)))
    assert tags[-1] == Tag.CALLED.value
    assert histories.act_of(Tag.CALLED.value) is None
    assert (after.version, after.state, after.contacted, after.clocks) == (
        before.version, before.state, before.contacted, before.clocks,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("viewer", "told", "error"),
    [
        (officer(XUEYUAN), {}, NotFound),
        (CITY, {}, pressing.CallRefused),
        (replace(MINE, permissions=frozenset({Permission.SEE_CASES})), {}, pressing.CallRefused),
        (CITY, REPORT, pressing.CallRefused),
        (replace(CITY, permissions=MAY | {Permission.REWARD_HANDLE}), REPORT, pressing.CallRefused),
    ],
)
async def test_who_does_not_handle_it_may_not_and_that_is_written_down(
    deps: Deps, reference: Reference, viewer: Viewer, told: dict[str, bool], error: type[Exception]
) -> None:
    no = await case(deps, **told)  # type: ignore[arg-type]
    await provider(deps, reference)
    asked = (await reference.bindings())["asked"]
    with pytest.raises(error):
        await call(deps, viewer, no)
    assert (await acts(deps))[-1] == "identity.call_refused"
    assert (await reference.bindings())["asked"] == asked


async def test_a_copied_unit_sees_the_case_and_does_not_call(deps: Deps, reference: Reference) -> None:
    no = await case(deps, copies=(XUEYUAN,))
    await provider(deps, reference)
    with pytest.raises(pressing.CallRefused, match="只有承办"):
        await call(deps, officer(XUEYUAN), no)


@pytest.mark.parametrize(("viewer", "told"), [(HOTLINE, {}), (HOTLINE, REPORT), (MINE, REPORT)])
async def test_who_handles_it_may(
    deps: Deps, reference: Reference, viewer: Viewer, told: dict[str, bool]
) -> None:
    no = await case(deps, **told)  # type: ignore[arg-type]
    await provider(deps, reference)
    assert (await call(deps, viewer, no)).number


@pytest.mark.parametrize(
    ("fault", "told"),
    [("busy", "http_503"), ("real", "real_number")],
)
async def test_a_failure_is_told_in_words_and_the_way_out_stays(
    deps: Deps, reference: Reference, fault: str, told: str
) -> None:
    no = await case(deps)
    await provider(deps, reference)
    await reference.misbehave(fault)
    with pytest.raises(pressing.CallFailed, match=rf"{told}.*写明理由查看电话") as caught:
        await call(deps, MINE, no)
    assert CITIZEN not in f"{caught.value}{caught.value.__cause__}{caught.value.__context__!r}"
    assert (await acts(deps))[-1] == "identity.call_failed"
    # It is not in the way of the next press.
    assert (await call(deps, MINE, no)).number


async def test_nobody_asks_without_end(deps: Deps, reference: Reference) -> None:
    await provider(deps, reference)
    row = deps.tables.reveals.call(NOW)
    few = replace(deps.tables.reveals, calls=(replace(row, most=1),))
    limited = replace(deps, tables=replace(deps.tables, reveals=few))
    numbers = [await case(limited), *await add_tickets(deps.db, TicketIn())]
    await call(limited, MINE, numbers[0])
    with pytest.raises(TooOften):
        await call(limited, MINE, numbers[1])


async def test_what_is_lacking_is_said(deps: Deps, reference: Reference) -> None:
    no = await case(deps)
    with pytest.raises(pressing.NoProvider):
        await call(deps, MINE, no)
    await provider(deps, reference)
    with pytest.raises(pressing.NoOwnNumber):
        await call(deps, MINE, no, mine="")
    with pytest.raises(BadInput, match="11 位手机号"):
        await call(deps, MINE, no, mine="110")


async def test_an_answer_that_is_waited_for_is_not_asked_for_twice(deps: Deps, reference: Reference) -> None:
    no = await case(deps)
    await provider(deps, reference)
    async with deps.db.writes.begin() as session:
        await own_number.put(session, deps.vault, MINE.login, OFFICER, now=NOW)
        ticket_id = await session.scalar(sa.select(Ticket.id).where(Ticket.no == no))
        session.add(CallBack(
            key="k", ticket_id=ticket_id or 0, login=MINE.login, provider_id=1, asked_at=NOW
        ))  # fmt: skip
    with pytest.raises(pressing.UnderWay):
        await call(deps, MINE, no)
    later = replace(deps, clock=FixedClock(NOW + pressing.UNDER_WAY))
    assert (await call(later, MINE, no)).number


async def test_two_persons_set_a_provider_up(deps: Deps, reference: Reference) -> None:
    async with deps.db.writes.begin() as session:
        await providers.add(session, deps.vault, "axb", account(reference), by="admin", now=NOW)
        with pytest.raises(AnotherPerson):
            await providers.switch(session, "axb", on=True, by="admin", now=NOW)
        assert await providers.active(session) is None
        row = await providers.switch(session, "axb", on=True, by="other", now=NOW)
        assert row.enabled
        # Whoever changes it takes it out of use.
        changed = await providers.change(
            session, deps.vault, "axb", account(reference, prefix="+86"), by="other", now=NOW
        )
        assert (changed.enabled, changed.changed_by) == (False, "other")
        with pytest.raises(BadInput, match="换了服务器"):
            await providers.change(
                session, deps.vault, "axb",
                ProviderIn("参考服务", {"url": "https://elsewhere.example/bindings"}), by="other", now=NOW,
            )  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "绑定接口地址"),
        ({"url": "ftp://x"}, "形如 https"),
        ({"url": "https://x.example", "request": "a = {name}"}, "请求字段"),
        ({"url": "https://x.example", "answer": "code = c"}, "答复字段"),
        ({"url": "https://x.example", "prefix": "中国"}, "号码前缀"),
        ({"url": "https://x.example", "other": "1"}, "没有这一项设置"),
    ],
)
def test_settings_that_cannot_be_used_are_named(settings: dict[str, str], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        providers.settled(settings, ())


async def test_what_is_kept_goes_by_its_rows(deps: Deps, reference: Reference) -> None:
    no = await case(deps)
    await provider(deps, reference)
    given = await call(deps, MINE, no)
    over = replace(deps, clock=FixedClock(given.until))
    await keeping.Keeper(over).keep()
    async with deps.db.reads() as session:
        assert list(await session.scalars(sa.select(CallBack.number))) == [None]
        assert await own_number.hint(session, "officer") == "139****0001"
        assert await pressing.standing(session, deps.vault, MINE, 1, now=given.until) is None
    days = max(
        retention_rows.row_of(deps.tables.retention, kept, NOW).keep_days
        for kept in (Kept.CALL, Kept.OWN_NUMBER)
    )
    late = replace(deps, clock=FixedClock(NOW + timedelta(days=days + 1)))
    keeper = keeping.Keeper(late)
    assert await keeper.keep() is False
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(CallBack)) == 0
        assert await own_number.hint(session, "officer") is None
    assert {"identity.calls_pruned", "staff.number_removed"} <= set(await acts(deps))


async def test_ones_own_number_is_forgotten_when_asked(deps: Deps) -> None:
    async with deps.db.writes.begin() as session:
        await own_number.put(session, deps.vault, "officer", "010-6400 0000", now=NOW)
        assert await own_number.used(session, deps.vault, "officer", now=NOW) == "01064000000"
        assert await own_number.forget(session, "officer", now=NOW)
        assert not await own_number.forget(session, "officer", now=NOW)
        assert await own_number.used(session, deps.vault, "officer", now=NOW) is None


async def test_a_number_that_another_phone_reaches_is_not_shown_any_more(
    deps: Deps, reference: Reference
) -> None:
    """The provider lets nobody through but the phone that the binding was made for."""
    no = await case(deps)
    await provider(deps, reference)
    first = await call(deps, MINE, no)
    assert (await call(deps, MINE, no)).number == first.number, "typed once more: the same phone"
    assert (await acts(deps)).count("staff.number") == 1
    other = "13800000002"
    second = await call(deps, MINE, no, mine=other)
    assert await reference.dial(other, second.number) == CITIZEN
    async with deps.db.writes.begin() as session:
        await own_number.put(session, deps.vault, "someone", OFFICER, now=NOW)
        await own_number.put(session, deps.vault, "officer", "010-6400 0000", now=NOW)
    async with deps.db.reads() as session:
        assert await pressing.standing(session, deps.vault, MINE, 1, now=NOW) is None
    third = await call(deps, MINE, no, mine="")
    async with deps.db.writes.begin() as session:
        assert await own_number.forget(session, "someone", now=NOW)
        assert (await pressing.standing(session, deps.vault, MINE, 1, now=NOW)) == third
        assert await own_number.forget(session, "officer", now=NOW)
        assert await pressing.standing(session, deps.vault, MINE, 1, now=NOW) is None
    with pytest.raises(pressing.NoOwnNumber):
        await call(deps, MINE, no, mine="")


@pytest.mark.parametrize("other", ["13800000002", None])
async def test_a_number_that_is_asked_for_while_ones_own_changes_is_not_given(
    deps: Deps, reference: Reference, monkeypatch: pytest.MonkeyPatch, other: str | None
) -> None:
    """It stood, and was shown for as long as it lasts, though only the old phone reached anybody by it."""
    no = await case(deps)
    await provider(deps, reference)
    bound = pressing._bound

    async def slow(deps: Deps, pressed: pressing._Pressed, *, now: datetime) -> Binding:
        binding = await bound(deps, pressed, now=now)
        async with deps.db.writes.begin() as session:
            await own_number.forget(session, "officer", now=NOW)
            for number in filter(None, [other]):
                await own_number.put(session, deps.vault, "officer", number, now=NOW)
        return binding

    with monkeypatch.context() as patch:
        patch.setattr(pressing, "_bound", slow)
        with pytest.raises(pressing.CallFailed, match="请再按一次"):
            await call(deps, MINE, no)
    async with deps.db.reads() as session:
        assert await pressing.standing(session, deps.vault, MINE, 1, now=NOW) is None
        assert list(await session.scalars(sa.select(CallBack.failure))) == [own_number.CHANGED]
        assert Tag.CALLED.value not in list(await session.scalars(sa.select(TicketEvent.tag)))
    last = (await entries(deps))[-1]
    assert (last.act, last.detail["code"]) == ("identity.call_failed", own_number.CHANGED)
    assert str(last.detail["reference"]).startswith("bind-")
    again = await call(deps, MINE, no, mine=other or OFFICER)
    assert await reference.dial(other or OFFICER, again.number) == CITIZEN


async def test_a_rotation_takes_them_along(deps: Deps, reference: Reference) -> None:
    no = await case(deps)
    await provider(deps, reference)
    given = await call(deps, MINE, no)
    renewed = Vault({2: bytes([7]) * 32, 1: bytes(32)})
    async with deps.db.writes.begin() as session:
        for place in PLACES:
            await rotating.step(session, renewed, place, now=NOW)
    newer = replace(deps, vault=Vault({2: bytes([7]) * 32}))
    async with deps.db.writes.begin() as session:
        ticket_id = await session.scalar(sa.select(Ticket.id).where(Ticket.no == no))
        again = await pressing.standing(session, newer.vault, MINE, ticket_id or 0, now=NOW)
        assert again is not None
        assert again.number == given.number
        assert await own_number.used(session, newer.vault, "officer", now=NOW) == OFFICER
        row = await providers.active(session)
        assert row is not None
        await providers.opened(newer, row).close()
