"""是本人吗: number and phone are known to whoever may look at identities, and open no reward."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from connectors.vault import Vault
from models.appeals import Appellant
from models.identities import IdentityLook
from models.ledger import LedgerRow
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_rewards import RewardAct
from tests.factories import NOW
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bed import HANDLER, LEGAL
from triage.rules.rewards.stepping import StepRefused
from triage.services import ledger
from triage.services.auditing import keeping
from triage.services.rewards import acting, book, claiming, owning

if TYPE_CHECKING:
    from models.rewards import Reward
    from triage.rules.rewards.stepping import Doer
    from triage.services.deps import Deps

CHECKED = "当面看过身份证"


async def approved(deps: Deps, *, access: bool) -> Reward:
    (no,) = await bed.reports(deps.db, access=access)
    await bed.named(deps, no)
    await bed.sweep(deps)
    return await bed.approved(deps)


async def taken(deps: Deps, reward: Reward, secret: str = "") -> list[claiming.Code]:
    async with deps.db.writes.begin() as session:
        return await claiming.give(session, deps, reward.winner_appeal_id, secret, now=deps.clock.now())


async def looked_up(deps: Deps, login: str, appeal_id: int) -> None:
    """As `revealing.reveal` writes it down."""
    async with deps.db.writes.begin() as session:
        ledger.write(
            session, who=login, act=LedgerAct.REVEALED, now=deps.clock.now(),
            subject=ledger.Subject(SubjectKind.APPEAL, str(appeal_id), "x"),
        )  # fmt: skip


async def test_a_case_that_is_open_gives_no_code_without_what_its_sender_alone_was_shown(lite: Deps) -> None:
    reward = await approved(lite, access=True)
    for secret in ("", "ABCD2346", "13912340007"):
        with pytest.raises(owning.NotTheirs):
            await taken(lite, reward, secret)
    assert [one.number for one in await taken(lite, reward, "abcd-2345")] == [1]


async def attested(deps: Deps, doer: Doer) -> str:
    """As the page does: the step, and the word that the officer is shown."""
    reward = await bed.the_reward(deps)
    wish = book.Wish(reward.no, RewardAct.ATTEST, reward.version, CHECKED)
    async with deps.db.writes.begin() as session:
        reward = await acting.act(session, deps.tables, doer, wish, now=deps.clock.now())
        return owning.hand_over(deps, reward)


async def test_who_called_is_checked_in_person_and_takes_the_code_the_same_day(lite: Deps) -> None:
    reward = await approved(lite, access=False)
    with pytest.raises(owning.NotTheirs):
        await taken(lite, reward)
    with pytest.raises(StepRefused, match="由法制复核、财务复核办理"):
        await attested(lite, HANDLER)
    word = await attested(lite, LEGAL)
    with pytest.raises(owning.NotTheirs):
        await taken(bed.at(lite, NOW + timedelta(days=1)), reward, word)
    assert len(await taken(lite, reward, word)) == 1


async def test_the_check_in_person_opens_the_code_with_its_word_alone_and_once(lite: Deps) -> None:
    reward = await approved(lite, access=False)
    first = await attested(lite, LEGAL)
    word = await attested(lite, LEGAL)
    # Whoever has number and phone can open the case; a word of before is void.
    for secret in ("", first, "ABCD2346"):
        with pytest.raises(owning.NotTheirs):
            await taken(lite, reward, secret)
    assert word not in repr(vars(await bed.the_reward(lite)))
    assert len(await taken(lite, reward, f"{word[:5]}-{word[5:]}".lower())) == 1
    with pytest.raises(owning.NotTheirs):
        await taken(lite, reward, word)


async def test_whoever_looked_the_reporter_up_does_not_attest(lite: Deps) -> None:
    reward = await approved(lite, access=False)
    await looked_up(lite, "legal", reward.winner_appeal_id)
    with pytest.raises(StepRefused, match="要由没有看过的人办理"):
        await attested(lite, LEGAL)
    # Nor between the check and the code.
    word = await attested(lite, bed.FINANCE)
    await looked_up(lite, "finance", reward.winner_appeal_id)
    with pytest.raises(owning.NotTheirs):
        await taken(lite, reward, word)


async def pruned(deps: Deps) -> None:
    """A year later, and somebody else did something since."""
    later = deps.clock.now() + timedelta(days=400)
    await looked_up(bed.at(deps, later), "other", 1)
    async with deps.db.writes.begin() as session:
        assert await keeping.prune(session, Vault({1: bytes(32)}), before=later, now=later)


async def test_who_looked_the_reporter_up_does_not_attest_though_the_ledger_let_go_of_it(deps: Deps) -> None:
    reward = await approved(deps, access=False)
    await looked_up(deps, "legal", reward.winner_appeal_id)
    await pruned(deps)
    assert not await told_by_the_ledger(deps, "legal")
    with pytest.raises(StepRefused, match="要由没有看过的人办理"):
        await attested(deps, LEGAL)
    await attested(deps, bed.FINANCE)


async def told_by_the_ledger(deps: Deps, login: str) -> bool:
    async with deps.db.reads() as session:
        return (
            await session.scalar(sa.select(LedgerRow.seq).where(LedgerRow.who == login).limit(1)) is not None
        )


async def test_who_looked_is_kept_no_longer_than_there_is_something(deps: Deps) -> None:
    reward = await approved(deps, access=False)
    for login in ("legal", "legal", "finance"):
        await looked_up(deps, login, reward.winner_appeal_id)
    await pruned(deps)
    kept = sa.select(IdentityLook.login).order_by(IdentityLook.login)
    async with deps.db.reads() as session:
        assert list(await session.scalars(kept)) == ["finance", "legal"]
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Appellant).values(name=None, phone=None))
    await pruned(bed.at(deps, NOW + timedelta(days=1)))
    async with deps.db.reads() as session:
        assert list(await session.scalars(kept)) == []
