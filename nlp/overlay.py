"""A site's own names (叠加地名): compounds, roads, stops, companies, sites and landmarks, checked row by row.

A row needs a name, a kind, and where it is: a point, or a district with or without street. A point without a
street is given the street of the nearest centre, if that is clear, and marked as a guess by its trust.
Nothing good is lost for something bad: a row that cannot be used becomes a `BadRow` and the rest goes in.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from nlp.coordinates import Crs, crs_of, to_wgs84
from nlp.gazetteer import COMMUNITY, DISTRICT, STREET, GazetteerError, PlaceName, fold
from nlp.overlay_rows import rows_of
from nlp.place_polygons import metres_off
from nlp.plain_words import plain

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from pathlib import Path

    from nlp.gazetteer import Gazetteer
    from nlp.place_point import Atlas, Lookup

KINDS: Final = {
    "compound": "小区",
    "road": "道路",
    "stop": "站点",
    "company": "企业",
    "site": "工地场所",
    "landmark": "地标",
}
#: Names of a kind of thing, not of a thing.
GENERIC: Final = frozenset(
    (
        "小区",
        "社区",
        "公园",
        "医院",
        "学校",
        "小学",
        "中学",
        "大学",
        "幼儿园",
        "超市",
        "商场",
        "广场",
        "工地",
        "公司",
        "南门",
        "北门",
        "东门",
        "西门",
    )
)
#: Degrees around Beijing.
BOX: Final = (115.3, 117.7, 39.3, 41.2)
#: The nearest street's centre is taken when the second nearest is this much farther; its trust.
CLEARLY: Final = 0.6
GUESSED: Final = 0.75
#: The borders are coarse by some hundred metres: 北京西站 lies on the wrong side of its own. Assumed (A).
BORDER_SLACK: Final = 500.0


@dataclass(frozen=True, slots=True, order=True)
class OverlayRow:
    """One name as it is kept: WGS-84 degrees or none, `code` of the finest unit that is known."""

    kind: str
    name: str
    code: str
    lon: float | None = None
    lat: float | None = None
    trust: float = 1.0
    common: bool = False

    def place_name(self) -> PlaceName:
        """As the reader takes it."""
        return PlaceName(
            self.name,
            self.code,
            self.kind,
            alias=True,
            whole=True,
            lon=self.lon,
            lat=self.lat,
            trust=self.trust,
            common=self.common,
        )


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used."""

    file: str
    line: int
    field: str
    reason: str

    def sentence(self) -> str:
        """For staff."""
        return f"文件 {self.file} 第 {self.line} 行，{self.field}：{self.reason}"


class _Refused(Exception):
    """该行不能用。"""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.reason = field, reason


def unfit(name: str, foreign: Container[str]) -> str:
    """Why a name cannot stand for a place, in Chinese; empty when it can. `foreign` holds folded names."""
    if len(name) < 2 or name in GENERIC or not any(sign.isalpha() for sign in name):  # noqa: PLR2004
        return "太短或是通称，会到处误认"
    return "与外地省市区县同名" if fold(name) in foreign else ""


