"""Signed deltas: facts that came in place of others are taken from the sums and added to them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.db import insert_of
from models.rollups import (
    RollupChannel,
    RollupDay,
    RollupDistrict,
    RollupHour,
    RollupKind,
    RollupKnown,
    RollupModel,
    RollupMonth,
    RollupMonthCommunity,
    RollupMonthDistrict,
    RollupMonthHour,
    RollupMonthKind,
    RollupMonthPlace,
    RollupMonthStreet,
    RollupPlace,
    RollupStreet,
    RollupTicket,
)
from models.vocab_mood import Mood
from models.vocab_trends import SUMMED, Ending
from triage.rules.trends.facts import Fact, cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Base
    from triage.rules.trends.facts import Amounts, Cell
    from triage.services.trends.gathering import Counted

#: Sums of sums, each with the one that it is made from: what pages read.
SHORTER: Final[Mapping[type[Base], type[Base]]] = {
    RollupChannel: RollupDay,
    RollupStreet: RollupDay,
    RollupKind: RollupDay,
    RollupMonthDistrict: RollupMonth,
    RollupMonthKind: RollupMonth,
    RollupMonthStreet: RollupMonth,
    RollupMonthHour: RollupHour,
    RollupMonthCommunity: RollupPlace,
    RollupMonthPlace: RollupPlace,
}
_OF_FACTS: Final[tuple[type[Base], ...]] = (
    RollupDay,
    RollupMonth,
    RollupDistrict,
    RollupHour,
    RollupModel,
    RollupPlace,
)
SUMS: Final[Mapping[str, type[Base]]] = {model.__tablename__: model for model in (*_OF_FACTS, *SHORTER)}
#: Key columns, as `facts.cells` gives their values.
KEYS: Final = {
    "rollup_day": ("day", "district", "street", "kind", "channel"),
    "rollup_channel": ("day", "district", "channel"),
    "rollup_kind": ("day", "kind", "channel"),
    "rollup_street": ("day", "district", "street"),
    "rollup_month": ("month", "district", "street", "kind", "channel"),
    "rollup_month_district": ("month", "district", "kind"),
    "rollup_month_kind": ("month", "district", "kind", "channel"),
    "rollup_month_street": ("month", "district", "street", "channel"),
    "rollup_month_hour": ("month", "district", "weekday", "hour"),
    "rollup_month_community": ("month", "district", "street", "community"),
    "rollup_month_place": ("kind", "month", "district", "street", "community"),
    "rollup_district": ("day", "district", "kind"),
    "rollup_hour": ("month", "district", "kind", "weekday", "hour"),
    "rollup_model": ("day", "model", "band"),
    "rollup_place": ("day", "district", "street", "community", "grid", "kind"),
}
_FACT: Final = tuple(Fact.__dataclass_fields__)
_BATCH: Final = 500
#: Rows one look-up by key may name: SQLite takes 32,766 values in a statement, a key has up to six.
_KEYS_AT_ONCE: Final = 200


def difference(pairs: Iterable[tuple[Fact | None, Fact | None]]) -> dict[Cell, Amounts]:
    """What changes in which cell when each first fact gives way to its second."""
    found: dict[Cell, Amounts] = defaultdict(lambda: defaultdict(int))
    for old, new in pairs:
        if old == new:
            continue
        for sign, fact in ((-1, old), (1, new)):
            for cell, amounts in cells(fact) if fact else ():
                mine = found[cell]
                for name, amount in amounts.items():
                    mine[name] += sign * amount
    return {cell: amounts for cell, amounts in found.items() if any(amounts.values())}


async def change(session: AsyncSession, new: Mapping[int, Counted]) -> int:
    """Put the tickets' new facts in place of what was counted. Gives how many tickets changed the sums.

    Within the lock of the cursor: nobody else changes facts meanwhile.
    """
    old = await counted(session, list(new))
    await add(session, difference((old.get(number), item.fact) for number, item in new.items()))
    rows = [
        {"ticket_id": number, "seq": item.seq, "correction_id": item.correction_id, **plain(item.fact)}
        for number, item in new.items()
    ]
    insert = insert_of(session, RollupTicket)
    named = insert.excluded
    upsert = insert.on_conflict_do_update(
        index_elements=["ticket_id"],
        set_={name: named[name] for name in ("seq", "correction_id", *_FACT)},
    )
    for start in range(0, len(rows), _BATCH):
        await session.execute(upsert, rows[start : start + _BATCH])
    return sum(old.get(number) != item.fact for number, item in new.items())


async def drop(session: AsyncSession, ids: Sequence[int]) -> None:
    """Take what is counted of these tickets out of the sums. Within the lock of the cursor."""
    old = await counted(session, ids)
    await add(session, difference((fact, None) for fact in old.values()))
    await session.execute(sa.delete(RollupTicket).where(RollupTicket.ticket_id.in_(list(old))))


async def counted(session: AsyncSession, ids: Sequence[int]) -> dict[int, Fact]:
    """What is counted of these tickets now."""
    columns = [getattr(RollupTicket, name) for name in _FACT]
    rows = await session.execute(
        sa.select(RollupTicket.ticket_id, *columns).where(RollupTicket.ticket_id.in_(ids))
    )
    return {row[0]: Fact(*row[1:]) for row in rows}


def plain(fact: Fact) -> dict[str, Any]:
    """A fact's columns."""
    return {name: getattr(fact, name) for name in _FACT}


