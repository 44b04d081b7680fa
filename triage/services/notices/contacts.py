"""联系方式: where units and posts are told things. Addresses are sealed; only the sender opens them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.appeals import Appellant
from models.db import insert_of
from models.notices import Contact
from models.units import Unit
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_notices import POSTS, Medium, RecipientKind
from triage.errors import BadInput, NotFound
from triage.services import ledger
from triage.services.notices.noting import Recipient, wake

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault

_SHAPES: Final = {
    Medium.SMS: (re.compile(r"1\d{10}|\+\d{6,15}"), "手机号应为 11 位数字"),
    Medium.WECOM: (re.compile(r"[A-Za-z0-9_.@-]{1,64}"), "企业微信成员账号应为 1 到 64 位字母、数字和 _.-@"),
    Medium.WECOM_GROUP: (re.compile(r"[A-Za-z0-9-]{16,64}"), "应为群机器人 webhook 地址里 key= 后面的部分"),
    Medium.EMAIL: (re.compile(r"[^\s@<>,;]{1,64}@[A-Za-z0-9.-]{3,180}"), "邮箱地址应形如 ban@example.gov.cn"),
}  # fmt: skip
_SEEN: Final = 3


def _place(to: Recipient, medium: str) -> str:
    return f"contact.address:{to.kind.value}:{to.id}:{medium}"


async def put(
    session: AsyncSession,
    vault: Vault,
    to: Recipient,
    medium: Medium,
    address: str,
    *,
    by: str,
    now: datetime,
) -> str:
    """Set the address of a medium; what waited for one goes out. Gives the masked address.

    Raises BadInput on a malformed address, NotFound on an unknown recipient.
    """
    await _known(session, to)
    address = address.strip()
    shape, words = _SHAPES[medium]
    if not shape.fullmatch(address):
        raise BadInput(words)
    row = {
        "recipient_kind": to.kind.value,
        "recipient": to.id,
        "medium": medium.value,
        "address": vault.seal(address, belongs_to=_place(to, medium.value)),
        "hint": hint(address),
        "changed_at": now,
        "changed_by": by,
    }
    keys = ("recipient_kind", "recipient", "medium")
    old = await session.scalar(sa.select(Contact.hint).where(*(getattr(Contact, k) == row[k] for k in keys)))
    await session.execute(
        insert_of(session, Contact)
        .values(row)
        .on_conflict_do_update(index_elements=list(keys), set_={k: row[k] for k in row if k not in keys})
    )
    await wake(session, to)
    ledger.write(
        session, who=by, act=LedgerAct.CONTACT_SET, subject=_subject(to), now=now, old=old, new=hint(address),
        detail={"medium": medium.value},
    )  # fmt: skip
    return hint(address)


def _subject(to: Recipient) -> ledger.Subject:
    return ledger.Subject(SubjectKind.CONTACT, f"{to.kind.value}:{to.id}")


async def drop(session: AsyncSession, to: Recipient, medium: Medium, *, by: str, now: datetime) -> bool:
    """Take an address away. Gives whether there was one."""
    gone = await session.execute(
        sa.delete(Contact)
        .where(
            Contact.recipient_kind == to.kind.value,
            Contact.recipient == to.id,
            Contact.medium == medium.value,
        )
        .returning(Contact.hint)
    )
    old = gone.scalar_one_or_none()
    if old is not None:
        ledger.write(
            session, who=by, act=LedgerAct.CONTACT_REMOVED, subject=_subject(to), now=now, old=old,
            detail={"medium": medium.value},
        )  # fmt: skip
    return old is not None


async def of(session: AsyncSession, recipients: Iterable[Recipient]) -> dict[Recipient, set[Medium]]:
    """The media that each can be reached by: a citizen by SMS, where a phone was left."""
    found: dict[Recipient, set[Medium]] = {to: set() for to in recipients}
    by_kind: dict[RecipientKind, list[str]] = {}
    for to in found:
        by_kind.setdefault(to.kind, []).append(to.id)
    for kind, ids in by_kind.items():
        if kind is RecipientKind.APPELLANT:
            known = await session.scalars(
                sa.select(Appellant.appeal_id).where(
                    Appellant.appeal_id.in_([int(number) for number in ids if number.isdigit()]),
                    Appellant.phone.is_not(None),
                )
            )
            for number in known:
                found[Recipient(kind, str(number))].add(Medium.SMS)
            continue
        rows = await session.execute(
            sa.select(Contact.recipient, Contact.medium).where(
                Contact.recipient_kind == kind.value, Contact.recipient.in_(ids)
            )
        )
        for recipient, medium in rows:
            found[Recipient(kind, recipient)].add(Medium(medium))
    return found


async def address(session: AsyncSession, vault: Vault, to: Recipient, medium: Medium) -> str | None:
    """The address itself, for the sender alone; None: there is none any more. Raises VaultError."""
    if to.kind is RecipientKind.APPELLANT:
        row = await session.scalar(sa.select(Appellant.phone).where(Appellant.appeal_id == int(to.id)))
        return vault.open(row, belongs_to=f"appellant.phone:{int(to.id)}") if row else None
    sealed = await session.scalar(
        sa.select(Contact.address).where(
            Contact.recipient_kind == to.kind.value,
            Contact.recipient == to.id,
            Contact.medium == medium.value,
        )
    )
    return vault.open(sealed, belongs_to=_place(to, medium.value)) if sealed else None


async def listed(session: AsyncSession, *, recipient: str | None = None) -> list[Contact]:
    """The contacts, addresses masked."""
    wanted = sa.select(Contact).order_by(Contact.recipient_kind, Contact.recipient, Contact.medium)
    if recipient is not None:
        wanted = wanted.where(Contact.recipient == recipient)
    return list(await session.scalars(wanted))


def hint(address: str) -> str:
    """An address for people's eyes: its first and last characters."""
    name, at, domain = address.partition("@")
    if at:
        return f"{name[:1]}***@{domain}"[:80]
    ends = len(address) > 2 * _SEEN + 1
    return f"{address[:_SEEN]}****{address[-_SEEN:]}" if ends else f"{address[:1]}****"


async def _known(session: AsyncSession, to: Recipient) -> None:
    match to.kind:
        case RecipientKind.UNIT:
            if await session.scalar(sa.select(Unit.code).where(Unit.code == to.id)) is None:
                raise NotFound(f"没有这个单位：{to.id[:40]}")
        case RecipientKind.POST:
            if to.id not in POSTS:
                raise NotFound(f"没有这个岗位：{to.id[:40]}")
        case _:
            raise BadInput("诉求人的联系方式随诉求登记，不在这里设置")
