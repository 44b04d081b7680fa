"""平台工单 as the ticket's page shows it: its status over there, and the attachments that it came with.

Attachments are references: they lie at the platform, nothing is fetched. Photos and recordings may show who
complained, and an address may name them: a link is for those who may see the identity, the rest read what
there is. Who opens a link signs in over there; we send no referrer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from models.hotline import HotlineOrder
from models.vocab_sources import OrderFact, OrderStatus
from triage.clock import show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.appeals import Appeal

_SORTS: Final = {"image": "图片", "audio": "录音", "video": "录像"}


@dataclass(frozen=True, slots=True)
class Reference:
    """One attachment. `sort`: in words; `size` in bytes; `refused`: why it was not accepted.

    `url`: http or https, of what was accepted, for a reader who may open it.
    """

    sort: str
    type: str
    size: int | None
    url: str | None
    refused: str | None


@dataclass(frozen=True, slots=True)
class PlatformOrder:
    """An order as its platform told of it last. `status`: in its own words, else in ours.

    `facts`: what it notes beside the complaint, each as label and value in words.
    """

    order_no: str
    status: str
    updated_at: datetime
    facts: tuple[tuple[str, str], ...]
    attachments: tuple[Reference, ...]


async def of_appeal(session: AsyncSession, appeal: Appeal, *, links: bool) -> PlatformOrder | None:
    """The order of an appeal; None when it came another way. `links`: whether the reader may open files."""
    row = await session.get(HotlineOrder, (appeal.source_id, appeal.external_id or ""))
    if row is None:
        return None
    told = row.facts or {}
    return PlatformOrder(
        order_no=row.order_no,
        status=row.foreign_status or OrderStatus(row.status).label,
        updated_at=row.updated_at,
        facts=tuple((fact.label, _value(fact, told[fact])) for fact in OrderFact if fact in told),
        attachments=tuple(_reference(one, links=links) for one in row.attachments),
    )


def _value(fact: OrderFact, kept: str) -> str:
    match fact:
        case OrderFact.DEADLINE:
            return show(datetime.fromisoformat(kept))
        case OrderFact.DAYS:
            return f"{kept} 天"
        case OrderFact.GRADE | OrderFact.FORMER:
            return kept
        case _:
            return "是"


def _reference(kept: Mapping[str, Any], *, links: bool) -> Reference:
    kind, refused = str(kept.get("type") or ""), kept.get("refused")
    return Reference(
        sort=_SORTS.get(kind.partition("/")[0], "文件"),
        type=kind,
        size=kept.get("size"),
        url=kept.get("url") if links and refused is None else None,
        refused=refused,
    )
