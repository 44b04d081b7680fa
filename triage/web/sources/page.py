"""/desk/sources: the sources, their forms, 启用和停用, 立即试一次, and what a platform refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from aiohttp import web

from models.ticket_detail import seen_numbers
from models.vocab_sources import SourceKind
from models.vocab_staff import Permission
from triage.clock import BEIJING, show
from triage.errors import BadInput, NotFound, TriageError
from triage.services.hotline import overview, rewinding, sending
from triage.services.sources import editing, looking
from triage.services.sources.editing import SourceIn
from triage.services.sources.registry import puller_of
from triage.web import access, guard
from triage.web.desk import render
from triage.web.keys import DEPS, VIEWER
from triage.web.signin.showing import texts
from triage.web.sources import forms, views
from triage.web.sources.views import SourcePage, SourcesPage, TriedView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triage.services.sources.looking import SourceSeen

_DONE: Final = {
    "added": "已添加，还没有启用。先“立即试一次”，没有问题再启用。",
    "saved": "已保存，下一次运行就按新的设置。",
    "on": "已启用，马上开始。",
    "off": "已停用，不再自己运行；已登记的诉求不受影响。",
    "again": "已放回，很快会再发给平台。",
    "rewound": "已从那时起重新拉取：登记过的不会再登记，以前不能登记的再试一次。",
    "dropped": "不再发送；这个动作之后的动作会继续发。",
}


async def listed(request: web.Request) -> web.Response:
    """来源一览."""
    deps = request.app[DEPS]
    now = deps.clock.now()
    async with deps.db.reads() as session:
        found = [views.source_view(seen) for seen in await looking.seen(session, now=now)]
    token = guard.token_of(request)
    page = SourcesPage(
        sources=tuple(source for source in found if source.runs),
        others=tuple(source for source in found if not source.runs),
        kinds=views.kinds(),
        field=guard.FIELD,
        token=token,
        as_of=show(now),
    )
    return render(request, "desk/sources.html", page=page)


async def blank(request: web.Request) -> web.Response:
    """The form of a new source. Raises NotFound for a kind that cannot be added."""
    kind = request.match_info["kind"]
    if puller_of(kind) is None:
        raise NotFound("没有这一类来源。")
    return _form(request, kind, None)


async def one(request: web.Request) -> web.Response:
    """A source: how it goes, and its form. Raises NotFound."""
    return _form(
        request, "", await _seen(request), done=_DONE.get(request.query.get("done", "")),
        exchange=await _exchange(request),
    )  # fmt: skip


async def added(request: web.Request) -> web.Response:
    """Add a source. Raises BadInput only where the form itself cannot be shown."""
    form = await texts(request)
    kind, key = form.get("kind", ""), form.get("key", "").strip()
    if puller_of(kind) is None:
        raise BadInput("没有这一类来源")
    deps = request.app[DEPS]
    try:
        given = _given(kind, form)
        async with deps.db.writes.begin() as session:
            await editing.add(
                session, deps.vault, kind, key, given, by=request[VIEWER].login, now=deps.clock.now()
            )
    except TriageError as fault:
        return _form(request, kind, None, typed=form, fault=fault)
    return _to(key, "added")


async def changed(request: web.Request) -> web.Response:
    """Change a source. Raises NotFound."""
    form = await texts(request)
    seen = await _seen(request)
    deps, source = request.app[DEPS], seen.source
    try:
        given = _given(source.kind, form)
        async with deps.db.writes.begin() as session:
            await editing.change(
                session, deps.vault, source.key, given, by=request[VIEWER].login, now=deps.clock.now()
            )
    except (BadInput, editing.SourceChanged) as fault:
        exchange = await _exchange(request)
        # As it stands now: whoever saves again has seen it.
        now_seen = await _seen(request)
        return _form(request, source.kind, now_seen, typed=form, fault=fault, exchange=exchange)
    return _to(source.key, "saved")


async def switched(request: web.Request) -> web.Response:
    """启用、停用. Raises NotFound, BadInput."""
    form = await texts(request)
    on = form.get("on") == "1"
    deps, key = request.app[DEPS], request.match_info["key"]
    try:
        async with deps.db.writes.begin() as session:
            await editing.switch(
                session, key, on=on, by=request[VIEWER].login, now=deps.clock.now(),
                version=_version(form.get("version", "")),
            )  # fmt: skip
    except (BadInput, editing.SourceChanged) as fault:
        return _form(request, "", await _seen(request), fault=fault, exchange=await _exchange(request))
    return _to(key, "on" if on else "off")


async def tried(request: web.Request) -> web.Response:
    """立即试一次. Raises NotFound, BadInput."""
    key = request.match_info["key"]
    result = await looking.try_now(request.app[DEPS], key, by=request[VIEWER].login)
    return _form(
        request, "", await _seen(request), tried=TriedView(result.good, result.said),
        exchange=await _exchange(request),
    )  # fmt: skip


async def rewound(request: web.Request) -> web.Response:
    """重新拉取: ask a platform again from a moment on. Raises NotFound."""
    form = await texts(request)
    deps, key = request.app[DEPS], request.match_info["key"]
    try:
        since = _moment(form.get("since", ""))
        async with deps.db.writes.begin() as session:
            await rewinding.rewind(session, key, since, by=request[VIEWER].login, now=deps.clock.now())
    except BadInput as fault:
        return _form(request, "", await _seen(request), fault=fault, exchange=await _exchange(request))
    return _to(key, "rewound")


def _moment(told: str) -> datetime:
    """What a field of day and time says, in Beijing. Raises BadInput."""
    try:
        found = datetime.fromisoformat(told.strip())
    except ValueError:
        raise BadInput("请填写从什么时候起重新拉取") from None
    return found if found.tzinfo else found.replace(tzinfo=BEIJING)


async def decided(request: web.Request) -> web.Response:
    """重试 or 不再发送, of an action that was refused or is stuck. Raises NotFound, BadInput."""
    form = await texts(request)
    number, again = form.get("action", ""), form.get("again") == "1"
    if not (number.isascii() and number.isdigit() and len(number) <= 18):  # noqa: PLR2004  (what an id may have)
        raise BadInput("请在页面上选择要处理的动作。")
    deps, by = request.app[DEPS], request[VIEWER].login
    try:
        async with deps.db.writes.begin() as session:
            source = await editing.find(session, request.match_info["key"])
            which = (source.id, source.key)
            await sending.decide(session, which, int(number), again=again, by=by, now=deps.clock.now())
    except sending.ActionSettled as fault:
        return _form(request, "", await _seen(request), fault=fault, exchange=await _exchange(request))
    return _to(source.key, "again" if again else "dropped")


def _given(kind: str, form: Mapping[str, str]) -> SourceIn:
    """What a form of the page says. Raises BadInput."""
    puller = puller_of(kind)
    every = form.get("every_seconds", "").strip()
    if not (every.isascii() and every.isdigit() and len(every) <= 9):  # noqa: PLR2004  (a number at all)
        raise BadInput("间隔应是秒数")
    told = forms.told(puller.fields if puller else (), form)
    return SourceIn(
        name=form.get("name", ""),
        every_seconds=int(every),
        settings=told.settings,
        credentials=told.credentials,
        forget=told.forget,
        version=_version(form.get("version")),
    )


def _version(told: str | None) -> int | None:
    """The version that a form saw; of one that says none, nothing that fits. A new source has none."""
    if told is None:
        return None
    return int(told) if told.isascii() and told.isdigit() and len(told) <= 9 else 0  # noqa: PLR2004


async def _seen(request: web.Request) -> SourceSeen:
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        found = await looking.seen(session, now=deps.clock.now(), key=request.match_info["key"])
    if not found:
        raise NotFound("没有这个来源。")
    return found[0]


async def _exchange(request: web.Request) -> overview.Exchange | None:
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        source = await editing.find(session, request.match_info["key"])
        if source.kind != SourceKind.HOTLINE.value:
            return None
        found = await overview.of_source(session, source.id, now=deps.clock.now())
        # Who sets up the source need not see its cases: of theirs the platform's own number is all there is.
        named = [no for word in found.asked for no in (word.no, word.own_no) if no]
        seen = await seen_numbers(session, request[VIEWER], named)
    # Nor into which case one of them was merged.
    asked = tuple(
        word if {word.no, word.own_no} <= seen else replace(word, no="", own_no=None) for word in found.asked
    )
    return replace(found, asked=asked)


def _form(
    request: web.Request,
    kind: str,
    seen: SourceSeen | None,
    *,
    typed: Mapping[str, str] | None = None,
    done: str | None = None,
    tried: TriedView | None = None,
    fault: TriageError | None = None,
    exchange: overview.Exchange | None = None,
) -> web.Response:
    source = seen.source if seen else None
    kind = source.kind if source else kind
    fields = None if typed is None else forms.settings_of(typed)
    stored = {
        "key": source.key if source else "",
        "name": source.name if source else "",
        "every_seconds": str(source.every_seconds) if source else "60",
    }
    told = stored | {name: value for name, value in (typed or {}).items() if name in stored}
    token = guard.token_of(request)
    page = SourcePage(
        source=views.source_view(seen) if seen else None,
        kind=views.kind_term(kind),
        key=told["key"],
        name=told["name"],
        every_seconds=told["every_seconds"],
        version=source.version if source else 0,
        inputs=views.inputs(kind, source, fields),
        exchange=exchange,
        done=done,
        tried=tried,
        fault=fault.detail if fault else None,
        field=guard.FIELD,
        token=token,
        as_of=show(request.app[DEPS].clock.now()),
    )
    return render(request, "desk/source.html", page=page, status=fault.status if fault else 200)


def _to(key: str, done: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"/desk/sources/{key}?done={done}"})


ROUTES: Final = (
    access.get("/desk/sources", listed, needs=Permission.SOURCES),
    access.post("/desk/sources", added, needs=Permission.SOURCES),
    access.get("/desk/sources/new/{kind}", blank, needs=Permission.SOURCES),
    access.get("/desk/sources/{key}", one, needs=Permission.SOURCES),
    access.post("/desk/sources/{key}", changed, needs=Permission.SOURCES),
    access.post("/desk/sources/{key}/switch", switched, needs=Permission.SOURCES),
    access.post("/desk/sources/{key}/try", tried, needs=Permission.SOURCES),
    access.post("/desk/sources/{key}/rewind", rewound, needs=Permission.SOURCES),
    access.post("/desk/sources/{key}/actions", decided, needs=Permission.SOURCES),
)
