"""The map of a form as it is shown, and what a press on it means: for the citizen's form and the clerk's."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
from aiohttp import web

from triage.errors import BadInput, NotFound
from triage.web.citizen import maps
from triage.web.citizen.page import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The picture as it is shown without a script: a press comes back in these pixels.
SHOWN: Final = 320
OUTSIDE: Final = "点的位置不在本市范围内，请再点一次。"


@dataclass(frozen=True, slots=True)
class District:
    """A choice of the map, with its stretch for the page's script."""

    code: str
    label: str
    view: str


@dataclass(frozen=True, slots=True)
class MapView:
    """The map as it is shown: which stretch, where it was pressed in words."""

    area: str
    districts: tuple[District, ...]
    city: str
    view: maps.View
    spot: str | None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a press without a script means: another stretch, and a point when it was a district's map."""

    area: str
    lon: str | None = None
    lat: str | None = None


async def view(area: str, spot: maps.Spot | None, fault: str | None = None) -> MapView:
    """The map of an area; of the whole city when it is none."""
    known = await asyncio.to_thread(maps.districts)
    area = area if area in known else maps.CITY
    return MapView(
        area=area,
        districts=tuple(District(code, name, _told(maps.view(code))) for code, name in known.items()),
        city=_told(maps.view(maps.CITY)),
        view=maps.view(area),
        spot=spot.words if spot else None,
        fault=fault,
    )


def _told(stretch: maps.View) -> str:
    return orjson.dumps({"west": stretch.west, "south": stretch.south, "span": stretch.span}).decode()


async def spot(lon: str, lat: str) -> maps.Spot | None:
    """Where a form's point lies; None without one, or outside the city."""
    try:
        at = float(lon), float(lat)
    except ValueError:
        return None
    return await asyncio.to_thread(maps.spot, *at)


async def point(form: Mapping[str, Any], area: str) -> tuple[float, float]:
    """Where a map was pressed without a script, in degrees. Raises BadInput."""
    try:
        x, y = (float(text_of(form, f"spot.{axis}")) * maps.SIZE / SHOWN for axis in "xy")
        stretch = await asyncio.to_thread(maps.view, area)
    except (ValueError, KeyError):
        raise BadInput("地图位置无法读取") from None
    return stretch.degrees(x, y)


async def pressed(at: tuple[float, float], area: str) -> Pressed | None:
    """What a press means: the city's map leads to a district's, that one says where. None: outside."""
    found = await asyncio.to_thread(maps.spot, *at)
    if found is None:
        return None
    if area == maps.CITY:
        return Pressed(found.area)
    return Pressed(found.area, str(found.lon), str(found.lat))


def degrees(form: Mapping[str, Any]) -> tuple[float, float]:
    """The point that a page's script asks about: (lon, lat). Raises BadInput."""
    try:
        return float(text_of(form, "lon")), float(text_of(form, "lat"))
    except ValueError:
        raise BadInput("地图位置无法读取") from None


async def where(at: tuple[float, float]) -> web.Response:
    """What a press means, for the page's script. Raises NotFound outside the city."""
    found = await asyncio.to_thread(maps.spot, *at)
    if found is None:
        raise NotFound("不在本市范围内。")
    stretch = maps.view(found.area)
    told = {
        "area": found.area, "words": found.words,
        "west": stretch.west, "south": stretch.south, "span": stretch.span,
    }  # fmt: skip
    return web.Response(body=orjson.dumps(told), content_type="application/json")
