"""Traffic for `bench.incidents`: normal days as the volumes say, and calls about one event in our own words.

Normal days (volumes.md §2, §5): 700 tickets a day, 12 % of them in the busiest hour, families as in
2020-07 (noise 67.9 %, air 28.2, water 1.8, waste 0.3, other 1.8), districts by the number of their streets.
Calls are not independent (A): one in eight belongs to a matter that two to four callers tell within two hours
from about the same place (a works at night, a restaurant), one in twelve is the same phone again within the
hour. One in seven says no place narrower than its district.

The event is told in 200 texts put together from phrases of ours, with and without the place's full name, and
read by the real reader: its kinds and places are what the machine makes of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import sqlalchemy as sa

from models.appeals import Appeal, Appellant, Reading
from models.tickets import Ticket
from triage.clock import local

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.db import Database
    from nlp.gazetteer import Gazetteer
    from nlp.pipeline import Reader

DAILY: Final = 700
FAMILIES: Final = (("NOI-01", .40), ("NOI-04", .279), ("AIR-06", .16), ("AIR-01", .122), ("WAT-01", .018),
                   ("SOL-01", .003), ("OTH-99", .018))  # fmt: skip
#: Share of the day's calls by hour, Beijing time: the busiest has 12 % (volumes.md §5); nights are noisy.
HOURS: Final = (3, 2, 1, 1, 1, 1, 2, 4, 6, 7, 6, 5, 4, 4, 5, 5, 4, 4, 5, 6, 7, 12, 8, 5)
_CLUSTERED: Final = 1 / 8
_AGAIN: Final = 1 / 12
_NO_PLACE: Final = 1 / 7
_SPREAD_DEGREES: Final = 0.008

_OPENINGS: Final = (
    "刚才", "现在", "从十分钟前开始", "今天上午", "就在刚刚", "我们这里", "市民来电反映，", "",
)  # fmt: skip
_SMELLS: Final = (
    "闻到非常刺鼻的气味，像是化工原料的味道", "空气中有很浓的刺激性异味，熏得头疼",
    "有股强烈的刺鼻臭味，眼睛都睁不开", "工厂方向飘来浓烈的化学气味，嗓子难受",
    "突然有一股刺鼻的怪味，好多人咳嗽", "有大量刺鼻的废气飘过来，不敢开窗",
)  # fmt: skip
_ENDINGS: Final = (
    "请马上派人来查。", "不知道是不是泄漏了，请尽快处理。", "小区里的老人孩子都受不了，请核实。",
    "请问是什么情况？", "希望环保部门立即到现场检测。", "楼下已经围了很多人，请尽快告知原因。",
)  # fmt: skip
_PLACES: Final = (
    "朝阳区望京街道", "望京", "朝阳区望京西园四区", "望京西园", "朝阳区望京街道这一片", "望京地区",
    "朝阳区望京花园", "望京西路", "朝阳区",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Made:
    """A ticket to store."""

    at: datetime
    kind: str | None
    district: str | None
    street: str | None
    lon: float | None
    lat: float | None
    phone: int
    event: bool = False


def normal_day(
    gazetteer: Gazetteer, midnight: datetime, random: np.random.Generator, *, daily: int = DAILY
) -> list[Made]:
    """A day of tickets, by time."""
    streets = sorted(gazetteer.centroids.items())
    made: list[Made] = []
    while len(made) < daily:
        place = int(random.integers(len(streets)))
        kind = str(random.choice([k for k, _ in FAMILIES], p=_shares()))
        hour = int(random.choice(24, p=np.array(HOURS) / sum(HOURS)))
        at = midnight + timedelta(hours=hour, seconds=float(random.uniform(0, 3600)))
        many = int(random.integers(2, 5)) if random.random() < _CLUSTERED / 3 else 1
        first = _one(streets, place, kind, at, random)
        made.append(first)
        for _ in range(many - 1):
            later = at + timedelta(seconds=float(random.uniform(0, 7200)))
            made.append(_one(streets, place, kind, later, random))
        if random.random() < _AGAIN:
            again = at + timedelta(seconds=float(random.uniform(60, 3600)))
            same = Made(again, kind, first.district, first.street, first.lon, first.lat, first.phone)
            made.append(same)
    return sorted(made[:daily], key=lambda one: one.at)


def _shares() -> NDArray[np.float64]:
    total = sum(share for _, share in FAMILIES)
    return np.array([share / total for _, share in FAMILIES], dtype=np.float64)


def _one(
    streets: Sequence[tuple[str, tuple[float, float]]],
    place: int,
    kind: str,
    at: datetime,
    random: np.random.Generator,
) -> Made:
    code, centre = streets[place]
    phone = int(random.integers(1, 2**40))
    if random.random() < _NO_PLACE:
        return Made(at, kind, code[:6], None, None, None, phone)
    east, north = random.normal(0, _SPREAD_DEGREES, 2)
    return Made(at, kind, code[:6], code, centre[0] + float(east), centre[1] + float(north), phone)


def event(
    reader: Reader, begin: datetime, many: int, minutes: int, random: np.random.Generator
) -> list[Made]:
    """Calls about one event, by time: put into words, and read."""
    found = []
    seconds = np.sort(random.uniform(0, minutes * 60, many))
    for second in seconds.tolist():
        place = str(random.choice(_PLACES))
        words = (
            str(random.choice(_OPENINGS)),
            place,
            str(random.choice(_SMELLS)),
            str(random.choice(_ENDINGS)),
        )
        text = f"{words[0]}{words[1]}{words[2]}，{words[3]}"
        reading = reader.read(None, text)
        where = reading.place
        narrow = where.precision not in {"district", "none"}
        at = begin + timedelta(seconds=second)
        found.append(
            Made(
                at, reading.topic.kind, where.district_code, where.street_code,
                where.lon if narrow else None, where.lat if narrow else None,
                int(random.integers(1, 2**40)), event=True,
            )
        )  # fmt: skip
    return found


async def store(db: Database, source: int, first_id: int, items: Sequence[Made]) -> None:
    """Tickets as workers store them, without the parts that the watch does not look at."""
    if not items:
        return
    appeals, readings, tickets, callers = [], [], [], []
    for number, item in enumerate(items, start=first_id):
        appeals.append({
            "id": number, "source_id": source, "external_id": f"I-{number}", "dedupe_key": f"x:I-{number}",
            "content_hash": f"{number:064d}", "title": None, "text": "测试", "address": None,
            "channel": "phone", "confidential": False, "received_at": item.at, "stored_at": item.at,
            "state": "done", "attempts": 1,
        })  # fmt: skip
        callers.append({
            "appeal_id": number, "phone_index": item.phone.to_bytes(8, "big"), "created_at": item.at,
        })  # fmt: skip
        readings.append({
            "id": number, "appeal_id": number, "model_version": "bench", "table_version": "bench",
            "created_at": item.at, "environmental": True, "p_environmental": 1.0, "kind": item.kind,
            "kind_confidence": 1.0, "appeal_type": "投诉", "urgency": "U3", "district_code": item.district,
            "street_code": item.street, "community_code": None, "lon": item.lon, "lat": item.lat,
            "place_precision": "none" if item.lon is None else "street", "place_confidence": 1.0,
            "review": False, "detail": {},
        })  # fmt: skip
        tickets.append({
            "id": number, "no": f"{local(item.at):%Y%m%d}-{number:08d}", "appeal_id": number,
            "reading_id": number, "version": 1, "state": "dispatched", "title": "测试", "environmental": True,
            "kind": item.kind, "appeal_type": "投诉", "urgency": "U3", "district_code": item.district,
            "street_code": item.street, "flagged": False, "received_at": item.at, "opened_at": item.at,
            "urges": 0, "table_version": "bench", "decision": {},
        })  # fmt: skip
    async with db.writes.begin() as session:
        await session.execute(sa.insert(Appeal), appeals)
        await session.execute(sa.insert(Appellant), callers)
        await session.execute(sa.insert(Reading), readings)
        await session.execute(sa.insert(Ticket), tickets)
