"""代替: what a given-up appeal (处理失败) gives to the one that a clerk registers in its place (人工登记).

The words, name and phone that are sealed, the photos, what its citizen added: nobody is shown what is sealed,
and it is sealed again. What was erased is not given.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from models.appeals import Appeal, Appellant
from models.citizens import CitizenWord
from models.files import Attachment
from models.filters import may_see_unread
from models.identities import Erasure
from models.vocab import AppealType
from models.vocab_files import FileOwner
from triage.services.citizen.filing import clean
from triage.services.intake import ANSWERED
from triage.services.registration import line

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from models.viewing import Viewer
    from triage.services.intake import NewAppeal


def shown(held: Appeal) -> dict[str, str]:
    """What of it fills in a form, masked, by the form's fields, as a browser sends it back."""
    return {
        "title": line(held.title or ""), "text": clean(held.text), "place": line(held.address or ""),
        "number": line(held.external_id or ""),
    }  # fmt: skip


async def filled_in(session: AsyncSession, viewer: Viewer, appeal_id: int | None) -> dict[str, str]:
    """The same of an appeal that the viewer may see, taken over by now or not; nothing when there is none."""
    if appeal_id is None:
        return {}
    held = await session.scalar(sa.select(Appeal).where(Appeal.id == appeal_id, may_see_unread(viewer)))
    return {} if held is None else shown(held)


async def with_original(
    session: AsyncSession, vault: Vault, held: Appeal, item: NewAppeal, *, carry: bool
) -> NewAppeal:
    """The form with what is sealed of the appeal it stands for: nobody is shown it, and it is sealed again.

    Words that were left as the form showed them, masked, are the ones that the citizen wrote. What its source
    said of it (保密, 举报) holds on. What was answered at its registration (已当场答复) was, by whoever did:
    the caller puts another answer in its place, or none. Who found it on patrol is not carried. What else it
    told is sealed and may say who it is: so it goes with the name alone.
    """
    person = await session.scalar(sa.select(Appellant).where(Appellant.appeal_id == held.id))
    told = AppealType(held.told_type) if held.told_type else None
    item = replace(
        item,
        confidential=item.confidential or held.confidential,
        told_type=told,
        caller_area=held.caller_area,
    )
    if person is None:
        return item

    def opened(part: str) -> str | None:
        sealed = getattr(person, part)
        return None if sealed is None else vault.open(sealed, belongs_to=f"appellant.{part}:{held.id}")

    original: dict[str, str] = orjson.loads(opened("original") or "{}")
    left: dict[str, Any] = {
        part: original[part]
        for part, named in (("title", "title"), ("text", "text"), ("address", "place"))
        if part in original and getattr(item, part) == shown(held)[named]
    }
    name = opened("name")
    # Whoever is named now, or nobody: the name that these words were masked by is masked in them as before.
    item = replace(item, also_masked=(name,) if name else (), answer=original.get(ANSWERED), **left)
    if not carry:
        return item
    return replace(
        item, name=item.name or name, phone=item.phone or opened("phone"), id_number=opened("id_number"),
        extra=orjson.loads(original.get("extra") or "{}"),
    )  # fmt: skip


async def give(session: AsyncSession, vault: Vault, held: int, *, to: int) -> None:
    """Give the photos and the added words of the appeal `held`, whose row the caller holds, to another."""
    await _photos(session, held, to=to)
    await _words(session, vault, held, to=to)


async def _photos(session: AsyncSession, held: int, *, to: int) -> None:
    """The same contents by their hash: a citizen's, and an officer's who found it (巡查上报).

    What an erasure covers goes from the store, and is not given.
    """
    whose = Attachment.owner.in_([FileOwner.APPEAL.value, FileOwner.TICKET.value])
    covered = sa.exists().where(Erasure.appeal_id == held, Erasure.erased_at >= Attachment.at)
    there = sa.select(Attachment.sha256).where(Attachment.appeal_id == to, whose)
    columns = [
        column for name, column in Attachment.__table__.columns.items() if name not in {"id", "appeal_id"}
    ]
    given = (
        sa.select(sa.literal(to, Attachment.appeal_id.type), *columns)
        .where(
            Attachment.appeal_id == held, whose, ~covered, Attachment.sha256.not_in(there),
        )
        .order_by(Attachment.id)
    )  # fmt: skip
    await session.execute(
        sa.insert(Attachment).from_select(["appeal_id", *(column.name for column in columns)], given)
    )


async def _words(session: AsyncSession, vault: Vault, held: int, *, to: int) -> None:
    words = await session.scalars(
        sa.select(CitizenWord).where(CitizenWord.appeal_id == held).order_by(CitizenWord.id)
    )

    def sealed_anew(word: CitizenWord) -> bytes | None:
        if word.original is None:
            return None
        plain = vault.open(word.original, belongs_to=f"citizen_word:{held}:{word.key}")
        return vault.seal(plain, belongs_to=f"citizen_word:{to}:{word.key}")

    session.add_all(
        [
            CitizenWord(appeal_id=to, key=word.key, text=word.text, at=word.at, original=sealed_anew(word))
            for word in words
        ]
    )
