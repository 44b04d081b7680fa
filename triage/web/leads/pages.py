"""媒体线索 at the desk: the queue, one at a time or several at once, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from aiohttp import web

from models import lead_matters
from models.bounded import told
from models.vocab_leads import DropReason, LeadAct, LeadState
from triage.errors import BadInput, TriageError
from triage.services.leads import acting, listing, matching, merging
from triage.web import guard
from triage.web.asking import refuse_others
from triage.web.desk import render
from triage.web.keys import CACHES, DEPS, NAMES, VIEWER
from triage.web.leads import asks
from triage.web.leads.views import LeadView, view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.lead_matters import Likely

PER_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Tab:
    """A state with its count."""

    label: str
    count: str
    href: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class LeadPage:
    """Everything the page shows; `undo` names what was just done, as it stands now."""

    leads: tuple[LeadView, ...]
    likely: Mapping[int, Sequence[Likely]]
    tabs: tuple[Tab, ...]
    state: str
    more: str | None
    done: str | None
    undo: tuple[str, ...]
    reasons: tuple[tuple[str, str], ...]
    field: str
    token: str


async def page(request: web.Request) -> web.Response:
    """The leads of a state, those that wait when none is said. Raises BadInput."""
    refuse_others(request.query, ("state", "before", "done", "left", "undo"))
    deps, names = request.app[DEPS], request.app[NAMES]
    every = request.query.get("state") == "all"
    state = None if every else asks.state(request.query.get("state", "")) or LeadState.WAITING
    before = asks.number(request.query, "before")
    undo = request.query.get("undo", "")
    picked = asks.picks(undo.split("_")) if undo else []
    async with deps.db.reads() as session:
        found = await listing.leads(session, state=state, before=before, limit=PER_PAGE + 1)
        seen = await merging.named_to(session, request[VIEWER], found)
        counts = await listing.counts(session)
        waiting = [one.lead.id for one in found if one.lead.state == LeadState.WAITING]
        pairs = await lead_matters.likely(session, request[VIEWER], leads=waiting) if waiting else []
    shown = found[:PER_PAGE]
    token = guard.token_of(request)
    response = render(
        request,
        "desk/leads.html",
        page=LeadPage(
            leads=tuple(view(item, names, seen) for item in shown),
            likely={one.lead_id: [p for p in pairs if p.lead_id == one.lead_id] for one in pairs},
            tabs=(
                *(Tab(s.label, told(counts[s]), _address(s), s is state) for s in LeadState),
                Tab("全部", told(sum(counts.values())), "/desk/leads?state=all", every),
            ),
            state=state.value if state else "all",
            more=_address(state, before=shown[-1].lead.id) if len(found) > PER_PAGE else None,
            done=_done(request),
            undo=tuple(f"{lead_id}.{version}" for lead_id, version in picked),
            reasons=tuple((reason.value, reason.label) for reason in DropReason),
            field=guard.FIELD,
            token=token,
        ),
    )
    guard.keep(response, token)
    return response


async def unlike(request: web.Request) -> web.Response:
    """不是同一件事: this ticket is not proposed for this lead again. Raises BadInput, NotFound."""
    form = await request.post()
    lead_id = asks.number({"lead": str(form.get("lead", ""))}, "lead")
    if lead_id is None:
        raise BadInput("表单不完整，请刷新页面再提交")
    deps = request.app[DEPS]
    async with deps.db.writes.begin() as session:
        no = str(form.get("ticket", "")).replace("\0", "")
        await matching.refuse(session, request[VIEWER], lead_id, no, now=deps.clock.now())
    return web.Response(status=303, headers={"Location": "/desk/leads"})


async def act(request: web.Request) -> web.Response:
    """Do one thing with one lead or several. Leads back to the page, with the way to undo it.

    Of several each counts alone: what somebody else has moved meanwhile stays as it is, and is told.
    """
    form = await request.post()
    wanted = asks.act(form.get("act"))
    picked = asks.picks([str(value) for value in form.getall("pick", [])])
    reason, into = (str(form.get(name, "")).strip() or None for name in ("reason", "into"))
    state = asks.state(str(form.get("state", "")).replace("all", ""))
    done: list[acting.Acted] = []
    refused: list[TriageError] = []
    deps = request.app[DEPS]
    for lead_id, version in picked:
        wish = acting.Wish(lead_id, version, wanted, reason, into)
        try:
            async with deps.db.writes.begin() as session:
                done.append(await acting.act(session, deps, request[VIEWER], wish, now=deps.clock.now()))
        except BadInput:
            raise
        except TriageError as refusal:
            refused.append(refusal)
    if not done:
        raise refused[0]
    request.app[CACHES].forget_today(request[VIEWER])
    return _back(state, wanted, done, len(refused))


def _back(
    state: LeadState | None, wanted: LeadAct, done: Sequence[acting.Acted], refused: int
) -> web.Response:
    query = {"state": state.value if state else "", "done": str(len(done)), "left": str(refused or "")}
    if wanted is not LeadAct.UNDO:
        query["undo"] = "_".join(f"{item.lead_id}.{item.version}" for item in done)
    words = urlencode({name: value for name, value in query.items() if value})
    return web.Response(status=303, headers={"Location": f"/desk/leads?{words}"})


def _done(request: web.Request) -> str | None:
    done, left = asks.number(request.query, "done"), asks.number(request.query, "left")
    if done is None:
        return None
    words = f"已处理 {done} 条线索。"
    return f"{words}另有 {left} 条别人刚刚动过，没有改。" if left else words


def _address(state: LeadState | None, *, before: int | None = None) -> str:
    query = {"state": state.value if state else "all", "before": str(before or "")}
    return f"/desk/leads?{urlencode({name: value for name, value in query.items() if value})}"
