"""在地图上更正地点: the panel of a ticket's page, what it is drawn from, and what a click on it means."""

from __future__ import annotations

import asyncio
import math
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import orjson
from aiohttp import hdrs, web

from models import placed
from models.vocab_staff import Permission
from nlp.gazetteer import DISTRICT, STREET, GazetteerError
from nlp.place_answer import full_name
from triage import logs, memory, overlays
from triage.errors import BadInput, TriageError
from triage.services import site_places as service
from triage.services.correcting import AS_READ
from triage.services.site_places import LONGEST, Wish
from triage.web import access, guard
from triage.web.asking import refuse_others
from triage.web.desks.live import BOARD
from triage.web.keys import CACHES, DEPS, VIEWER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from models.ticket_detail import WholeTicket
    from nlp.place_point import Atlas
    from triage.settings import Settings

log = logs.get(__name__)

#: Choosing a street from the list instead of a candidate or the map.
FROM_LIST: Final = "street"
#: Decimals of a degree on the map: ten metres, and the borders are coarser.
DECIMALS: Final = 4
_SEE_OTHER: Final = 303


@dataclass(frozen=True, slots=True)
class Option:
    """A place that may be picked: what it is, why, and where it lies (WGS-84), if that is known."""

    code: str
    name: str
    why: str
    lon: float | None
    lat: float | None


@dataclass(frozen=True, slots=True)
class PickingView:
    """What the partial `desk/picking.html` shows."""

    no: str
    options: tuple[Option, ...]
    phrase: str
    longest: int
    needed: int
    #: 以后都这样 is for the whole city's people: the dictionary is one.
    may_always: bool
    streets: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    from_list: str
    token_field: str
    token: str


class Ground:
    """The map's ground: loaded when it is first needed, in a thread, once."""

    def __init__(self, settings: Settings) -> None:
        """Remember where this site's names are."""
        self._settings = settings
        self._lock = asyncio.Lock()

    async def atlas(self) -> Atlas:
        """Points and borders. Raises SettingsError and GazetteerError when a file is damaged."""
        if "_loaded" not in self.__dict__:
            async with self._lock:
                await asyncio.to_thread(lambda: self._loaded.borders)
        return self._loaded

    @cached_property
    def _loaded(self) -> Atlas:
        return overlays.atlas(self._settings)

    @cached_property
    def geojson(self) -> bytes:
        """Borders of districts and centres of streets; to be asked for after `atlas`."""
        atlas = self._loaded
        places = atlas.gazetteer.places

        def near(x: float, y: float) -> tuple[float, float]:
            return round(x, DECIMALS), round(y, DECIMALS)

        features = [
            _feature(
                code,
                places[code].name,
                "MultiPolygon",
                [[[near(*p) for p in ring] for ring in rings] for rings in shape],
            )
            for code, shape in atlas.borders.items()
        ]
        features += [
            _feature(code, places[code].name, "Point", near(*centre))
            for code, centre in sorted(atlas.gazetteer.centroids.items())
        ]
        return orjson.dumps({"type": "FeatureCollection", "features": features})

    @cached_property
    def streets(self) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
        """District → its streets, to choose from without a map; to be asked for after `atlas`."""
        places = self._loaded.gazetteer.places
        return tuple(
            (
                district.name,
                (
                    (code, f"{district.name}（街道不明）"),
                    *(
                        (place.code, place.name)
                        for place in places.values()
                        if place.level == STREET and place.code.startswith(code)
                    ),
                ),
            )
            for code, district in places.items()
            if district.level == DISTRICT
        )


GROUND: Final = web.AppKey("ground", Ground)


async def warmed(app: web.Application) -> AsyncIterator[None]:
    """Load the ground while the process starts: nobody's first ticket page waits for it.

    A damaged file is told by the page that needs it, as before; here it only is no hurry any more.
    """
    loading = asyncio.create_task(_load(app[GROUND]), name="ground")
    yield
    loading.cancel()
    await asyncio.wait({loading})


async def _load(ground: Ground) -> None:
    try:
        await ground.atlas()
        await asyncio.to_thread(lambda: ground.streets)
        memory.settle_quickly()
    except (TriageError, GazetteerError) as error:
        log.warning("ground_not_loaded", error=type(error).__name__)


def _feature(code: str, name: str, kind: str, coordinates: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "type": "Feature",
        "properties": {"code": code, "name": name},
        "geometry": {"type": kind, "coordinates": coordinates},
    }


