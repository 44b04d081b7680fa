"""是本人吗: a code is handed out for something that nobody on the staff can have looked up.

Number and phone open a case, and whoever may look at identities has both. So the code of a reward takes the
查询码 that the sender alone was shown, once, when the report was sent (kept as a keyed hash). Who has none
shows their identity card to a reward officer (当面核验), who hands them a word that is shown once: it stands
in for the 查询码 on the case's page, once, for as long as the table says. The officer must never have looked
at this person's identity in any case, not even between the check and the code: whoever knows the phone cannot
attest, who attests does not know it.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

import sqlalchemy as sa

from models.appeals import Appellant
from models.citizens import CitizenAccess
from models.identities import IdentityLook
from models.ledger import LedgerRow
from models.vocab_citizen import Asked
from models.vocab_ledger import LOOKS, SubjectKind
from triage.clock import local
from triage.errors import TriageError
from triage.rules.rewards.rows import LimitName
from triage.services import limiting
from triage.services.citizen import filing
from triage.services.rewards import book

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.rewards import Reward
    from triage.rules.rows import Tables
    from triage.services.deps import Deps

#: About 49 bits of chance, and a handful of tries an hour.
_WORD_LETTERS: Final = 10


class NotTheirs(TriageError):
    """查询码不对。提交举报时显示过一次；没有或丢了的，请带身份证到受理机构当面核验，当天用核验时给的取码口令来取。"""

    code: ClassVar[str] = "not_theirs"
    status: ClassVar[int] = 403


async def count_try(session: AsyncSession, deps: Deps, appeal_id: int, *, now: datetime) -> None:
    """Count a try of a 查询码, in a transaction of its own. Raises TooOften."""
    who = f"case:{appeal_id}"
    await limiting.count(session, deps.vault, Asked.REWARD, who, most=deps.settings.reward_tries, now=now)


async def check(session: AsyncSession, deps: Deps, reward: Reward, secret: str, *, now: datetime) -> None:
    """Whether a code may be given to whoever has the case open. Uses up the word. Raises NotTheirs."""
    if await knows(session, deps, reward.winner_appeal_id, secret):
        return
    told = _told(secret)
    kept = reward.attested_word
    if (
        kept is None
        or not hmac.compare_digest(kept, _word_hash(deps, reward, told))
        or not _attested(deps.tables, reward, now=now)
        or await looked(session, reward.attested_by or "", reward.winner_appeal_id)
    ):
        raise NotTheirs
    reward.attested_word = None


def hand_over(deps: Deps, reward: Reward) -> str:
    """A word for whoever showed their identity card, to be shown to the officer once; the last one counts."""
    word = book.drawn(_WORD_LETTERS)
    reward.attested_word = _word_hash(deps, reward, word)
    return word


async def looked(session: AsyncSession, login: str, appeal_id: int) -> bool:
    """Whether somebody ever looked at the identity behind a case, there or in another of the same phone.

    The ledger lets go of its rows after a time; what it told of looks is carried over (`identity_look`).
    """
    phone = (
        sa.select(Appellant.phone_index)
        .where(Appellant.appeal_id == appeal_id, Appellant.phone_index.is_not(None))
        .scalar_subquery()
    )
    same = await session.scalars(sa.select(Appellant.appeal_id).where(Appellant.phone_index == phone))
    appeals = sorted({appeal_id, *same})
    before = sa.select(IdentityLook.login).where(
        IdentityLook.login == login, IdentityLook.appeal_id.in_(appeals)
    )
    if await session.scalar(before.limit(1)) is not None:
        return True
    found = sa.select(LedgerRow.seq).where(
        LedgerRow.who == login,
        LedgerRow.act.in_(LOOKS),
        LedgerRow.subject_kind == SubjectKind.APPEAL.value,
        LedgerRow.subject.in_([str(one) for one in appeals]),
    )
    return await session.scalar(found.limit(1)) is not None


async def knows(session: AsyncSession, deps: Deps, appeal_id: int, secret: str) -> bool:
    """Whether it is the 查询码 of the case."""
    told = _told(secret)
    kept = await session.scalar(
        sa.select(CitizenAccess.code_hash).where(CitizenAccess.appeal_id == appeal_id)
    )
    return bool(kept) and hmac.compare_digest(kept or "", filing.code_hash(deps.vault, appeal_id, told))


def _told(secret: str) -> str:
    """However it was typed."""
    return re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", secret)).upper()


def _word_hash(deps: Deps, reward: Reward, word: str) -> str:
    return deps.vault.content_hash(f"reward.attested\0{reward.id}\0{word}")


def _attested(tables: Tables, reward: Reward, *, now: datetime) -> bool:
    if reward.attested_at is None:
        return False
    day = local(reward.attested_at).date()
    return local(now).date() < day + timedelta(days=tables.rewards.limit(LimitName.ATTEST, day).days)
