"""The verbatim address phrase (地址短语) around the place that was chosen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from nlp.place_relations import number
from nlp.place_score import MAX_CHAIN

if TYPE_CHECKING:
    from nlp.place_score import Candidate, Scene

CITY: Final = re.compile(r"(?:中国)?北京市?\s?$")
MAX_CITY: Final = 6
#: One further piece of an address: a road, a compound, a number, a building, a side of it.
PIECE: Final = re.compile(
    r"[ ]?(?:"
    r"[甲乙丙丁]?[0-9A-Z十百]{1,5}(?:[-—~至][0-9A-Z]{1,4})?(?:号楼|号院|号门|号线|号|栋|幢|单元|座|层|楼|室|区|期|院|弄|里|队|组)"
    r"|(?:(?![的在有是和与及到等就也每被把让因从将对向由为内附旁近时夜某发现没很都还又倒排着了过后前口上下这那我你他她们不无多天日月年])[^\W\d_]){1,8}?"
    r"(?:大街|街道|胡同|小区|社区|公园|广场|大厦|花园|家园|公寓|路口|工地|市场|商场|医院|学校|小学|中学|大学|地铁站|公交站"
    r"|[东西南北]门|[东西南北]侧|[东西南北]里|[路街巷桥苑园村厂])(?![区镇乡])"
    r")"
)
#: A house or a building: 甲5号, 12号院, 3号楼, 6栋. Not a room: a bare 号 after a unit, a storey, a building.
DOOR: Final = re.compile(
    r"[甲乙丙丁]?(?:[0-9十百]{1,5}(?:[-—~至][0-9]{1,4})?(?:号楼|号院|栋|幢)"
    r"|(?<!单元)(?<!号楼)(?<![层栋幢])(?<![0-9A-Z][座门])(?<![0-9十百])[0-9十百]{1,5}(?:[-—~至][0-9]{1,4})?号(?![线门]))[甲乙丙丁]?"
)
WRITTEN: Final = re.compile(r"[0-9]*[十百][0-9十百]*")
MAX_PIECES: Final = 4
MAX_PIECE: Final = 24


def address_span(scene: Scene, best: Candidate) -> tuple[int, int]:
    """Give [start, end) of the phrase: 北京市 and the units before the name, road and number after it."""
    at = best.mention
    end = scene.mentions[at].end
    told = scene.told.get(at)
    if told is not None:
        end, at = told.end, min(at, told.other) if told.other >= 0 else at
    elif (follows := told_right_after(scene, at)) is not None:
        end = scene.told[follows].end
    start = scene.mentions[at].start
    for _ in range(MAX_CHAIN):
        if at - 1 not in best.support or not scene.tight[at]:
            break
        at -= 1
        start = scene.mentions[at].start
    city = CITY.search(scene.text, max(0, start - MAX_CITY), start)
    if city:
        start = city.start()
    for _ in range(MAX_PIECES):
        piece = PIECE.match(scene.text, end, end + MAX_PIECE)
        if piece is None:
            break
        end = piece.end()
    return start, end


def told_right_after(scene: Scene, at: int) -> int | None:
    """The first of two names told together right after a mention: 海淀区 + A路与B街交叉口; None without."""
    follows = at + 1
    told = scene.told.get(follows)
    return follows if told is not None and told.other >= 0 and scene.tight[follows] else None


def door_of(folded: str, start: int, end: int) -> str | None:
    """The numbers of house and building in [start, end), in Arabic figures; None without one."""
    found = [_figures(match[0]) for match in DOOR.finditer(folded, start, end)]
    return "".join(found) or None


def _figures(written: str) -> str:
    """十2号 → 12号, 1百2十3号院 → 123号院 (other figures are Arabic already, see `gazetteer.FOLD`)."""
    return WRITTEN.sub(lambda match: f"{number(match[0]):g}", written)