async def view(request: web.Request, whole: WholeTicket, *, token: str) -> PickingView | None:
    """The panel of a ticket; None while nothing was read."""
    reading, ticket = whole.reading, whole.ticket
    if reading is None:
        return None
    ground = request.app[GROUND]
    atlas = await ground.atlas()
    place: Mapping[str, Any] = reading.detail.get("place") or {}
    candidates = place.get("candidates") or ()
    options = [_option(atlas, item["code"], "、".join(item["why"])) for item in candidates]
    given = reading.community_code or reading.street_code or reading.district_code
    if given and given in atlas.gazetteer.places and all(option.code != given for option in options):
        options.insert(0, _option(atlas, given, "识别结果"))
    phrase = candidates[0]["text"] if candidates else place.get("span") or ""
    if ticket.lon is not None or not placed.as_read(ticket, reading):
        # A code that the gazetteer no longer knows has no name; another candidate's would be the wrong one.
        known = given in atlas.gazetteer.places
        name = full_name(atlas.gazetteer.places, given) if given and known else given or "没有识别出地点"
        options.insert(0, Option(AS_READ, f"撤销更正，恢复识别结果：{name}", "", None, None))
    return PickingView(
        no=ticket.no,
        options=tuple(option for option in options if option.name),
        phrase=phrase[:LONGEST],
        longest=LONGEST,
        needed=request.app[DEPS].settings.place_picks,
        may_always=service.decides(request[VIEWER]),
        streets=ground.streets,
        from_list=FROM_LIST,
        token_field=guard.FIELD,
        token=token,
    )


def _option(atlas: Atlas, code: str, why: str) -> Option:
    """A candidate with its point; nameless when the gazetteer no longer knows it."""
    places = atlas.gazetteer.places
    point = atlas.point(code, None) if code in places else None
    return Option(
        code=code,
        name=full_name(places, code) if code in places else "",
        why=why,
        lon=point.lon if point else None,
        lat=point.lat if point else None,
    )


async def ground_json(request: web.Request) -> web.Response:
    """What the map is drawn from."""
    ground = request.app[GROUND]
    await ground.atlas()
    return web.Response(
        body=ground.geojson,
        content_type="application/geo+json",
        headers={hdrs.CACHE_CONTROL: "private, max-age=3600"},
    )


async def at(request: web.Request) -> web.Response:
    """What lies at a point of the map: district, streets by distance, community. Raises BadInput."""
    refuse_others(request.query, ("lon", "lat"))
    lon, lat = (_degrees(request.query.get(name, "")) for name in ("lon", "lat"))
    atlas = await request.app[GROUND].atlas()
    if lon is None or lat is None:
        raise BadInput("要写明经度 lon 和纬度 lat")
    return web.Response(body=orjson.dumps(asdict(atlas.reverse(lon, lat))), content_type="application/json")


async def picked(request: web.Request) -> web.Response:
    """The form of the panel; leads back to the ticket. Raises BadInput, NotFound, CitysOwn."""
    form = await request.post()
    said = {name: value for name, value in form.items() if isinstance(value, str)}
    code = said.get("place", "")
    if code == FROM_LIST:
        code = said.get("street", "")
    elif code.startswith("map-"):
        code = code.removeprefix("map-")
    on_map = said.get("place", "").startswith("map-")
    wish = Wish(
        code=code,
        phrase=said.get("phrase", ""),
        lon=_degrees(said.get("lon", "")) if on_map else None,
        lat=_degrees(said.get("lat", "")) if on_map else None,
        always=said.get("always") == "1",
    )
    deps, no = request.app[DEPS], request.match_info["no"]
    atlas = await request.app[GROUND].atlas()
    _check_point(atlas, wish)
    async with deps.db.writes.begin() as session:
        kept = await service.pick(
            session, deps.tables, request[VIEWER], no, wish, gazetteer=atlas.gazetteer, at=deps.clock.now()
        )
    request.app[CACHES].counts.clear()
    request.app[BOARD].tell()
    return web.Response(
        status=_SEE_OTHER,
        headers={hdrs.LOCATION: f"/desk/tickets/{no}?done={'picked' if kept else 'same-place'}#corrections"},
    )


def _check_point(atlas: Atlas, wish: Wish) -> None:
    """Refuse a point that is not in the district of the place it is pressed for. Raises BadInput."""
    if wish.lon is None and wish.lat is None:
        return
    if wish.lon is None or wish.lat is None:
        raise BadInput("要写明经度 lon 和纬度 lat")
    district = atlas.reverse(wish.lon, wish.lat).district
    if district is None:
        raise BadInput("地图上点的位置不在本市范围内，请重新点")
    if not wish.code.startswith(district.code):
        raise BadInput("地图上点的位置不在所选的区内，请重新点")


def _degrees(written: str) -> float | None:
    """A coordinate, to a decimetre. Raises BadInput when it is none."""
    if not written:
        return None
    try:
        degrees = float(written)
    except ValueError:
        raise BadInput("经纬度应是数字") from None
    if not math.isfinite(degrees):
        raise BadInput("经纬度应是数字")
    return round(degrees, 6)


ROUTES: Final = (
    access.get("/desk/places/map.json", ground_json, needs=Permission.CORRECT),
    access.get("/desk/places/at", at, needs=Permission.CORRECT),
    access.post("/desk/tickets/{no}/place", picked, needs=Permission.CORRECT),
)
