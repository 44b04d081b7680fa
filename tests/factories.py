"""Real rows for tests: a source, appeal, reading, ticket, units and events, through SQLAlchemy Core.

Every text here is invented. `add_ticket` takes what a test cares about and fills in the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from models.appeals import Appeal, Appellant, Reading, Source
from models.search import lexemes
from models.tickets import Ticket, TicketEvent, TicketUnit
from models.units import Area, Unit
from models.vocab import AppealState, Channel, Level, Role, State, Tag

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database

#: Monday, 16:00 in Beijing.
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)

TITLE = "夜间施工扰民"
TEXT = "朝阳区望京街道一处工地每天夜里十一点还在打桩，噪声很大，老人孩子没法睡觉，请尽快处理。"

AREAS = (
    ("110101", "东城区人民政府", Level.DISTRICT.value, None),
    ("110105", "朝阳区人民政府", Level.DISTRICT.value, None),
    ("110108", "海淀区人民政府", Level.DISTRICT.value, None),
    ("110105026", "望京街道", Level.STREET.value, "110105"),
    ("110108010", "学院路街道", Level.STREET.value, "110108"),
)
UNITS = (
    ("110105026", "望京街道办事处", Level.STREET.value, "110105"),
    ("110108010", "学院路街道办事处", Level.STREET.value, "110108"),
    ("110105", "朝阳区人民政府", Level.DISTRICT.value, "110105"),
    ("110105-ecology", "朝阳区生态环境局", Level.BUREAU.value, "110105"),
    ("bj-desk", "市热线审核岗", Level.DESK.value, None),
)


#: And that of a city bureau, which `reference.sync` brings with the tables.
LEVELS = {code: level for code, _, level, _ in UNITS} | {"bj-ecology": Level.CITY.value}


@dataclass(frozen=True, slots=True)
class TicketIn:
    """What a test says of a ticket; times relative to `NOW`."""

    title: str | None = TITLE
    text: str = TEXT
    state: State = State.DISPATCHED
    unit: str | None = "110105026"
    assist: tuple[str, ...] = ("110105-ecology",)
    copies: tuple[str, ...] = ("110105",)
    kind: str | None = "NOI-01"
    urgency: str = "U3"
    appeal_type: str = "投诉"
    district: str | None = "110105"
    street: str | None = "110105026"
    due: timedelta | None = timedelta(hours=3, minutes=20)
    age: timedelta = timedelta(hours=1)
    flagged: bool = False
    evidence: tuple[dict[str, Any], ...] = ()
    identity: bool = False
    confidential: bool = False
    channel: Channel = Channel.PHONE
    party: str | None = "一处工地"
    mood: str | None = None
    angry: bool = False
    decision: dict[str, Any] = field(default_factory=dict)
    #: What the event of its first dispatch, or of its coming to the desk, tells.
    sent: dict[str, Any] = field(default_factory=dict)


def span(
    head: str, found: str, value: str, *, weight: float = 1.0, item: TicketIn | None = None
) -> dict[str, Any]:
    """An evidence span: where `found` first stands in the source text of the ticket."""
    ticket = item or TicketIn()
    source = f"{ticket.title}\n{ticket.text}" if ticket.title else ticket.text
    start = source.index(found)
    return {
        "head": head,
        "start": start,
        "end": start + len(found),
        "text": found,
        "value": value,
        "weight": weight,
    }


async def add_reference(db: Database) -> None:
    """Insert the areas and units, those not there yet."""
    make = postgresql.insert if db.dialect == "postgresql" else sqlite.insert
    async with db.writes.begin() as session:
        await session.execute(
            make(Area).on_conflict_do_nothing(),
            [{"code": c, "name": n, "level": lv, "parent_code": p} for c, n, lv, p in AREAS],
        )
        await session.execute(
            make(Unit).on_conflict_do_nothing(),
            [
                {
                    "code": code,
                    "name": name,
                    "level": level,
                    "district_code": district,
                    "valid_from": date(2020, 7, 1),
                    "source": "测试",
                }
                for code, name, level, district in UNITS
            ],
        )


async def add_tickets(db: Database, *items: TicketIn) -> list[str]:
    """Insert tickets, oldest first as given. Gives their numbers."""
    await add_reference(db)
    async with db.writes.begin() as session:
        return [await _add(session, item) for item in items]


async def _source(session: AsyncSession) -> int:
    found = await session.scalar(sa.select(Source.id).where(Source.key == "test"))
    if found is not None:
        return found
    row = await session.execute(
        sa.insert(Source).returning(Source.id), {"key": "test", "name": "测试来源", "created_at": NOW}
    )
    return row.scalar_one()


async def add_appeal(session: AsyncSession, item: TicketIn, *, state: AppealState = AppealState.DONE) -> int:
    """Insert the appeal alone. Gives its id."""
    source = await _source(session)
    number = (await session.scalar(sa.select(sa.func.max(Appeal.id))) or 0) + 1
    row = await session.execute(
        sa.insert(Appeal).returning(Appeal.id),
        {
            "source_id": source,
            "external_id": f"T-{number}",
            "dedupe_key": f"x:T-{number}",
            "content_hash": f"{number:064d}",
            "title": item.title,
            "text": item.text,
            "address": None,
            "channel": item.channel.value,
            "confidential": item.confidential,
            "received_at": NOW - item.age,
            "stored_at": NOW - item.age,
            "state": state.value,
            "attempts": 1,
        },
    )
    return row.scalar_one()


def _reading(item: TicketIn, appeal_id: int) -> dict[str, Any]:
    return {
        "appeal_id": appeal_id,
        "model_version": "test-1",
        "table_version": "abcdef123456",
        "created_at": NOW - item.age,
        "environmental": item.kind is not None,
        "p_environmental": 0.97,
        "kind": item.kind,
        "kind_confidence": 0.81,
        "appeal_type": item.appeal_type,
        "urgency": item.urgency,
        "district_code": item.district,
        "street_code": item.street,
        "community_code": None,
        "lon": 116.47,
        "lat": 39.99,
        "place_precision": "street",
        "place_confidence": 0.88,
        "review": item.state is State.REVIEW,
        "mood": item.mood,
        "angry": item.angry if item.mood else None,
        "detail": {
            "kinds": [
                {"code": "NOI-01", "p": 0.81},
                {"code": "NOI-02", "p": 0.1},
                {"code": "AIR-01", "p": 0.04},
            ],
            "appeal_type_confidence": 0.9,
            "urgency_confidence": 0.8,
            "place": {
                "span": "朝阳区望京街道",
                "start": 7,
                "end": 14,
                "district": "朝阳区",
                "street": "望京街道",
            },
            "party": item.party,
            "when": "每天夜里十一点",
            "review_reasons": ["kind_unsure"] if item.state is State.REVIEW else [],
            "evidence": list(item.evidence),
        },
    }


def _decision(item: TicketIn, due_at: datetime | None) -> dict[str, Any]:
    due = {
        "at": due_at.isoformat() if due_at else None,
        "rule_id": "answer.u3",
        "source": "DB11/T 2021-2022",
        "status": "V",
        "spelled": "自派单时起 7 个自然日，到期为所示时刻。",
    }
    return {
        "steps": ["属于环境诉求。", "建筑施工噪声，由街道主办。"],
        "row_ids": ["noi-01.lead"],
        "sources": ["京政发〔2020〕9号"],
        "review_reasons": ["kind_unsure"] if item.state is State.REVIEW else [],
        "dispatch_due": None,
        "answer_due": due if due_at else None,
        **item.decision,
    }


async def _add(session: AsyncSession, item: TicketIn) -> str:
    appeal_id = await add_appeal(session, item)
    reading_id = (
        await session.execute(sa.insert(Reading).returning(Reading.id), _reading(item, appeal_id))
    ).scalar_one()
    no = f"20261123-{appeal_id:08d}"
    due_at = None if item.due is None else NOW + item.due
    words = lexemes(f"{item.title or ''}\n{item.text}")
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    values: dict[str, Any] = {
        "no": no,
        "appeal_id": appeal_id,
        "reading_id": reading_id,
        "version": 1,
        "state": item.state.value,
        "level": LEVELS[item.unit] if item.unit else None,
        "unit_code": item.unit,
        "title": item.title or item.text[:20],
        "environmental": item.kind is not None,
        "kind": item.kind,
        "appeal_type": item.appeal_type,
        "urgency": item.urgency,
        "district_code": item.district,
        "street_code": item.street,
        "divert": None,
        "flagged": item.flagged,
        "received_at": NOW - item.age,
        "opened_at": NOW - item.age,
        "dispatched_at": NOW - item.age,
        "dispatch_by": None,
        "answer_by": due_at,
        "due_at": due_at,
        "due_clock": "answer" if due_at else None,
        "table_version": "abcdef123456",
        "decision": _decision(item, due_at),
    }
    if on_postgresql:
        values["search"] = sa.func.array_to_tsvector(sa.cast(words, postgresql.ARRAY(sa.Text)))
    ticket_id = (await session.execute(sa.insert(Ticket).values(values).returning(Ticket.id))).scalar_one()
    if not on_postgresql:
        await session.execute(
            sa.text("INSERT INTO ticket_search(rowid, words) VALUES (:id, :words)"),
            {"id": ticket_id, "words": " ".join(words)},
        )
    roles = dict.fromkeys(item.copies, Role.COPY) | dict.fromkeys(item.assist, Role.ASSIST)
    roles |= {item.unit: Role.LEAD} if item.unit else {}
    if roles:
        await session.execute(
            sa.insert(TicketUnit),
            [{"ticket_id": ticket_id, "unit_code": code, "role": role.value} for code, role in roles.items()],
        )
    tags = (
        Tag.SPOKEN,
        Tag.RECEIVED,
        Tag.READ,
        Tag.OPENED,
        Tag.DISPATCHED if item.state is State.DISPATCHED else Tag.REVIEW,
    )
    await session.execute(
        sa.insert(TicketEvent),
        [
            {
                "ticket_id": ticket_id,
                "seq": seq,
                "at": NOW - item.age,
                "tag": tag.value,
                "data": item.sent if tag is tags[-1] else {},
            }
            for seq, tag in enumerate(tags, start=1)
        ],
    )
    if item.identity:
        await session.execute(
            sa.insert(Appellant),
            {"appeal_id": appeal_id, "name": b"sealed", "phone": b"sealed", "created_at": NOW},
        )
    return no
