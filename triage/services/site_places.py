"""点选词典: a clerk picks the place of a ticket; the pick is a correction, and its phrase is learned.

A phrase is learned after the same pick on so many tickets (`place_picks`), or one with 以后都这样. While two
different places stand for one phrase it means neither: a person has to revoke one of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar, Final

from models import corrections, placed, site_places
from models.appeals import Appeal
from models.site_places import Pick
from models.vocab import Corrected
from models.vocab_ledger import LedgerAct, SubjectKind
from nlp.gazetteer import STREET, PlaceName, fold
from nlp.overlay import unfit
from nlp.place_group import LEARNED
from nlp.plain_words import plain
from nlp.types import source_text
from triage.errors import BadInput, NotFound, TriageError
from triage.services import correcting, ledger
from triage.services.deciding import words_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer
    from models.site_places import Listed, SitePlace
    from nlp.gazetteer import Gazetteer
    from triage.rules.rows import Tables

#: A name of a place, not a sentence.
LONGEST: Final = 20
#: What tells a home or a person: a room, a long number, what was masked.
PRIVATE: Final = re.compile(r"室|单元|[0-9]{4,}|[\[\]@]")


class CitysOwn(TriageError):
    """点选词典全市共用：“以后都这样”和撤销由负责全市的坐席来办，请联系市级热线坐席。"""

    code: ClassVar[str] = "citys_own"
    status: ClassVar[int] = 403


class Standing(Enum):
    """Whether a row of the dictionary is in force, in words."""

    LEARNED = "已生效"
    ONCE_MORE = "再点选后生效"
    CONFLICT = "有不同的点选，不采用"
    REVOKED = "已撤销"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a clerk picked: the finest unit's code, the point of a click on the map, the phrase to learn."""

    code: str
    phrase: str = ""
    lon: float | None = None
    lat: float | None = None
    always: bool = False


def decides(viewer: Viewer) -> bool:
    """Whether somebody decides alone what a phrase means: the dictionary is the whole city's."""
    return viewer.scope.everything


async def pick(
    session: AsyncSession,
    tables: Tables,
    viewer: Viewer,
    no: str,
    wish: Wish,
    *,
    gazetteer: Gazetteer,
    at: datetime,
) -> bool:
    """Keep a pick as a correction of the place, and count it for its phrase. Gives whether anything was kept.

    A community is kept with its street; a street that is picked says that no community of it is known.
    `correcting.AS_READ` instead of a code takes the corrections of the place back. Raises NotFound,
    BadInput when the place is none or the phrase cannot stand for one, and CitysOwn.
    """
    if wish.always and not decides(viewer):
        raise CitysOwn
    if wish.code == correcting.AS_READ:
        # A pick taken back, from the dictionary too: nothing to learn from it.
        await correcting.correct(session, tables, viewer, no, {Corrected.PLACE.value: wish.code}, at=at)
        return True
    if wish.code not in gazetteer.places:
        raise BadInput("请先选一个地点")
    found = await corrections.read_ticket_for_update(session, viewer, no)
    if found is None:
        raise NotFound("没有这张工单，或您无权查看，或还没有识别结果。")
    phrase = fold(wish.phrase.strip())
    if phrase:
        appeal = await session.get_one(Appeal, found.ticket.appeal_id)
        _check(phrase, source_text(*words_of(appeal)), gazetteer)
    where = None if wish.lon is None or wish.lat is None else (wish.lon, wish.lat)
    said = {Corrected.PLACE.value: wish.code[:STREET]}
    before = placed.of(found.ticket)
    within = wish.code if len(wish.code) > STREET else ""
    await correcting.correct(session, tables, viewer, no, said, at=at, where=where, within=within)
    if phrase:
        await site_places.add_pick(
            session,
            Pick(
                phrase=phrase, code=wish.code, lon=wish.lon, lat=wish.lat, always=wish.always,
                ticket_id=found.ticket.id, by=viewer.login, at=at,
            ),
        )  # fmt: skip
        ledger.write(
            session, who=viewer.login, act=LedgerAct.PLACE_ADDED, now=at, new=wish.code,
            subject=ledger.Subject(SubjectKind.PLACE, phrase, no), detail={"always": wish.always},
        )  # fmt: skip
    return bool(phrase) or placed.of(found.ticket) != before


def _check(phrase: str, text: str, gazetteer: Gazetteer) -> None:
    """Refuse a phrase that is not this text's, or that would be found everywhere. Raises BadInput."""
    if len(phrase) > LONGEST:
        raise BadInput(f"叫法太长：最多 {LONGEST} 个字")
    if PRIVATE.search(phrase):
        raise BadInput("叫法里不能有房间号、长号码或已遮盖的内容")
    if reason := unfit(phrase, frozenset(map(fold, gazetteer.elsewhere))):
        raise BadInput(f"叫法“{phrase}”{reason}")
    if phrase not in fold(text):
        raise BadInput(f"诉求原文里没有“{phrase}”：叫法要照原文写")


async def revoke(session: AsyncSession, viewer: Viewer, number: int, *, at: datetime) -> None:
    """Let a pick no longer count. Raises CitysOwn, and NotFound when there is none that does."""
    if not decides(viewer):
        raise CitysOwn
    if not await site_places.revoke(session, number, by=viewer.login, at=at):
        raise NotFound("没有这一条，或已经撤销。")
    subject = ledger.Subject(SubjectKind.PLACE, str(number))
    ledger.write(session, who=viewer.login, act=LedgerAct.PLACE_REMOVED, subject=subject, now=at)


def learned(rows: Sequence[SitePlace], *, needed: int) -> list[PlaceName]:
    """The names in force, of rows that stand in order of their phrases."""
    names = []
    for phrase, group in groupby(rows, key=lambda row: row.phrase):
        same = list(group)
        if len(same) == 1 and _enough(same[0], needed):
            row = same[0]
            names.append(
                PlaceName(
                    phrase, row.code, LEARNED, alias=True, whole=True, lon=row.lon, lat=row.lat,
                    common=plain(phrase),
                )
            )  # fmt: skip
    return names


def standing(one: Listed, *, needed: int) -> Standing:
    """How a row stands, among all that stand for its phrase."""
    if one.row.revoked_at is not None:
        return Standing.REVOKED
    if one.places > 1:
        return Standing.CONFLICT
    return Standing.LEARNED if _enough(one.row, needed) else Standing.ONCE_MORE


def _enough(row: SitePlace, needed: int) -> bool:
    return row.always or row.picks >= needed
