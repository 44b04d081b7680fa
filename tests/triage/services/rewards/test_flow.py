"""From a report to a payment: who wins, who may do what, what is paid, and what is not paid twice."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.leads import Lead, MediaExposure
from models.ledger import LedgerRow
from models.rewards import RewardEvent, RewardInspection, RewardSeen
from models.tickets import Ticket, TicketEvent
from models.vocab import State
from models.vocab_rewards import Exclusion, RewardAct, RewardOutcome, RewardState, ShareState
from tests.factories import NOW, TicketIn
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bank import gathered, paid
from tests.triage.services.rewards.bed import FINANCE, HANDLER, HEAD, LEGAL, PAYER, REPORT
from triage.errors import BadInput
from triage.rules.rewards.stepping import Doer, StepRefused
from triage.services.rewards import acting, book, claiming, clocking, outcomes, settling

if TYPE_CHECKING:
    from triage.services.deps import Deps


def aged(hours: int, **more: object) -> TicketIn:
    """The report, sent so many hours ago."""
    fields = {name: getattr(REPORT, name) for name in TicketIn.__slots__}
    return TicketIn(**{**fields, "age": timedelta(hours=hours), **more})


async def test_the_whole_way(deps: Deps) -> None:
    await bed.reports(deps.db)
    assert await bed.sweep(deps) == 1
    assert await bed.sweep(deps) == 0
    reward = await bed.approved(deps)
    assert (reward.state, reward.amount_fen) == (RewardState.NOTIFIED, 500_000)
    given = await bed.claimed(deps)
    assert len(given) == 1
    batch = await gathered(deps)
    assert await paid(deps, batch.no) == settling.Taken(1, 0, repeated=False)
    (share,) = await bed.shares(deps)
    assert (share.state, share.amount_fen) == (ShareState.PAID, 500_000)
    await bed.do(deps, HANDLER, RewardAct.ARCHIVE)
    assert await bed.acts(deps) == [
        "found", "outcome", "state", "verify", "legal_pass", "finance_pass", "approve", "notify", "code",
        "claim", "export", "pay", "archive",
    ]  # fmt: skip


async def test_the_timetable_looks_at_what_moved_and_at_its_start_at_everything(
    lite: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clocking, "OVERLAP", 0)

    async def looked() -> bool:
        """Whether it was looked at since it moved; it moves again."""
        async with lite.db.writes.begin() as session:
            found = await session.scalar(sa.select(RewardSeen.version)) == await session.scalar(
                sa.select(Ticket.version)
            )
            await session.execute(sa.update(Ticket).values(version=Ticket.version + 1))
        return found

    await bed.reports(lite.db)
    ticker = clocking.Ticker(lite)
    await ticker.tick()
    assert await looked()
    await ticker.tick()
    assert not await looked()
    async with lite.db.writes.begin() as session:
        session.add(TicketEvent(ticket_id=1, seq=50, at=NOW, tag="ticket:urge", data={}))
    await ticker.tick()
    assert await looked()
    await clocking.Ticker(lite).tick()
    assert await looked()


async def test_the_first_valid_report_wins_and_the_proof_says_why(deps: Deps) -> None:
    late, early, short = await bed.reports(deps.db, aged(2), aged(5), aged(9, text="臭", title="臭"))
    await bed.merged(deps.db, early, late)
    await bed.merged(deps.db, short, late)
    await bed.sweep(deps)
    reward = await bed.the_reward(deps)
    assert reward.winner_appeal_id == await bed.appeal_of(deps, early)
    assert [(one["place"], one["why"]) for one in reward.proof] == [
        (1, "第一有效举报"), (2, "有效，按到达先后第 2"), (None, "缺写得太短")
    ]  # fmt: skip


async def test_an_earlier_report_that_turns_up_later_wins_until_it_is_verified(deps: Deps) -> None:
    late, early, first = await bed.reports(deps.db, aged(2), aged(5), aged(9))
    await bed.merged(deps.db, first, early)
    await bed.sweep(deps)
    assert len(await bed.rewards(deps)) == 2
    await bed.merged(deps.db, early, late)
    await bed.sweep(deps)
    standing = {one.state: one for one in await bed.rewards(deps)}
    assert set(standing) == {RewardState.CANDIDATE, RewardState.JOINED}
    assert standing[RewardState.CANDIDATE].winner_appeal_id == await bed.appeal_of(deps, first)
    # Taken apart again, each has its own.
    await bed.split(deps.db, early, late)
    await bed.sweep(deps)
    found = await bed.rewards(deps)
    assert [one.state for one in found] == [RewardState.CANDIDATE] * 2
    assert {one.winner_appeal_id for one in found} == {await bed.appeal_of(deps, no) for no in (late, first)}


async def test_what_was_verified_stands(lite: Deps) -> None:
    (late,) = await bed.reports(lite.db, aged(2))
    await bed.sweep(lite)
    await bed.fined(lite)
    await bed.state(lite, ruleset="CQ-2025")
    await bed.do(lite, HANDLER, RewardAct.VERIFY)
    (early,) = await bed.reports(lite.db, aged(5), access=False)
    await bed.merged(lite.db, early, late)
    assert await bed.sweep(lite) == 1
    reward = await bed.the_reward(lite)
    assert reward.winner_appeal_id == await bed.appeal_of(lite, late)


async def test_looking_at_once_gives_one_candidate(postgres_db: object, deps: Deps) -> None:
    del postgres_db
    numbers = await bed.reports(deps.db, *(aged(3) for _ in range(8)))
    for no in numbers[1:]:
        await bed.merged(deps.db, no, numbers[0])
    await asyncio.gather(*(bed.sweep(deps) for _ in range(8)))
    reward = await bed.the_reward(deps)
    assert reward.winner_appeal_id == await bed.appeal_of(deps, numbers[0])
    assert len(reward.proof) == 8


@pytest.mark.parametrize(
    "item",
    [aged(2, kind="NOI-02"), aged(2, state=State.HANDLING), aged(2, kind="AIR-02")],
    ids=["noise", "not answered", "no reward"],
)
async def test_what_is_no_candidate(lite: Deps, item: TicketIn) -> None:
    await bed.reports(lite.db, item)
    assert await bed.sweep(lite) == 0
    assert await bed.rewards(lite) == []


async def test_a_report_from_before_the_rules_is_no_candidate(lite: Deps) -> None:
    await bed.reports(lite.db, aged(24 * 365 * 8))
    assert await bed.sweep(lite) == 1
    assert await bed.rewards(lite) == []


async def test_a_complaint_is_no_candidate_and_a_report_in_confidence_is(lite: Deps) -> None:
    (no,) = await bed.reports(lite.db)
    async with lite.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).values(appeal_type="投诉"))
    assert await bed.sweep(lite) == 0
    async with lite.db.writes.begin() as session:
        await session.execute(sa.text("UPDATE appeal SET confidential = true"))
    assert await bed.sweep(lite) == 1
    assert (await bed.the_reward(lite)).winner_appeal_id == await bed.appeal_of(lite, no)


async def test_media_before_the_report_exclude_and_lists_hint(deps: Deps) -> None:
    complaint, no = await bed.reports(deps.db, aged(30), aged(2))
    await bed.merged(deps.db, no, complaint)
    appeal_id = await bed.appeal_of(deps, no)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.no == complaint).values(appeal_type="投诉"))
        lead = Lead(
            version=1, source="x", url_hash="0" * 64, text="黑水", seen_at=NOW, state="confirmed",
            exposed_at=NOW - timedelta(hours=3), hand_out_at=NOW, kind="WAT-02", street_code="110105026",
        )  # fmt: skip
        session.add(lead)
        session.add(RewardInspection(
            list="市级督察 2026-10", line=7, listed_on=NOW.date() - timedelta(days=9), party="某印刷厂",
            kind="WAT-02", district_code="110105", street_code="110105026",
        ))  # fmt: skip
        await session.flush()
        session.add(MediaExposure(appeal_id=appeal_id, lead_id=lead.id, exposed_at=lead.exposed_at))
    await bed.sweep(deps)
    reward = await bed.the_reward(deps)
    assert reward.exclusions == [Exclusion.EXPOSED_BY_MEDIA]
    assert [(one["exclusion"], one["certain"]) for one in reward.checks] == [
        ("exposed_by_media", True), ("already_known_to_bureau", False), ("exposed_by_media", False),
        ("already_known_to_bureau", False),
    ]  # fmt: skip
    await bed.fined(deps)
    with pytest.raises(StepRefused, match="已经媒体曝光"):
        await bed.do(deps, HANDLER, RewardAct.VERIFY)


async def test_four_people_and_no_step_twice(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    await bed.fined(lite)
    await bed.state(lite, ruleset="CQ-2025")
    both = Doer("handler", (*LEGAL.posts, *HANDLER.posts, *HEAD.posts))
    await bed.do(lite, both, RewardAct.VERIFY)
    with pytest.raises(StepRefused, match="您已作为经办办过"):
        await bed.do(lite, both, RewardAct.LEGAL_PASS)
    await bed.do(lite, LEGAL, RewardAct.LEGAL_PASS)
    with pytest.raises(StepRefused, match="您已作为法制复核办过"):
        await bed.do(lite, LEGAL, RewardAct.FINANCE_PASS)
    with pytest.raises(StepRefused, match="时不能"):
        await bed.do(lite, HEAD, RewardAct.APPROVE)
    await bed.do(lite, FINANCE, RewardAct.FINANCE_PASS)
    with pytest.raises(StepRefused, match="您已作为经办办过"):
        await bed.do(lite, both, RewardAct.APPROVE)
    with pytest.raises(StepRefused, match="由负责人办理"):
        await bed.do(lite, LEGAL, RewardAct.APPROVE)
    with pytest.raises(StepRefused, match="必须写明理由"):
        await bed.do(lite, HEAD, RewardAct.RETURN, "否")
    await bed.do(lite, HEAD, RewardAct.RETURN, "罚款金额与决定书不符")
    reward = await bed.the_reward(lite)
    assert (reward.state, reward.legal, reward.finance) == (RewardState.CANDIDATE, None, None)
    for doer, act in bed.WAY:
        await bed.do(lite, doer, act)


async def test_nobody_reviews_what_they_entered_though_another_verified_it(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    await bed.fined(lite)
    await bed.state(lite, ruleset="CQ-2025")
    await bed.do(lite, Doer("other", HANDLER.posts), RewardAct.VERIFY)
    entered = Doer(HANDLER.login, (*LEGAL.posts, *HEAD.posts))
    for act in (RewardAct.LEGAL_PASS, RewardAct.FINANCE_PASS):
        with pytest.raises(StepRefused, match="您办过这一件的“填写认定”"):
            await bed.do(lite, entered, act)
    await bed.do(lite, LEGAL, RewardAct.LEGAL_PASS)
    await bed.do(lite, FINANCE, RewardAct.FINANCE_PASS)
    with pytest.raises(StepRefused, match="您办过这一件的“填写认定”"):
        await bed.do(lite, entered, RewardAct.APPROVE)
    await bed.do(lite, HEAD, RewardAct.APPROVE)


async def test_what_the_handler_states_stands_in_the_ledger(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    await bed.state(lite, ruleset="CQ-2025", insider=True, pick=123_400)
    reward = await bed.the_reward(lite)
    async with lite.db.reads() as session:
        rows = await session.scalars(sa.select(LedgerRow).where(LedgerRow.subject == reward.no))
        (row,) = rows.all()
    assert (row.who, row.act, row.detail["act"]) == ("handler", "reward.changed", "state")
    assert (row.detail["insider"], row.detail["pick_fen"]) == (True, 123_400)


async def test_who_saw_an_older_version_is_told(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    old = (await bed.the_reward(lite)).version
    await bed.fined(lite)
    with pytest.raises(book.RewardChanged):
        await bed.do(lite, HANDLER, RewardAct.VERIFY, version=old)


async def test_an_outcome_is_checked_and_can_be_taken_back(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    outcome = await bed.fined(lite)
    reward = await bed.the_reward(lite)
    wish = book.Wish(reward.no, RewardAct.OUTCOME, reward.version)
    for new, why in (
        (outcomes.NewOutcome(RewardOutcome.FINED, "", "", None), "文号"),
        (outcomes.NewOutcome(RewardOutcome.VERIFIED, "", "", None), "文号"),
        (outcomes.NewOutcome(RewardOutcome.VERIFIED, "", "京环调〔2026〕3号", None), "日期"),
    ):
        with pytest.raises(BadInput, match=why):
            async with lite.db.writes.begin() as session:
                await outcomes.add(session, lite.tables, HANDLER, wish, new, files=(), hashes=(), now=NOW)
    async with lite.db.writes.begin() as session:
        await outcomes.withdraw(session, lite.tables, HANDLER, wish, outcome, now=NOW)
    with pytest.raises(StepRefused, match="还没有生效的处理决定"):
        await bed.do(lite, HANDLER, RewardAct.VERIFY)


async def test_beijing_asks_for_a_real_name(lite: Deps) -> None:
    (no,) = await bed.reports(lite.db)
    await bed.named(lite, no)
    await bed.sweep(lite)
    assert (await bed.the_reward(lite)).real_name
    await bed.approved(lite, ruleset=None)
    await bed.claimed(lite)
    (share,) = await bed.shares(lite)
    assert share.same_name is True


async def test_an_anonymous_report_has_no_reward_in_beijing(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    await bed.fined(lite)
    with pytest.raises(StepRefused, match="须实名"):
        await bed.do(lite, HANDLER, RewardAct.VERIFY)


async def test_a_code_is_given_once_and_nothing_else_opens(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    reward = await bed.approved(lite, reporters=2, parts=(7, 3))
    given = await bed.codes(lite, reward.winner_appeal_id)
    assert [one.number for one in given] == [1, 2]
    with pytest.raises(claiming.NothingToClaim, match="给过一次"):
        await bed.codes(lite, reward.winner_appeal_id)
    assert [share.amount_fen for share in await bed.shares(lite)] == [350_000, 150_000]
    async with lite.db.reads() as session:
        for no, code in (
            (reward.no, "2" * 12), (reward.no, ""), ("J2026AAAAAAAAAA", given[0].code), ("x", given[0].code)
        ):  # fmt: skip
            with pytest.raises(claiming.NotYours):
                await claiming.find(session, lite, no, code)
        assert await claiming.find(session, lite, reward.no, given[1].code.lower()) == 2
    stored = (await bed.shares(lite))[0].code_hash or ""
    assert stored.startswith("$argon2id$")
    assert given[0].code not in stored


@pytest.mark.parametrize(
    ("number", "good"),
    [("110105199001010010", True), ("110105199001010011", False), ("11010519900101001", False), ("", False)],
)
def test_an_id_number_adds_up(number: str, good: bool) -> None:  # noqa: FBT001  (a case)
    assert claiming.id_number_good(number) is good


async def test_the_window_of_a_claim_ends_and_can_be_opened_again(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    await bed.approved(lite)
    (share,) = await bed.shares(lite)
    last = share.claim_by
    assert last == NOW.date() + timedelta(days=90)
    for days, reminders in ((29, 0), (30, 1), (76, 2), (87, 3), (90, 3)):
        await bed.tick(bed.at(lite, NOW + timedelta(days=days)))
        (share,) = await bed.shares(lite)
        assert (share.state, share.reminders) == (ShareState.OPEN, reminders)
    later = bed.at(lite, NOW + timedelta(days=91))
    await bed.tick(later)
    (share,) = await bed.shares(lite)
    assert share.state == ShareState.WAIVED
    reward = await bed.the_reward(lite)
    wish = book.Wish(reward.no, RewardAct.REOPEN, reward.version, "住院未能按期领取", 1)
    with pytest.raises(StepRefused):
        async with lite.db.writes.begin() as session:
            await acting.act_share(session, lite.tables, HANDLER, wish, now=later.clock.now())
    async with lite.db.writes.begin() as session:
        await acting.act_share(session, lite.tables, HEAD, wish, now=later.clock.now())
    (share,) = await bed.shares(lite)
    assert share.claim_by == NOW.date() + timedelta(days=181)
    await bed.claimed(later)


async def test_fraud_is_taken_back(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    await bed.approved(lite)
    await bed.claimed(lite)
    batch = await gathered(lite)
    await paid(lite, batch.no)
    with pytest.raises(StepRefused):
        await bed.do(lite, HANDLER, RewardAct.RECOVER, "材料是伪造的")
    await bed.do(lite, HEAD, RewardAct.RECOVER, "材料是伪造的")
    for back, why in (
        (book.Recovery(), "金额"),
        (dataclasses.replace(bed.BACK, amount=500_001), "不能多于"),
        (dataclasses.replace(bed.BACK, on=NOW.date() + timedelta(days=2)), "日期"),
        (dataclasses.replace(bed.BACK, document_no=" "), "文号"),
    ):
        with pytest.raises(BadInput, match=why):
            await bed.do(lite, PAYER, RewardAct.RECOVERED, "已退回财政账户", recovery=back)
    await bed.do(lite, PAYER, RewardAct.RECOVERED, "已退回财政账户", recovery=bed.BACK)
    async with lite.db.reads() as session:
        last = (await session.scalars(sa.select(RewardEvent).order_by(RewardEvent.seq.desc()))).first()
    assert last is not None
    assert (last.data["returned"], last.data["document"]) == (480_000, "缴款书 2026-77")
    assert (await bed.do(lite, HANDLER, RewardAct.ARCHIVE)).state == RewardState.ARCHIVED
