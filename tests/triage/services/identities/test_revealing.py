"""查看身份: who may, who may not, and that every look and every refusal is written down."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.appeals import Appeal, Appellant, Reading
from models.corrections import Correction
from models.notices import Notice
from models.rewards import Reward
from models.ticket_detail import whole_ticket
from models.tickets import Ticket
from models.viewing import ALL, Scope, Viewer
from models.vocab import AppealType, Post
from models.vocab_identities import IdentityField
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_staff import Permission
from tests.factories import NOW, TicketIn, add_tickets
from triage.clock import FixedClock
from triage.errors import BadInput, NotFound
from triage.services.auditing import reading
from triage.services.deps import Deps
from triage.services.identities import holding, revealing
from triage.services.identities.holding import Holder
from triage.services.identities.revealing import Reason, RevealRefused
from triage.services.identities.shapes import shape
from triage.services.limiting import TooOften
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database
    from models.ledger import LedgerRow

WANGJING, XUEYUAN, ECOLOGY = "110105026", "110108010", "110105-ecology"
VAULT = Vault({1: bytes(32)})
WHY = Reason("contact", "电话约现场查看")
SEE = frozenset({Permission.SEE_CASES, Permission.REVEAL})


def officer(unit: str, *, own: bool = True) -> Viewer:
    units = frozenset({unit})
    scope = Scope(units=units, own=units if own else frozenset())
    return Viewer("officer", scope, unit_code=unit, permissions=SEE, posts=frozenset({Post.UNIT}))


HOTLINE = Viewer("clerk", ALL, permissions=SEE, posts=frozenset({Post.HOTLINE}))
#: Sees the whole city, and handles nothing.
CITY = Viewer("city", ALL, permissions=SEE, posts=frozenset({Post.SUPERVISOR}))


REWARDS = replace(CITY, permissions=SEE | {Permission.REWARD_HANDLE})
#: Of a street, with a role in the bureau as well.
TWO = replace(
    officer(WANGJING), scope=Scope(units=frozenset({WANGJING, ECOLOGY}), own=frozenset({WANGJING, ECOLOGY}))
)


@pytest.fixture
def deps(sqlite_db: Database) -> Deps:
    return Deps(Settings(), FixedClock(NOW), triage.tables.load(), sqlite_db, VAULT)


async def case(deps: Deps, *, report: bool = False, confidential: bool = False, party: str = "工地") -> str:
    (no,) = await add_tickets(deps.db, TicketIn(copies=("110105", XUEYUAN)))
    async with deps.db.writes.begin() as session:
        appeal_id = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
        sealed = {
            name: VAULT.seal(value, belongs_to=f"appellant.{name}:{appeal_id}")
            for name, value in {
                "name": "张示例", "phone": "13800005678", "original": '{"text": "我叫张示例，请回电"}',
            }.items()
        }  # fmt: skip
        await session.execute(sa.insert(Appellant).values(appeal_id=appeal_id, created_at=NOW, **sealed))
        kind = AppealType.REPORT if report else AppealType.COMPLAINT
        await session.execute(sa.update(Ticket).values(appeal_type=kind.value))
        await session.execute(sa.update(Appeal).values(confidential=confidential))
        detail = await session.scalar(sa.select(Reading.detail))
        await session.execute(sa.update(Reading).values(detail={**(detail or {}), "party": party}))
    return no


async def look(deps: Deps, viewer: Viewer, no: str, reason: Reason = WHY) -> str:
    return await revealing.look(deps, viewer, Holder(no), field=IdentityField.PHONE, reason=reason)


async def entries(deps: Deps) -> list[LedgerRow]:
    return [row async for row in reading.every(deps.db, reading.LedgerFilter())]


async def test_a_look_gives_one_field_and_is_written_down(deps: Deps) -> None:
    no = await case(deps)
    assert await look(deps, officer(WANGJING), no) == "13800005678"
    (row,) = await entries(deps)
    assert (row.who, row.act, row.case_no) == ("officer", LedgerAct.REVEALED.value, no)
    assert (row.detail, row.reason) == ({"field": "phone", "reason": "contact"}, "联系诉求人：电话约现场查看")
    assert "5678" not in f"{row.old}{row.new}{row.reason}{row.detail}{row.subject}"


@pytest.mark.parametrize(
    ("viewer", "told"),
    [
        (officer(WANGJING), {}),
        (HOTLINE, {"report": True, "confidential": True}),
        (officer(WANGJING), {"report": True, "confidential": True}),
        (officer(ECOLOGY), {"report": True}),
        (officer(XUEYUAN), {}),
        (CITY, {}),
    ],
)
async def test_who_handles_it_may(deps: Deps, viewer: Viewer, told: dict[str, bool]) -> None:
    assert await look(deps, viewer, await case(deps, **told)) == "13800005678"  # type: ignore[arg-type]


async def test_a_rewards_people_may_see_who_is_to_be_paid(deps: Deps) -> None:
    no = await case(deps, report=True)
    async with deps.db.writes.begin() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        session.add(Reward(
            no="J2026AAAAAAAAAA", version=1, state="candidate", root_ticket_id=ticket.id,
            winner_appeal_id=ticket.appeal_id, kind="WAT-02", reported_at=NOW, real_name=True, exclusions=[],
            insider=False, rewarded_before=False, reoffended=False, reporters=1, parts=[], verdict={},
            proof=[], checks=[], found_at=NOW,
        ))  # fmt: skip
    assert await look(deps, REWARDS, no) == "13800005678"


@pytest.mark.parametrize(
    ("viewer", "told", "why"),
    [
        (replace(officer(WANGJING), permissions=frozenset({Permission.SEE_CASES})), {}, "权限"),
        (CITY, {"report": True}, "举报"),
        (CITY, {"confidential": True}, "保密"),
        (officer(XUEYUAN), {"report": True}, "举报"),
        (officer(WANGJING), {"party": "望京街道办事处"}, "被反映单位"),
        (officer(WANGJING), {"party": "望京街道办", "report": True}, "被反映单位"),
        (officer(ECOLOGY), {"party": "朝阳区生态环境局"}, "被反映单位"),
        (REWARDS, {"report": True}, "没有奖励在办"),
        # Of two units, one is reported.
        (TWO, {"party": "朝阳区生态环境局"}, "被反映单位"),
    ],
)
async def test_who_does_not_may_not_and_that_is_written_down(
    deps: Deps, viewer: Viewer, told: dict[str, str], why: str
) -> None:
    no = await case(deps, **told)  # type: ignore[arg-type]
    with pytest.raises(RevealRefused, match=why):
        await look(deps, viewer, no)
    (row,) = await entries(deps)
    assert (row.act, row.case_no) == (LedgerAct.REVEAL_REFUSED.value, no)


@pytest.mark.parametrize(
    ("said", "guarded"),
    [
        ((), False),
        ((AppealType.REPORT,), True),
        # The last one stands.
        ((AppealType.REPORT, AppealType.COMPLAINT), False),
        ((AppealType.COMPLAINT, AppealType.REPORT), True),
    ],
)
async def test_a_report_that_the_model_missed_is_guarded_once_a_clerk_says_so(
    deps: Deps, said: tuple[AppealType, ...], *, guarded: bool
) -> None:
    no = await case(deps)
    async with deps.db.writes.begin() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        session.add_all(
            Correction(
                ticket_id=ticket.id, appeal_id=ticket.appeal_id, field="appeal_type", old=None, new=one.value,
                by="clerk", at=NOW, model_version="v",
            )
            for one in said
        )  # fmt: skip
    copied = officer(XUEYUAN)
    async with deps.db.reads() as session:
        facts = await revealing.facts_of(session, copied, no)
        whole = await whole_ticket(session, copied, no)
        assert whole is not None
        told = await revealing.refusal(session, copied, facts, IdentityField.PHONE)
        assert revealing.case_of(whole) == facts
    assert (facts.guarded, told is not None) == (guarded, guarded)


async def test_what_the_platform_calls_a_report_guards_its_reporter(deps: Deps) -> None:
    no = await case(deps)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Appeal).values(told_type=AppealType.REPORT.value))
    async with deps.db.reads() as session:
        facts = await revealing.facts_of(session, officer(XUEYUAN), no)
    assert facts.guarded


@pytest.mark.parametrize(
    ("viewer", "told"),
    [(officer("110101"), {}), (officer(XUEYUAN), {"confidential": True})],
)
async def test_a_case_that_is_not_seen_is_not_there(
    deps: Deps, viewer: Viewer, told: dict[str, bool]
) -> None:
    no = await case(deps, **told)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        await look(deps, viewer, no)
    assert len(await entries(deps)) == 1


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        (Reason("", "电话约现场查看"), "理由"),
        (Reason("curious", "电话约现场查看"), "理由"),
        (Reason("contact", " 想 "), "至少 4 个字"),
    ],
)
async def test_a_reason_is_asked_for(deps: Deps, reason: Reason, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        await look(deps, HOTLINE, await case(deps), reason)
    assert await entries(deps) == []


async def test_a_reason_lets_one_look_at_what_it_needs_alone(deps: Deps) -> None:
    no = await case(deps)
    with pytest.raises(BadInput, match="不需要看未遮盖的原文"):
        await revealing.look(deps, HOTLINE, Holder(no), field=IdentityField.ORIGINAL, reason=WHY)
    check = Reason("check", "原文遮盖后看不懂地点")
    words = await revealing.look(deps, HOTLINE, Holder(no), field=IdentityField.ORIGINAL, reason=check)
    assert words == "内容：我叫张示例，请回电"
    same = Reason("same", "核对是否同一人")
    with pytest.raises(holding.NothingHeld):
        await revealing.look(deps, HOTLINE, Holder(no), field=IdentityField.ID_NUMBER, reason=same)


async def test_many_looks_alert_the_auditor_and_too_many_are_refused(deps: Deps) -> None:
    no = await case(deps)
    rate = deps.tables.reveals.rate(NOW)
    for _ in range(rate.most):
        await look(deps, HOTLINE, no)
    with pytest.raises(TooOften):
        await look(deps, HOTLINE, no)
    assert await look(deps, officer(WANGJING), no)
    acts = [row.act for row in await entries(deps)]
    assert acts.count(LedgerAct.REVEAL_ALERT.value) == 1
    assert acts.index(LedgerAct.REVEAL_ALERT.value) == rate.alert + 1
    async with deps.db.reads() as session:
        (notice,) = (await session.scalars(sa.select(Notice))).all()
    assert (notice.recipient_kind, notice.recipient, notice.urgency) == ("post", "auditor", "U2")
    assert notice.facts == {"told": f"有人一小时内查看身份信息超过 {rate.alert} 次"}
    assert acts[-2:] == [LedgerAct.REVEAL_REFUSED.value, LedgerAct.REVEALED.value]


async def test_nothing_is_given_when_it_cannot_be_written_down(deps: Deps) -> None:
    no = await case(deps)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.text("ALTER TABLE ledger RENAME TO elsewhere"))
    with pytest.raises(sa.exc.OperationalError):
        await look(deps, HOTLINE, no)


async def test_an_account_is_held_for_a_claim_and_shown_to_the_rewards_people_alone(deps: Deps) -> None:
    no = await case(deps, report=True)
    claim = Holder(no, SubjectKind.REWARD, "R-1")
    async with deps.db.writes.begin() as session:
        hint = await holding.put(
            session, VAULT, claim, IdentityField.ACCOUNT, "6222 0000 0000 1234", by="officer", now=NOW
        )
    async with deps.db.reads() as session:
        hints = await holding.hints(session, SubjectKind.REWARD, "R-1")
    assert hints == {IdentityField.ACCOUNT: hint} == {IdentityField.ACCOUNT: "****1234"}
    pay = Reason("reward", "转账前核对账号")
    account = IdentityField.ACCOUNT
    payer = replace(CITY, permissions=SEE | {Permission.REWARD_PAY})
    with pytest.raises(BadInput, match="不需要看"):
        # No reason of ours names it: who is paid stands in the bank's file alone.
        await revealing.look(deps, payer, claim, field=account, reason=pay)
    table = deps.tables.reveals
    reasons = tuple(replace(row, fields=(*row.fields, account)) for row in table.reasons)
    deps = replace(deps, tables=replace(deps.tables, reveals=replace(table, reasons=reasons)))
    assert await revealing.look(deps, payer, claim, field=account, reason=pay) == "6222000000001234"
    with pytest.raises(RevealRefused):
        await revealing.look(deps, officer(WANGJING), claim, field=account, reason=pay)
    with pytest.raises(BadInput):
        async with deps.db.writes.begin() as session:
            await holding.put(session, VAULT, claim, account, "62a", by="officer", now=NOW)


@pytest.mark.parametrize(
    ("field", "value", "masked"),
    [
        (IdentityField.NAME, "张示例", "张**"),
        (IdentityField.PHONE, "13800005678", "138****5678"),
        (IdentityField.PHONE, "5678", "****"),
        (IdentityField.ID_NUMBER, "110101199001011234", "1101**********1234"),
        (IdentityField.ACCOUNT, "6222000000001234", "****1234"),
        (IdentityField.ORIGINAL, "我叫张示例", "****"),
    ],
)
def test_shapes(field: IdentityField, value: str, masked: str) -> None:
    assert shape(field, value) == masked
