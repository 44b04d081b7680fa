"""Where the parts of an identity are: with the appeal, or held for another row (a reward claim's account)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson
import sqlalchemy as sa

from models.appeals import Appellant
from models.db import insert_of
from models.identities import HeldIdentity
from models.vocab import Told
from models.vocab_identities import IdentityField
from models.vocab_ledger import LedgerAct, SubjectKind
from triage.errors import BadInput, TriageError
from triage.services import ledger
from triage.services.identities.shapes import shape
from triage.services.intake import ANSWERED, FOUND
from triage.services.patrol.carrying import unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault

_ACCOUNT: Final = re.compile(r"[0-9]{8,32}")
#: What comes in with an appeal.
OF_APPEAL: Final = (IdentityField.NAME, IdentityField.PHONE, IdentityField.ID_NUMBER, IdentityField.ORIGINAL)


class NothingHeld(TriageError):
    """没有登记这一项，或已按规定删除。"""

    code = "nothing_held"
    status = 404


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose identity: the appellant of a ticket, or what another row of that ticket holds (a claim)."""

    no: str
    kind: SubjectKind = SubjectKind.APPEAL
    id: str = ""

    def place(self, field: IdentityField) -> str:
        """What a value that is held belongs to."""
        return f"held.{self.kind.value}:{self.id}:{field.value}"


async def put(
    session: AsyncSession,
    vault: Vault,
    holder: Holder,
    field: IdentityField,
    value: str,
    *,
    by: str,
    now: datetime,
) -> str:
    """Hold a value for a row that is no appeal, sealed. Gives its masked shape. Raises BadInput."""
    value = re.sub(r"[\s-]", "", value)
    if field is IdentityField.ACCOUNT and not _ACCOUNT.fullmatch(value):
        raise BadInput("收款账号应为 8 到 32 位数字")
    if holder.kind is SubjectKind.APPEAL or not holder.id or not value:
        raise BadInput("没有说明是谁的信息，或没有填写")
    hint = shape(field, value)
    keys = {"holder_kind": holder.kind.value, "holder": holder.id, "field": field.value}
    found = [getattr(HeldIdentity, name) == key for name, key in keys.items()]
    old = await session.scalar(sa.select(HeldIdentity.hint).where(*found))
    row = {
        "value": vault.seal(value, belongs_to=holder.place(field)),
        "hint": hint, "changed_at": now, "changed_by": by,
    }  # fmt: skip
    await session.execute(
        insert_of(session, HeldIdentity)
        .values(**keys, **row)
        .on_conflict_do_update(index_elements=list(keys), set_=row)
    )
    ledger.write(
        session, who=by, act=LedgerAct.ACCOUNT_STORED, now=now, old=old, new=hint,
        subject=ledger.Subject(holder.kind, holder.id, holder.no), detail={"field": field.value},
    )  # fmt: skip
    return hint


async def hints(session: AsyncSession, kind: SubjectKind, holder: str) -> dict[IdentityField, str]:
    """The masked shapes of what a row holds."""
    rows = await session.execute(
        sa.select(HeldIdentity.field, HeldIdentity.hint).where(
            HeldIdentity.holder_kind == kind.value,
            HeldIdentity.holder == holder,
            HeldIdentity.value.is_not(None),
        )
    )
    return {IdentityField(field): hint for field, hint in rows}


async def value_of(
    session: AsyncSession, vault: Vault, holder: Holder, appeal_id: int, field: IdentityField
) -> str:
    """The value itself: for `revealing` alone. Raises NothingHeld, VaultError."""
    if holder.kind is not SubjectKind.APPEAL:
        sealed = await session.scalar(
            sa.select(HeldIdentity.value).where(
                HeldIdentity.holder_kind == holder.kind.value,
                HeldIdentity.holder == holder.id,
                HeldIdentity.field == field.value,
            )
        )
        if sealed is None:
            raise NothingHeld
        return vault.open(sealed, belongs_to=holder.place(field))
    if field not in OF_APPEAL:
        raise NothingHeld
    column = getattr(Appellant, field.value)
    sealed = await session.scalar(sa.select(column).where(Appellant.appeal_id == appeal_id))
    if sealed is None:
        raise NothingHeld
    told = vault.open(sealed, belongs_to=f"appellant.{field.value}:{appeal_id}")
    return told if field is not IdentityField.ORIGINAL else _words(orjson.loads(told))


def _words(original: Mapping[str, str]) -> str:
    """The unmasked original, as somebody reads it."""
    names = {"title": "标题", "text": "内容", "address": "地址"}
    lines = [f"{label}：{original[name]}" for name, label in names.items() if original.get(name)]
    if answered := original.get(ANSWERED):
        note, told, *_ = orjson.loads(answered)
        lines.append(f"登记时已当场答复：{note}（{Told(told).label}）")
    if found := original.get(FOUND):
        officer = unpacked(found)
        lines.append(f"巡查上报：{officer.name}{officer.note and f'，当场处理：{officer.note}'}")
    return "\n".join(lines)


async def shapes_of(session: AsyncSession, vault: Vault, appeal_id: int) -> dict[IdentityField, str]:
    """The masked shapes of an appellant's name, phone and ID number. Raises VaultError."""
    row = (
        await session.execute(
            sa.select(Appellant.name, Appellant.phone, Appellant.id_number, Appellant.original).where(
                Appellant.appeal_id == appeal_id
            )
        )
    ).one_or_none()
    if row is None:
        return {}
    return {
        field: shape(field, vault.open(sealed, belongs_to=f"appellant.{field.value}:{appeal_id}"))
        if field is not IdentityField.ORIGINAL
        else ""
        for field, sealed in zip(OF_APPEAL, row, strict=True)
        if sealed is not None
    }