async def add(session: AsyncSession, changes: Mapping[Cell, Amounts]) -> None:
    """Add to the sums; a cell that comes to nothing is removed, as if it had never been."""
    by_table: dict[str, list[dict[str, Any]]] = defaultdict(list)
    less: dict[str, list[tuple[object, ...]]] = defaultdict(list)
    # In one order always: two processes that add to the same cells do not wait for each other crosswise.
    for (name, key), amounts in sorted(changes.items(), key=lambda item: item[0]):
        by_table[name].append({**dict(zip(KEYS[name], key, strict=True)), **amounts})
        if amounts["demands"] < 0:
            less[name].append(key)
    for name, rows in by_table.items():
        model = SUMS[name]
        insert = insert_of(session, model)
        named = [column for column in rows[0] if column not in KEYS[name]]
        upsert = insert.on_conflict_do_update(
            index_elements=list(KEYS[name]),
            set_={column: model.__table__.c[column] + insert.excluded[column] for column in named},
        )
        for start in range(0, len(rows), _BATCH):
            await session.execute(upsert, rows[start : start + _BATCH])
    for name, keys in less.items():
        table = SUMS[name].__table__
        place = sa.tuple_(*(table.c[column] for column in KEYS[name]))
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            some = keys[start : start + _KEYS_AT_ONCE]
            await session.execute(sa.delete(SUMS[name]).where(place.in_(some), table.c.demands == 0))


async def sum_up(session: AsyncSession) -> None:
    """Make every sum anew from the facts."""
    t = RollupTicket
    reckoned: dict[str, Any] = {"month": _month(session, t.day), "weekday": _weekday(session)}
    amounts = _amounts()
    for model in _OF_FACTS:
        await session.execute(sa.delete(model))
        key: dict[str, Any] = {
            column: reckoned[column] if column in reckoned else getattr(t, column)
            for column in KEYS[model.__tablename__]
        }
        mine = {column.name: amounts[column.name] for column in model.__table__.c if column.name not in key}
        chosen = sa.select(*key.values(), *mine.values()).group_by(*key.values())
        if model is RollupPlace:
            chosen = chosen.where((t.community != "") | (t.grid != ""))
        # In order, as they come day by day: else the days of a page lie scattered over the whole table.
        chosen = chosen.order_by(*key.values())
        await session.execute(sa.insert(model).from_select([*key, *mine], chosen, include_defaults=False))
    await sum_shorter(session)


async def behind(session: AsyncSession, version: int) -> list[type[Base]]:
    """The shorter sums that whoever counted last did not know, so that they lack what it counted."""
    rows = await session.execute(sa.select(RollupKnown.name).where(RollupKnown.version == version))
    whole = set(rows.scalars())
    return [model for model in SHORTER if model.__tablename__ not in whole]


async def stamp(session: AsyncSession, version: int) -> None:
    """Say that every shorter sum of this code counts up to a version."""
    insert = insert_of(session, RollupKnown)
    upsert = insert.on_conflict_do_update(index_elements=["name"], set_={"version": insert.excluded.version})
    await session.execute(upsert, [{"name": m.__tablename__, "version": version} for m in SHORTER])


async def sum_shorter(session: AsyncSession, models: Iterable[type[Base]] = tuple(SHORTER)) -> None:
    """Make shorter sums anew from the longer ones: all, or those named."""
    for model in models:
        longer = SHORTER[model]
        await session.execute(sa.delete(model))
        source = longer.__table__.c
        key: dict[str, Any] = {
            column: source[column] if column in source else _month(session, source.day)
            for column in KEYS[model.__tablename__]
        }
        mine = {c.name: sa.func.sum(source[c.name]) for c in model.__table__.c if c.name not in key}
        chosen = sa.select(*key.values(), *mine.values()).group_by(*key.values())
        if "community" in key:
            chosen = chosen.where(source.community != "")
        chosen = chosen.order_by(*key.values())
        await session.execute(sa.insert(model).from_select([*key, *mine], chosen, include_defaults=False))


def _amounts() -> dict[str, sa.ColumnElement[int]]:
    """What the sums count, over facts."""
    t = RollupTicket
    found: dict[str, sa.ColumnElement[int]] = {
        ending.value: sa.func.sum(sa.case((t.ending == ending.value, 1), else_=0)) for ending in SUMMED
    }
    found |= {
        name: sa.func.sum(getattr(t, name)) for name in ("reached", "satisfied", "reviewed", "corrected")
    }
    found |= {
        mood.value: sa.func.sum(sa.case((t.mood == mood.value, 1), else_=0))
        for mood in (Mood.NEGATIVE, Mood.POSITIVE)
    }
    found |= {
        "mood_read": sa.func.sum(sa.case((t.mood != "", 1), else_=0)),
        "angry": sa.func.sum(t.angry),
    }
    return found | {"demands": sa.func.count(), "cases": sa.func.count() - found[Ending.MERGED.value]}


def _month(session: AsyncSession, day: Any) -> sa.ColumnElement[Any]:  # noqa: ANN401  (a column of either form)
    if session.get_bind().dialect.name == "postgresql":
        return sa.cast(sa.func.date_trunc(sa.literal_column("'month'"), day), sa.Date)
    return sa.func.date(day, sa.literal_column("'start of month'"))


def _weekday(session: AsyncSession) -> sa.ColumnElement[Any]:
    if session.get_bind().dialect.name == "postgresql":
        return sa.cast(sa.extract("isodow", RollupTicket.day), sa.SmallInteger)
    return (sa.cast(sa.func.strftime(sa.literal_column("'%w'"), RollupTicket.day), sa.Integer) + 6) % 7 + 1