class OverlayReader:
    """Turns rows of a file into overlay rows."""

    def __init__(self, gazetteer: Gazetteer, atlas: Atlas, *, crs: Crs | None = None) -> None:
        """`crs` holds for rows that do not name theirs."""
        self._gazetteer = gazetteer
        self._atlas = atlas
        self._crs = crs
        self._foreign = frozenset(map(fold, gazetteer.elsewhere))
        self._stems = {
            (place.code[:DISTRICT], text)
            for place in gazetteer.places.values()
            for text in (fold(place.short), fold(place.name))
        }
        self._by_name: dict[tuple[str, str], list[str]] = {}
        for place in gazetteer.places.values():
            for written in {place.name, place.short}:
                self._by_name.setdefault((place.code[:-3], written), []).append(place.code)
        for code, place in gazetteer.places.items():
            if len(code) == DISTRICT:
                self._by_name[("", place.name)] = self._by_name[("", place.short)] = [code]

    def read(self, path: Path) -> Iterator[list[OverlayRow] | BadRow]:
        """The names each row gives, or what is wrong with it. Raises GazetteerError for the whole file."""
        for line, row in rows_of(path):
            if isinstance(row, str):
                yield BadRow(path.name, line, "整行", row)
                continue
            try:
                yield self._names(row)
            except _Refused as refused:
                yield BadRow(path.name, line, refused.field, refused.reason)

    def _names(self, row: dict[str, str]) -> list[OverlayRow]:
        kind = row["kind"].lower()
        kind = next((known for known, chinese in KINDS.items() if kind in {known, chinese}), "")
        if not kind:
            raise _Refused("kind", f"{row['kind']!r} 不是 {'、'.join(KINDS)} 之一")
        names = [row["name"], *row["aliases"].replace("、", "|").replace(";", "|").split("|")]
        names = [name.strip() for name in names if name.strip()]
        if not names:
            raise _Refused("name", "名称是空的")
        for name in names:
            self._check(name)
        point = self._point(row)
        code, trust = self._unit(row, point)
        names = [self._bare(name, code) for name in names]
        lon, lat = point or (None, None)
        return [
            OverlayRow(kind, name, code, lon, lat, trust, plain(fold(name))) for name in dict.fromkeys(names)
        ]

    def _check(self, name: str) -> None:
        """Refuse a name that would be found everywhere."""
        if reason := unfit(name, self._foreign):
            raise _Refused("name", f"{name!r} {reason}")

    def _bare(self, name: str, code: str) -> str:
        """石景山古城 is 古城, which the registry knows in 石景山: the point goes to that name."""
        district = self._gazetteer.places[code[:DISTRICT]]
        for prefix in (district.name, district.short):
            rest = name.removeprefix(prefix)
            if rest != name and (district.code, fold(rest)) in self._stems:
                return rest
        return name

    def _point(self, row: dict[str, str]) -> tuple[float, float] | None:
        """The point in WGS-84, rounded to a decimetre, or None without one."""
        if not row["lon"] and not row["lat"]:
            return None
        degrees = []
        for field in ("lon", "lat"):
            try:
                degrees.append(float(row[field]))
            except ValueError:
                raise _Refused(field, f"{row[field]!r} 不是数字") from None
        try:
            crs = crs_of(row["crs"]) if row["crs"] else self._crs
        except ValueError as fault:
            raise _Refused("crs", str(fault)) from None
        if crs is None:
            raise _Refused("crs", f"有坐标就要写明坐标系：{'、'.join(Crs)}")
        west, east, south, north = BOX
        if not (west <= degrees[0] <= east and south <= degrees[1] <= north):
            raise _Refused("lon", f"{degrees[0]}, {degrees[1]} 不在北京范围内（经度在前，纬度在后）")
        lon, lat = to_wgs84(degrees[0], degrees[1], crs)
        return round(lon, 6), round(lat, 6)

    def _unit(self, row: dict[str, str], point: tuple[float, float] | None) -> tuple[str, float]:
        """The finest unit that is known, and how far to trust it."""
        code = ""
        for field in ("district", "street", "community"):
            if row[field]:
                code = self._named(field, row[field], code)
        found = self._atlas.reverse(*point) if point else None
        if point and found is not None:
            if found.district is None:
                raise _Refused("lon", "坐标不在北京的任何一个区里")
            _agree(code, found, point, self._atlas)
        if not code:
            if found is None or found.district is None:
                raise _Refused("district", "没有坐标时要写明区")
            code = found.district.code
        trust = float(row["trust"] or 1) if _is_share(row["trust"]) else -1.0
        if trust < 0:
            raise _Refused("trust", f"{row['trust']!r} 不是 0 到 1 之间的数")
        if len(code) > DISTRICT or found is None:
            return code, trust
        near = [street for street in found.streets if street.code.startswith(code)]
        if len(near) > 1 and near[0].metres <= CLEARLY * near[1].metres:
            return near[0].code, GUESSED
        return code, 1.0

    def _named(self, field: str, written: str, parent: str) -> str:
        """The unit of that name, or of that code, in its parent."""
        level = {"district": DISTRICT, "street": STREET, "community": COMMUNITY}[field]
        if written.isdigit():
            place = self._gazetteer.places.get(written)
            codes = [written] if place and place.level == level and written.startswith(parent) else []
        elif field == "district" or len(parent) == level - 3:
            codes = self._by_name.get((parent, written), [])
        else:
            raise _Refused(field, "要先写明它所在的区和街道")
        if len(codes) != 1:
            raise _Refused(field, f"{written!r} {'不止一处' if codes else '不在地名库里'}")
        return codes[0]


def _agree(code: str, found: Lookup, point: tuple[float, float], atlas: Atlas) -> None:
    """Refuse a point that lies in another district than is written; near the coarse border, believe both."""
    if not code or found.district is None or found.district.code == code[:DISTRICT]:
        return
    if metres_off(atlas.borders[code[:DISTRICT]], point) > BORDER_SLACK:
        raise _Refused("district", f"坐标在{found.district.name}，与所写的区不符")


def _is_share(written: str) -> bool:
    try:
        return not written or 0 < float(written) <= 1
    except ValueError:
        return False


def merge(
    kept: Iterable[OverlayRow], new: Iterable[OverlayRow], *, replace: bool = False
) -> tuple[list[OverlayRow], int, int, int]:
    """Rows after an import, sorted; how many are new, changed and gone. Once more changes nothing.

    With `replace` a name of the file stands for all that is kept of that kind and name: how a wrong street or
    district is put right.
    """
    before = {(row.kind, row.name, row.code): row for row in kept}
    given = {(row.kind, row.name, row.code): row for row in new}
    told = {key[:2] for key in given} if replace else set()
    after = {key: row for key, row in before.items() if key[:2] not in told} | given
    changed = sum(after.get(key, row) != row for key, row in before.items())
    return (
        [after[key] for key in sorted(after)],
        len(after.keys() - before),
        changed,
        len(before.keys() - after),
    )


def without(
    kept: Iterable[OverlayRow], name: str, *, kind: str | None = None, code: str | None = None
) -> tuple[list[OverlayRow], list[OverlayRow]]:
    """What stays and what goes when a name is removed: of one kind, of one unit, or all of it."""
    stays: list[OverlayRow] = []
    goes: list[OverlayRow] = []
    for row in kept:
        meant = row.name == name and row.kind == (kind or row.kind) and row.code.startswith(code or "")
        (goes if meant else stays).append(row)
    return stays, goes


def dump(rows: Iterable[OverlayRow]) -> str:
    """The kept file: one JSON object a line."""
    return "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)


def load(path: Path) -> list[OverlayRow]:
    """Read a kept file; none there is an empty overlay. Raises GazetteerError naming the line."""
    if not path.exists():
        return []
    rows = []
    # Not splitlines: a name that came in before they were cleaned may hold another sign that breaks lines.
    for line, raw in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not raw:
            continue
        try:
            rows.append(OverlayRow(**json.loads(raw)))
        except (ValueError, TypeError) as fault:
            raise GazetteerError(f"{path.name}, line {line}: {fault}") from fault
    return rows
