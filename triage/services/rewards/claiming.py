"""领取: a code shown once, and who claims with it. Codes are kept as Argon2id hashes, claims sealed.

A code is given to whoever has the case open and is its sender (`owning`); of a joint report the codes of all
are given together. With candidate number and code anyone may claim:
nothing else of the case is needed, or shown.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

import argon2
import orjson
import sqlalchemy as sa

from connectors.vault import VaultError, normal_phone
from models.appeals import Appellant
from models.rewards import Reward, RewardShare
from models.vocab_citizen import Asked
from models.vocab_rewards import RewardAct, RewardState, ShareState
from triage.clock import local
from triage.errors import TriageError
from triage.rules.rewards.rows import BoundName
from triage.services import limiting
from triage.services.rewards import book, finding, owning, recovering

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from triage.services.deps import Deps

CODE_LETTERS: Final = 12
_CODE: Final = re.compile(r"[2-9A-HJ-NP-Z]{12}")
_NO: Final = re.compile(r"J\d{4}[2-9A-HJ-NP-Z]{10}")
#: Also 〇, compatibility forms, and the rarer characters of names (extensions B to H).
_HAN: Final = r"〇㐀-鿿\uf900-\ufaff\U00020000-\U000323af"
_NAME: Final = re.compile(rf"[{_HAN}·A-Za-z ]{{2,40}}")
_BANK: Final = re.compile(rf"[{_HAN}A-Za-z0-9()（） ]{{4,60}}")
_ACCOUNT: Final = re.compile(r"\d{10,30}", re.ASCII)
_PHONE: Final = re.compile(r"1[3-9]\d{9}|0\d{9,11}", re.ASCII)
_ID: Final = re.compile(r"\d{17}[\dX]", re.ASCII)
#: GB 11643: weights of the first seventeen digits, and the eighteenth by their sum.
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"
_CLAIMABLE: Final = (ShareState.OPEN.value, ShareState.FAILED.value)
#: Decided without a reward; archived ones without a sum are.
_NOT_GIVEN: Final = frozenset({RewardState.REFUSED, RewardState.ARCHIVED})
#: Told of, and over.
_OVER: Final = frozenset({RewardState.RECOVERING, RewardState.RECOVERED, RewardState.ARCHIVED})
_REFUSED: Final = "这件举报没有给予奖励。有疑问的请打 12345。"
#: Said of everything that is not decided, and to whoever does not know the 查询码: it tells neither apart.
_NONE_YET: Final = (
    "这件举报现在没有可以领取的奖励。查实并批准奖励的，会在这里给您领取码；已经办完的，填对查询码会说明结果。"
)


class NotYours(TriageError):
    """候选编号和领取码对不上，请核对后再试。"""

    code: ClassVar[str] = "not_yours"
    status: ClassVar[int] = 403


class NothingToClaim(TriageError):
    """现在没有可以领取的奖励。"""

    code: ClassVar[str] = "nothing_to_claim"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Code:
    """A code as it is shown, once."""

    reward_no: str
    number: int
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claimant gives. Never in `repr`."""

    name: str = field(repr=False)
    id_number: str = field(repr=False)
    phone: str = field(repr=False)
    bank: str = field(repr=False)
    account: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """A part as its owner sees it."""

    share_id: int
    reward_no: str
    number: int
    amount: int
    state: ShareState
    claim_by: date | None
    why: str | None
    #: Of the code that opens it now (`mark_of`): what one of before opened is this part's no more.
    mark: str = field(repr=False)


def mark_of(code_hash: str | None) -> str:
    """Tells the code that is valid now from one of before, and nothing of either."""
    return hashlib.sha256((code_hash or "").encode()).hexdigest()


def hasher(deps: Deps) -> argon2.PasswordHasher:
    """Argon2id as the settings say."""
    return argon2.PasswordHasher(time_cost=3, memory_cost=deps.settings.reward_hash_kib, parallelism=1)


