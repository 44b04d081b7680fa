"""A posting becomes an appeal through the ordinary intake, with its posting beside it, in one transaction."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.appeals import Appeal, Source
from models.open311 import Open311Request
from models.vocab import Channel
from triage.services import intake
from triage.services.open311 import posting

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from models.open311 import Open311Key
    from triage.services.open311.posting import Posted

SOURCE: Final = "open311:"
_DIGITS: Final = 8
_TOKEN_BYTES: Final = 18
#: Shorter ones also stand in other words.
_TELLING: Final = 3
#: The whole of it: the end of a receipt (`W20261126-000012`) is nobody's number.
_NUMBER: Final = re.compile(r"(?:\d{8}-)?(\d{1,18})", re.ASCII)


def request_id(appeal_id: int) -> str:
    """service_request_id: the appeal's number, which is also the end of the ticket's."""
    return f"{appeal_id:0{_DIGITS}d}"


def appeal_id(text: str) -> int | None:
    """The number of a service_request_id; None when it is none of ours. A ticket's number is one, too."""
    known = _NUMBER.fullmatch(text.strip())
    return int(known[1]) if known else None


async def take(
    session: AsyncSession,
    vault: Vault,
    key: Open311Key,
    posted: Posted,
    *,
    where: str | None,
    now: datetime,
) -> tuple[int, str]:
    """Store a posting; one with a client_request_id that is known is not stored again. Gives id and token.

    `where` is the area that the point lies in: what is read has no other way to know it.
    """
    source = f"{SOURCE}{key.name}"
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    said = posting.sentences(posted)
    address = "，".join(part for part in (where, posted.address) if part) or None
    extra = {
        name: value
        for name, value in (
            ("email", posted.email), ("device_id", posted.device_id), ("account_id", posted.account_id)
        )
        if value
    }  # fmt: skip
    item = intake.NewAppeal(
        source=source, external_id=posted.client_request_id or token, title=posted.service.name, text=said,
        address=address, channel=Channel.WEB, received_at=now, name=posted.name, phone=posted.phone,
        extra=extra,
    )  # fmt: skip
    received = await intake.receive(session, vault, [item], now=now)
    if not received.stored:
        # The same client_request_id: the same answer, whatever else was sent with it.
        row = (
            await session.execute(
                sa.select(Appeal.id, Open311Request.token)
                .join(Source, Source.id == Appeal.source_id)
                .join(Open311Request, Open311Request.appeal_id == Appeal.id)
                .where(Source.key == source, Appeal.dedupe_key == f"x:{item.external_id}")
            )
        ).one()
        return row[0], row[1]
    number = received.stored[0]

    def masked(text: str | None) -> str | None:
        """Without whatever the sender said of themselves elsewhere: these words are shown to anyone."""
        if not text:
            return None
        for own in (posted.phone, posted.email, posted.name, posted.device_id, posted.account_id):
            if own and len(own) >= _TELLING:
                text = text.replace(own, "***")
        return intake.mask(text, name=posted.name)

    link = posted.media_url if posted.media_url == masked(posted.media_url) else None

    session.add(
        Open311Request(
            appeal_id=number, key_id=key.id, token=token, service_code=posted.service.code,
            description=masked(posted.description), address=masked(posted.address),
            address_id=masked(posted.address_id), lon=posted.lon, lat=posted.lat, media_url=link,
            answers={
                code: [masked(value) or "" for value in values] for code, values in posted.answers.items()
            },
        )
    )  # fmt: skip
    return number, token
