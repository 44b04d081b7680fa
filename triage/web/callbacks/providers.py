"""/desk/numbers: accounts at providers of virtual numbers. One person types, another one switches on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from aiohttp import web

from connectors.callback.fields import ANSWER, REQUEST
from models.vocab_staff import Permission
from triage.clock import show
from triage.errors import TriageError
from triage.services.callbacks import providers
from triage.services.callbacks.providers import FIELDS, ProviderIn
from triage.web import access, guard
from triage.web.desk import render
from triage.web.keys import DEPS, VIEWER
from triage.web.signin.showing import texts
from triage.web.sources import forms
from triage.web.sources.views import Input, inputs_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.callbacks import NumbersProvider

_DONE: Final = {
    "saved": "已保存，现在是停用的：请另一位系统管理员核对后启用。",
    "on": "已启用：承办人和热线可以在工单页回拨。",
    "off": "已停用：工单页不再有回拨。",
}


@dataclass(frozen=True, slots=True)
class ProviderView:
    """An account as the page shows it: never a credential."""

    key: str
    name: str
    url: str
    enabled: bool
    changed_by: str
    changed_at: str
    enabled_by: str | None
    mine: bool
    state: str


@dataclass(frozen=True, slots=True)
class ProvidersPage:
    """Everything the page shows; `one`: the account whose form stands below, null for a new one."""

    rows: tuple[ProviderView, ...]
    one: ProviderView | None
    key: str
    name: str
    inputs: tuple[Input, ...]
    request: str
    answer: str
    done: str | None
    fault: str | None
    field: str
    token: str


async def listed(request: web.Request) -> web.Response:
    """The accounts, and the form of a new one."""
    return await _page(request, None, done=_DONE.get(request.query.get("done", "")))


async def one(request: web.Request) -> web.Response:
    """The accounts, and the form of one. Raises NotFound."""
    return await _page(request, request.match_info["key"])


async def added(request: web.Request) -> web.Response:
    """Add an account."""
    form = await texts(request)
    deps = request.app[DEPS]
    key = form.get("key", "").strip()
    try:
        async with deps.db.writes.begin() as session:
            await providers.add(
                session, deps.vault, key, _given(form), by=request[VIEWER].login, now=deps.clock.now()
            )
    except TriageError as fault:
        return await _page(request, None, typed=form, fault=fault)
    return _to("saved")


async def changed(request: web.Request) -> web.Response:
    """Change an account: it is switched off. Raises NotFound."""
    form, key = await texts(request), request.match_info["key"]
    deps = request.app[DEPS]
    try:
        async with deps.db.writes.begin() as session:
            given = replace(_given(form), seen=form.get("state", ""))
            await providers.change(
                session, deps.vault, key, given, by=request[VIEWER].login, now=deps.clock.now()
            )
    except TriageError as fault:
        return await _page(request, key, typed=form, fault=fault)
    return _to("saved")


async def switched(request: web.Request) -> web.Response:
    """启用、停用. Raises NotFound."""
    form, key = await texts(request), request.match_info["key"]
    deps, on = request.app[DEPS], form.get("on") == "1"
    try:
        async with deps.db.writes.begin() as session:
            await providers.switch(
                session, key, on=on, by=request[VIEWER].login, now=deps.clock.now(),
                seen=form.get("state", ""),
            )  # fmt: skip
    except TriageError as fault:
        return await _page(request, key, fault=fault)
    return _to("on" if on else "off")


def _given(form: Mapping[str, str]) -> ProviderIn:
    told = forms.told(FIELDS, form)
    return ProviderIn(form.get("name", ""), told.settings, told.credentials, told.forget)


async def _page(
    request: web.Request,
    key: str | None,
    *,
    typed: Mapping[str, str] | None = None,
    done: str | None = None,
    fault: TriageError | None = None,
) -> web.Response:
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        rows = await providers.every(session)
        row = None if key is None else await providers.find(session, key)
    told = typed or {}
    fields = None if typed is None else forms.settings_of(typed)
    token = guard.token_of(request)
    shown = ProvidersPage(
        rows=tuple(_view(request, one) for one in rows),
        one=None if row is None else _view(request, row),
        key=told.get("key", ""),
        name=told.get("name", row.name if row else ""),
        inputs=inputs_of(FIELDS, row.settings if row else {}, tuple(row.held.split()) if row else (), fields),
        request=REQUEST,
        answer=ANSWER,
        done=done,
        fault=fault.detail if fault else None,
        field=guard.FIELD,
        token=token,
    )
    response = render(request, "callbacks/providers.html", page=shown, status=fault.status if fault else 200)
    guard.keep(response, token)
    return response


def _view(request: web.Request, row: NumbersProvider) -> ProviderView:
    return ProviderView(
        key=row.key,
        name=row.name,
        url=row.settings.get("url", ""),
        enabled=row.enabled,
        changed_by=row.changed_by,
        changed_at=show(row.changed_at),
        enabled_by=row.enabled_by,
        mine=row.changed_by == request[VIEWER].login,
        state=providers.state_of(row),
    )


def _to(done: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"/desk/numbers?done={done}"})


ROUTES: Final = (
    access.get("/desk/numbers", listed, needs=Permission.SOURCES),
    access.post("/desk/numbers", added, needs=Permission.SOURCES),
    access.get("/desk/numbers/{key}", one, needs=Permission.SOURCES),
    access.post("/desk/numbers/{key}", changed, needs=Permission.SOURCES),
    access.post("/desk/numbers/{key}/switch", switched, needs=Permission.SOURCES),
)