async def give(
    session: AsyncSession, deps: Deps, appeal_id: int, secret: str, *, now: datetime
) -> list[Code]:
    """The codes of a case that won, once, for whoever has it open and is its sender.

    `secret`: the 查询码, or the word handed over at 当面核验. Raises NotTheirs, and NothingToClaim with
    why. What was decided otherwise is told with the 查询码 alone: number and phone open a case to others too.
    """
    found = await session.scalars(
        sa.select(Reward)
        .where(Reward.winner_appeal_id == appeal_id, Reward.state != RewardState.JOINED.value)
        .order_by(Reward.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    rewards = list(found)
    # One report, one reward: of two that were approved before that was checked, the first alone is paid.
    reward = next((one for one in rewards if finding.stands(one)), None)
    if reward is not None and reward.state == RewardState.NOTIFIED:
        await owning.check(session, deps, reward, secret, now=now)
        made = [
            await _coded(session, deps, reward, share, now=now)
            for share in await book.shares_of(session, reward.id)
            if share.code_hash is None and share.state in _CLAIMABLE
        ]
        if made:
            return made
        raise NothingToClaim(await _why(session, reward))
    refused = bool(rewards) and all(one.state in _NOT_GIVEN for one in rewards)
    over = refused if reward is None else reward.state in _OVER
    if over and await owning.knows(session, deps, appeal_id, secret):
        raise NothingToClaim(_REFUSED if reward is None else await _why(session, reward))
    raise NothingToClaim(_NONE_YET)


async def _coded(
    session: AsyncSession, deps: Deps, reward: Reward, share: RewardShare, *, now: datetime
) -> Code:
    book.step_share(deps.tables, reward, share, RewardAct.CODE, book.REPORTER, now=now)
    code = book.drawn(CODE_LETTERS)
    share.code_hash = await asyncio.to_thread(hasher(deps).hash, code)
    await book.note(session, reward, RewardAct.CODE, book.REPORTER.login, now, share=share.number)
    return Code(reward.no, share.number, code)


async def _why(session: AsyncSession, reward: Reward) -> str:
    """Why there is no code to give of a reward that was told of."""
    if reward.state == RewardState.RECOVERING or await recovering.taken_back(session, reward):
        return "这件举报的奖励按追回处理，不能领取。有疑问的请打 12345。"
    shares = await book.shares_of(session, reward.id)
    return "".join(f"第 {one.number} 份：" * (len(shares) > 1) + _why_not(one) for one in shares)


def _why_not(share: RewardShare) -> str:
    match ShareState(share.state):
        case ShareState.WAIVED:
            until = f"{share.claim_by.isoformat()} " if share.claim_by else ""
            return f"领取期限到 {until}为止，已视为放弃。有特殊情况的请打 12345 说明，核实后可以重新开放。"
        case ShareState.DECLINED:
            return "已登记为本人放弃。不是本人意思的，请打 12345 说明，核实后可以重新开放。"
        case ShareState.CLAIMED | ShareState.PAYING:
            return "已经登记领取，正在安排支付。"
        case ShareState.PAID:
            return "已经支付到登记的账号。"
        case _:
            return "领取码已经给过一次。丢失的请打 12345 说明，核对后可以重发。"


async def count_try(session: AsyncSession, deps: Deps, no: str, address: str, *, now: datetime) -> None:
    """Count a try of a code, in a transaction of its own: guessing is what is counted. Raises TooOften.

    By address it is few. Numbers are public and right codes count too: few by number would let anyone keep
    the owner out, so that limit is wide, for the work of Argon2 alone.
    """
    wide = deps.tables.rewards.bound(BoundName.TRIES, local(now).date()).value
    for who, most in (
        (f"address:{limiting.place_of(address)}", deps.settings.reward_tries),
        (f"reward:{no[:20]}", wide),
    ):
        await limiting.count(session, deps.vault, Asked.REWARD, who, most=most, now=now)


async def find(session: AsyncSession, deps: Deps, no: str, code: str) -> int:
    """The part that a code opens. Raises NotYours, the same for every reason and after the same work."""
    plain = re.sub(r"[\s-]", "", code).upper()
    good = _NO.fullmatch(no) is not None and _CODE.fullmatch(plain) is not None
    rows = (
        await session.execute(
            sa.select(RewardShare.id, RewardShare.code_hash)
            .join(Reward, Reward.id == RewardShare.reward_id)
            .where(Reward.no == (no if good else ""), RewardShare.code_hash.is_not(None))
            .order_by(RewardShare.number)
        )
    ).all()
    verify = hasher(deps)
    for share_id, kept in rows:
        if kept and await _fits(verify, kept, plain):
            return int(share_id)
    if not rows:
        await asyncio.to_thread(verify.hash, plain)
    raise NotYours


async def _fits(verify: argon2.PasswordHasher, kept: str, code: str) -> bool:
    try:
        await asyncio.to_thread(verify.verify, kept, code)
    except argon2.exceptions.VerifyMismatchError:
        return False
    return True


async def offer(session: AsyncSession, share_id: int) -> Offer | None:
    """A part that was opened by its code."""
    row = (
        await session.execute(
            sa.select(RewardShare, Reward.no)
            .join(Reward, Reward.id == RewardShare.reward_id)
            .where(RewardShare.id == share_id)
        )
    ).one_or_none()
    if row is None:
        return None
    share, no = row
    return Offer(
        share.id, no, share.number, share.amount_fen, ShareState(share.state), share.claim_by, share.why,
        mark_of(share.code_hash),
    )  # fmt: skip


def check(claim: Claim) -> dict[str, str]:
    """What is wrong with a claim: a plain sentence for each field."""
    faults = {}
    if not _NAME.fullmatch(claim.name):
        faults["name"] = "请写身份证上的姓名。"
    if not id_number_good(claim.id_number):
        faults["id_number"] = "身份证号不对：18 位，请逐位核对。"
    if not _PHONE.fullmatch(normal_phone(claim.phone)):
        faults["phone"] = "请写能联系到您的电话：手机 11 位，座机带区号。"
    if not _BANK.fullmatch(claim.bank):
        faults["bank"] = "请写开户银行和网点，例如：某某银行北京某某支行。"
    if not _ACCOUNT.fullmatch(claim.account):
        faults["account"] = "银行账号应是 10 到 30 位数字，须是本人的。"
    return faults


def id_number_good(text: str) -> bool:
    """Whether an ID number is one: eighteen places, the last by the sum of the others."""
    if not _ID.fullmatch(text):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(text, _WEIGHTS, strict=False))
    return text[-1] == _CHECKS[total % len(_CHECKS)]


def place_of(share_id: int) -> str:
    """What a sealed claim belongs to."""
    return f"reward_share.claimant:{share_id}"


async def claim(
    session: AsyncSession, deps: Deps, vault: Vault, offer: Offer, told: Claim, *, now: datetime
) -> None:
    """Keep a claim of a part as its code opened it, sealed. Raises NothingToClaim, StepRefused."""
    reward, share = await _open(session, offer, now=now)
    book.step_share(deps.tables, reward, share, RewardAct.CLAIM, book.REPORTER, now=now)
    kept = {
        "name": told.name, "id_number": told.id_number, "phone": normal_phone(told.phone),
        "bank": told.bank, "account": told.account,
    }  # fmt: skip
    share.claimant = vault.seal(orjson.dumps(kept).decode(), belongs_to=place_of(share.id))
    share.claimed_at, share.why = now, None
    share.same_name = await _same_name(session, deps.vault, reward, share, told.name)
    await book.note(
        session, reward, RewardAct.CLAIM, book.REPORTER.login, now, share=share.number, same=share.same_name
    )


async def _open(session: AsyncSession, offer: Offer, *, now: datetime) -> tuple[Reward, RewardShare]:
    reward = await book.locked(session, offer.reward_no)
    share = next(one for one in await book.shares_of(session, reward.id) if one.id == offer.share_id)
    if not hmac.compare_digest(mark_of(share.code_hash), offer.mark):
        raise NothingToClaim("领取码已经换过，请用新的领取码再打开。")
    if reward.state != RewardState.NOTIFIED or share.state not in _CLAIMABLE:
        raise NothingToClaim(f"这份奖励现在是“{ShareState(share.state).label}”，不能登记领取。")
    if share.claim_by is not None and local(now).date() > share.claim_by:
        raise NothingToClaim(f"领取期限到 {share.claim_by.isoformat()} 为止，已经过了。")
    return reward, share


async def _same_name(
    session: AsyncSession, vault: Vault, reward: Reward, share: RewardShare, name: str
) -> bool | None:
    """Whether the first reporter gives the name of the report; nobody is shown either."""
    if share.number != 1:
        return None
    row = await session.scalar(sa.select(Appellant).where(Appellant.appeal_id == reward.winner_appeal_id))
    if row is None or row.name is None:
        return None
    try:
        given = vault.open(row.name, belongs_to=f"appellant.name:{row.appeal_id}")
    except VaultError:
        return None
    return "".join(given.split()) == "".join(name.split())
