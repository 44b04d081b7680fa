"""本人号码: the number that somebody calls from. Asked for once, kept sealed, forgotten when unused."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from connectors.vault import VaultError
from models.callbacks import CallBack
from models.db import insert_of
from models.identities import HeldIdentity
from models.vocab_identities import IdentityField
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_retention import Kept
from triage.errors import BadInput
from triage.rules import retention_rows
from triage.services import ledger
from triage.services.identities.holding import Holder
from triage.services.identities.shapes import shape

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from triage.rules.rows import Tables

#: A mobile, or a line with its area's code: what a provider can call without knowing where somebody sits.
_NUMBER: Final = re.compile(r"1[3-9][0-9]{9}|0[0-9]{9,11}")
_FIELD: Final = IdentityField.PHONE
#: Why a press came to nothing: one of the two numbers changed while the provider was asked.
CHANGED: Final = "number_changed"


def checked(text: str) -> str:
    """A number as it is dialled. Raises BadInput."""
    number = re.sub(r"[\s()（）-]", "", text)
    if not _NUMBER.fullmatch(number):
        raise BadInput("您的电话应是 11 位手机号，或带区号的座机号")
    return number


async def put(session: AsyncSession, vault: Vault, login: str, number: str, *, now: datetime) -> None:
    """Keep it sealed; the ledger sees its shape. Of one that is kept the time begins anew. Raises BadInput.

    Virtual numbers that only another phone reaches are not shown any more.
    """
    number = checked(number)
    if await _kept(session, vault, login) == number:
        await session.execute(sa.update(HeldIdentity).where(*_mine(login)).values(changed_at=now))
        return
    old = await hint(session, login)
    told = shape(_FIELD, number)
    row = {
        "value": vault.seal(number, belongs_to=_place(login)), "hint": told, "changed_at": now,
        "changed_by": login,
    }  # fmt: skip
    keys = {"holder_kind": SubjectKind.STAFF.value, "holder": login, "field": _FIELD.value}
    await session.execute(
        insert_of(session, HeldIdentity)
        .values(**keys, **row)
        .on_conflict_do_update(index_elements=list(keys), set_=row)
    )
    # Behind it: a press that read the number of before has let go of the row by now, and is seen.
    await _let_go(session, login)
    ledger.write(
        session, who=login, act=LedgerAct.OWN_NUMBER_SET, now=now, old=old, new=told,
        subject=ledger.Subject(SubjectKind.STAFF, login),
    )  # fmt: skip


def kept_for(tables: Tables, at: datetime) -> timedelta:
    """How long a number is kept that nobody uses."""
    return timedelta(days=retention_rows.row_of(tables.retention, Kept.OWN_NUMBER, at).keep_days)


async def hint(session: AsyncSession, login: str) -> str | None:
    """Its shape, 139****0001; None: there is none."""
    found: str | None = await session.scalar(sa.select(HeldIdentity.hint).where(*_mine(login)))
    return found


async def used(session: AsyncSession, vault: Vault, login: str, *, now: datetime) -> str | None:
    """The number itself, for the provider alone; its time begins anew. None: there is none."""
    sealed = await session.scalar(
        sa.update(HeldIdentity).where(*_mine(login)).values(changed_at=now).returning(HeldIdentity.value)
    )
    return None if sealed is None else vault.open(sealed, belongs_to=_place(login))


async def forget(session: AsyncSession, login: str, *, now: datetime) -> bool:
    """去掉. Gives whether there was one."""
    old = await session.scalar(sa.delete(HeldIdentity).where(*_mine(login)).returning(HeldIdentity.hint))
    if old is None:
        return False
    await _let_go(session, login)
    ledger.write(
        session, who=login, act=LedgerAct.OWN_NUMBER_REMOVED, now=now, old=old,
        subject=ledger.Subject(SubjectKind.STAFF, login),
    )  # fmt: skip
    return True


async def forget_unused(session: AsyncSession, *, before: datetime) -> int:
    """Those that nobody used since. Gives how many."""
    gone = await session.scalars(
        sa.delete(HeldIdentity)
        .where(
            HeldIdentity.holder_kind == SubjectKind.STAFF.value,
            HeldIdentity.field == _FIELD.value,
            HeldIdentity.changed_at < before,
        )
        .returning(HeldIdentity.holder)
    )
    return len(gone.all())


async def _kept(session: AsyncSession, vault: Vault, login: str) -> str | None:
    """The number as it stands; None: there is none, or none that can be opened."""
    sealed = await session.scalar(sa.select(HeldIdentity.value).where(*_mine(login)))
    try:
        return None if sealed is None else vault.open(sealed, belongs_to=_place(login))
    except VaultError:
        return None


async def _let_go(session: AsyncSession, login: str) -> None:
    """Forget the virtual numbers that stand: the provider lets nobody through but the number of then.

    Those that it is asked for just now come to nothing. One statement: a press that ends meanwhile is waited
    for, and what it left is let go of.
    """
    asked = CallBack.until.is_(None) & CallBack.failure.is_(None)
    await session.execute(
        sa.update(CallBack)
        .where(CallBack.login == login, sa.or_(CallBack.number.is_not(None), asked))
        .values(number=None, failure=sa.case((asked, CHANGED), else_=CallBack.failure))
        .execution_options(synchronize_session=False)
    )


def _mine(login: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        HeldIdentity.holder_kind == SubjectKind.STAFF.value,
        HeldIdentity.holder == login,
        HeldIdentity.field == _FIELD.value,
    )


def _place(login: str) -> str:
    return Holder("", SubjectKind.STAFF, login).place(_FIELD)
