"""照片: what a citizen sent as pictures goes from the file store once their identity was erased.

Contents are kept once, by their hash: one that another case or a unit's own material names stays. A content
goes before its row does: whatever breaks off in between is found again and done to its end. A photo that came
after the erasure is not its: the case was opened again. (Who sends the very same picture to another case in
that instant has a row without a content, and is told so.)
"""

from __future__ import annotations

import asyncio
from itertools import groupby
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from connectors.ports import StoreDown
from models.appeals import Appeal
from models.files import Attachment
from models.identities import Erasure
from models.rewards import RewardFile
from models.tickets import Ticket
from models.vocab_files import FileOwner
from models.vocab_ledger import LedgerAct, SubjectKind
from triage import logs
from triage.services import ledger
from triage.services.identities import erasing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.ports import FileStore
    from triage.services.deps import Deps

log = logs.get(__name__)

BATCH: Final = 200


async def due(session: AsyncSession, *, after: int, limit: int) -> Sequence[Attachment]:
    """Photos (above the id `after`) that were there when their sender was erased, of cases that are over."""
    rows = await session.scalars(
        sa.select(Attachment)
        .join(Erasure, Erasure.appeal_id == Attachment.appeal_id)
        .join(Appeal, Appeal.id == Attachment.appeal_id)
        .outerjoin(Ticket, Ticket.appeal_id == Attachment.appeal_id)
        .where(
            Attachment.id > after,
            Attachment.owner == FileOwner.APPEAL.value,
            Attachment.at <= Erasure.erased_at,
            erasing.OVER,
        )
        .order_by(Attachment.id)
        .limit(limit)
    )
    return rows.all()


async def _named(session: AsyncSession, photos: Sequence[Attachment]) -> dict[int | None, set[str]]:
    """Who names the contents of these, these among them: by the attachment's id, under None the 佐证.

    Read once a batch: thumbnails have no index.
    """
    hashes = _hashes(photos)
    rows = await session.execute(
        sa.select(Attachment.id, Attachment.sha256, Attachment.thumb_sha256).where(
            sa.or_(Attachment.sha256.in_(hashes), Attachment.thumb_sha256.in_(hashes))
        )
    )
    proofs = await session.scalars(sa.select(RewardFile.sha256).where(RewardFile.sha256.in_(hashes)))
    return {None: set(proofs)} | {number: {name for name in names if name} for number, *names in rows}


def _hashes(photos: Sequence[Attachment]) -> set[str]:
    return {name for photo in photos for name in (photo.sha256, photo.thumb_sha256) if name}


class Photos:
    """What the timetable runs: once an hour, in batches, from where the last one ended."""

    def __init__(self, deps: Deps, files: FileStore) -> None:
        """Start with nothing done."""
        self._deps = deps
        self._files = files
        self._after = 0
        self._done_at: datetime | None = None

    async def keep(self) -> bool:
        """Let a batch of what is due go. Gives whether there may be more at once."""
        now = self._deps.clock.now()
        if self._done_at is not None and now - self._done_at < erasing.EVERY:
            return False
        async with self._deps.db.reads() as session:
            photos = await due(session, after=self._after, limit=BATCH)
            named = await _named(session, photos) if photos else {}
        for appeal_id, group in groupby(
            sorted(photos, key=lambda photo: photo.appeal_id), lambda photo: photo.appeal_id
        ):
            try:
                await self._forget(appeal_id, list(group), named, now=now)
            except StoreDown as error:
                # The rows stay: the next hour finds them again.
                log.error("erased_photos_store_down", reason=str(error))  # noqa: TRY400
        full = len(photos) == BATCH
        self._after = photos[-1].id if full else 0
        if not full:
            self._done_at = now
        return full

    async def _forget(
        self,
        appeal_id: int,
        photos: Sequence[Attachment],
        named: dict[int | None, set[str]],
        *,
        now: datetime,
    ) -> None:
        """Let go of an appeal's photos, contents first; out of `named` then. Raises StoreDown."""
        async with self._deps.db.reads() as session:
            ticket = await session.scalar(sa.select(Ticket).where(Ticket.appeal_id == appeal_id))
            if ticket is not None and await erasing.needed(session, ticket):
                return
        own = {photo.id for photo in photos}
        kept = {one for number, names in named.items() if number not in own for one in names}
        await asyncio.to_thread(self._remove, sorted(_hashes(photos) - kept))
        async with self._deps.db.writes.begin() as session:
            gone = await session.scalars(
                sa.delete(Attachment)
                .where(Attachment.id.in_(own))
                .returning(Attachment.id)
                .execution_options(synchronize_session=False)
            )
            if count := len(gone.all()):
                ledger.write(
                    session, who="system", act=LedgerAct.ERASED, now=now, reason="诉求人提供的照片随身份删除",
                    subject=ledger.Subject(SubjectKind.APPEAL, str(appeal_id), ticket.no if ticket else None),
                    detail={"parts": ["photos"], "files": count},
                )  # fmt: skip

        for number in own:
            named.pop(number, None)

    def _remove(self, hashes: Sequence[str]) -> None:
        for sha256 in hashes:
            self._files.remove(sha256)
