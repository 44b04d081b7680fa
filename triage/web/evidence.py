"""佐证: files sent along with a move. Kept before the move, registered with its event, named in its values.

The name in the event is made from the kept content, so that a form that is sent twice says the same twice.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.tickets import Ticket, TicketEvent
from models.vocab import Field
from models.vocab_files import FileOwner
from triage.errors import BadInput
from triage.services import attachments
from triage.services.attachments import Owner, Prepared, Upload
from triage.web import filestore
from triage.web.attachments import limits_of, uploads

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from aiohttp import web
    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.moving import Wish

#: Of a hash, in the event: enough to find the file.
_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Evidence:
    """Files that lie in the store and wait for the event they belong to."""

    files: tuple[Prepared, ...] = ()
    hashes: tuple[tuple[str, str | None], ...] = ()

    def named(self, wish: Wish) -> Wish:
        """The wish, with the files named in its attachment beside what was typed."""
        if not self.files:
            return wish
        told = f"附件 {len(self.files)} 个：{'、'.join(sha[:_SHOWN] for sha, _ in self.hashes)}"
        typed = str(wish.values.get(Field.ATTACHMENT.value) or "").strip()
        values = {**wish.values, Field.ATTACHMENT.value: f"{typed}；{told}" if typed else told}
        return replace(wish, values=values)

    async def register(self, session: AsyncSession, no: str, by: str, *, now: datetime) -> None:
        """Write their rows, in the transaction that made the move: they are of the ticket's newest event."""
        if not self.files:
            return
        ticket = (await session.execute(sa.select(Ticket.id, Ticket.appeal_id).where(Ticket.no == no))).one()
        seq = await session.scalar(
            sa.select(sa.func.max(TicketEvent.seq)).where(TicketEvent.ticket_id == ticket.id)
        )
        owner = Owner(ticket.appeal_id, FileOwner.EVENT, by, seq)
        await attachments.register(session, owner, self.files, self.hashes, now=now)


async def kept(request: web.Request, form: Mapping[str, Any]) -> Evidence:
    """What a form carries, checked and stored. Raises BadInput (FileNotTaken), NotReady."""
    return await _stored(request, uploads(form))


async def kept_encoded(request: web.Request, files: object, *, pdf: bool = True) -> Evidence:
    """The same of JSON: `[{"name", "content"}]`, the content in base64. Raises BadInput, NotReady."""
    if files is None:
        return Evidence()
    if not isinstance(files, list):
        raise BadInput("files 应是列表：[{name, content}]")
    return await _stored(request, [_decoded(one) for one in files], pdf=pdf)


def _decoded(one: object) -> Upload:
    if not isinstance(one, dict) or set(one) != {"name", "content"}:
        raise BadInput("files 的每一项应有 name 和 content，没有别的")
    name, content = one["name"], one["content"]
    if not isinstance(name, str) or not isinstance(content, str):
        raise BadInput("files 的 name、content 应是文字")
    try:
        return Upload(name, base64.b64decode(content, validate=True))
    except ValueError:
        raise BadInput("files 的 content 应是 base64") from None


async def _stored(request: web.Request, sent: list[Upload], *, pdf: bool = True) -> Evidence:
    if not sent:
        return Evidence()
    made = await attachments.prepare_all(sent, limits_of(request), pdf=pdf)
    hashes = await filestore.store(request, made, sorry="附件库暂时无法写入，请稍后再试。")
    return Evidence(made, tuple(hashes))
