"""来源 as JSON: listed, added, changed, switched, tried. Credentials go in and never come out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from models.vocab_staff import Permission
from triage.errors import BadInput, NotFound
from triage.services.sources import editing, looking
from triage.services.sources.editing import SourceIn
from triage.web import access, asking
from triage.web.keys import DEPS, VIEWER
from triage.web.moves import as_json
from triage.web.sources import views
from triage.web.sources.views import SourceList, TriedView

if TYPE_CHECKING:
    from triage.web.sources.views import SourceView

_NEW: Final = ("key", "kind", "name", "every_seconds", "settings", "credentials")
_CHANGE: Final = ("name", "every_seconds", "settings", "credentials", "forget", "enabled", "version")
_DEFAULT_SECONDS: Final = 60


async def listed(request: web.Request) -> web.Response:
    """GET /api/v1/sources. Raises BadInput."""
    asking.refuse_others(request.query, ())
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        found = await looking.seen(session, now=deps.clock.now())
    return as_json(SourceList(tuple(views.source_view(seen) for seen in found)))


async def one(request: web.Request) -> web.Response:
    """GET /api/v1/sources/{key}. Raises NotFound, BadInput."""
    asking.refuse_others(request.query, ())
    return as_json(await _view(request, request.match_info["key"]))


async def added(request: web.Request) -> web.Response:
    """POST /api/v1/sources. Raises BadInput, KeyTaken."""
    body = await asking.json_object(request, _NEW)
    deps = request.app[DEPS]
    key, kind = _text(body, "key"), _text(body, "kind")
    given = _given(body, SourceIn("", _DEFAULT_SECONDS, {}))
    async with deps.db.writes.begin() as session:
        await editing.add(
            session, deps.vault, kind, key, given, by=request[VIEWER].login, now=deps.clock.now()
        )
    response = as_json(await _view(request, key))
    response.set_status(web.HTTPCreated.status_code)
    return response


async def changed(request: web.Request) -> web.Response:
    """PATCH /api/v1/sources/{key}: what is not named stays. Raises NotFound, BadInput, SourceChanged."""
    body = await asking.json_object(request, _CHANGE)
    deps, key = request.app[DEPS], request.match_info["key"]
    enabled = body.get("enabled")
    if "enabled" in body and not isinstance(enabled, bool):
        raise BadInput("enabled 应是 true 或 false")
    version = body.get("version")
    if "version" in body and (isinstance(version, bool) or not isinstance(version, int)):
        raise BadInput("version 应是整数")
    by, now = request[VIEWER].login, deps.clock.now()
    async with deps.db.writes.begin() as session:
        source = await editing.find(session, key, lock=True)
        if version not in {None, source.version}:
            raise editing.SourceChanged
        if set(body) - {"enabled", "version"}:
            stored = SourceIn(source.name, source.every_seconds, editing.plain(source))
            await editing.change(session, deps.vault, key, _given(body, stored), by=by, now=now)
        if enabled is not None:
            await editing.switch(session, key, on=enabled, by=by, now=now)
    return as_json(await _view(request, key))


async def tried(request: web.Request) -> web.Response:
    """POST /api/v1/sources/{key}/try: 立即试一次. Raises NotFound, BadInput."""
    await asking.json_object(request, ())
    result = await looking.try_now(request.app[DEPS], request.match_info["key"], by=request[VIEWER].login)
    return as_json(TriedView(result.good, result.said))


def _given(body: dict[str, Any], stored: SourceIn) -> SourceIn:
    """What the body says, over what is stored. Raises BadInput."""
    every = body.get("every_seconds", stored.every_seconds)
    if isinstance(every, bool) or not isinstance(every, int):
        raise BadInput("every_seconds 应是整数")
    forget = body.get("forget", [])
    if not isinstance(forget, list) or not all(isinstance(name, str) for name in forget):
        raise BadInput("forget 应是凭据名的列表")
    return SourceIn(
        name=_text(body, "name") if "name" in body else stored.name,
        every_seconds=every,
        settings=_texts(body, "settings") if "settings" in body else stored.settings,
        credentials=_texts(body, "credentials"),
        forget=tuple(forget),
    )


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise BadInput(f"{name} 应是文字")
    return value.replace("\0", "")


def _texts(body: dict[str, Any], name: str) -> dict[str, str]:
    found = body.get(name, {})
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise BadInput(f"{name} 应是对象，各项的值为文字")
    return {key.replace("\0", ""): value.replace("\0", "") for key, value in found.items()}


async def _view(request: web.Request, key: str) -> SourceView:
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        found = await looking.seen(session, now=deps.clock.now(), key=key)
    if not found:
        raise NotFound("没有这个来源。")
    return views.source_view(found[0])


ROUTES: Final = (
    access.get("/api/v1/sources", listed, needs=Permission.SOURCES),
    access.post("/api/v1/sources", added, needs=Permission.SOURCES),
    access.get("/api/v1/sources/{key}", one, needs=Permission.SOURCES),
    access.patch("/api/v1/sources/{key}", changed, needs=Permission.SOURCES),
    access.post("/api/v1/sources/{key}/try", tried, needs=Permission.SOURCES),
)
