"""专题 at the desk: local hot matters, problems that districts share, 每月一题 with its decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  (shown by the template)
from typing import TYPE_CHECKING, Final

from aiohttp import web

from models.vocab_staff import Permission
from models.vocab_topics import TextKind, ThemeDecision, TopicLevel
from triage.clock import local
from triage.errors import BadInput, NotFound, TriageError
from triage.rules.access import of_office
from triage.rules.rates import By
from triage.services.month_sheets import name_of
from triage.services.topics import listing
from triage.services.trends import figures
from triage.web import access, guard
from triage.web.asking import form_number, number_of, refuse_others
from triage.web.desk import render
from triage.web.keys import DEPS, NAMES, VIEWER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.topics import ThemeChoice, TopicRun
    from triage.services.topics.listing import Candidate, Line

_SEE_OTHER: Final = 303
_THEMES: Final = "themes"


@dataclass(frozen=True, slots=True)
class Tab:
    """A way to look at topics."""

    label: str
    href: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class TopicLine:
    """A topic on the list."""

    id: int
    title: str
    size: str
    change: str
    kind: str
    places: str
    open: str
    choice: str
    points: float | None
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TopicsPage:
    """The list."""

    tabs: tuple[Tab, ...]
    lines: tuple[TopicLine, ...]
    themes: bool
    run: str | None
    left_out: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A week with its count; `tenths` is its height."""

    name: str
    count: str
    tenths: int


@dataclass(frozen=True, slots=True)
class ChoiceLine:
    """A decision."""

    label: str
    month: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class TypicalView:
    """A typical text."""

    href: str
    label: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class TopicPage:
    """One topic."""

    id: int
    title: str
    level: str
    words: tuple[str, ...]
    kind: str
    size: str
    leads: str
    later: str
    open: str
    since: datetime
    until: datetime
    weeks: tuple[Bar, ...]
    places: tuple[tuple[str, str], ...]
    sizes: tuple[tuple[str, str], ...]
    typical: tuple[TypicalView, ...]
    cases: tuple[tuple[str, str], ...]
    choices: tuple[ChoiceLine, ...]
    standing: bool
    may_decide: bool
    seen: int
    month: str
    reason: str
    error: str | None
    field: str
    token: str


async def listed(request: web.Request) -> web.Response:
    """专题 of a level, or 每月一题 candidates. Raises BadInput."""
    refuse_others(request.query, ("by",))
    deps, asked = request.app[DEPS], request.query.get("by") or TopicLevel.LOCAL.value
    known = {level.value: level for level in TopicLevel}
    if asked not in {*known, _THEMES}:
        raise BadInput(f"参数 by 只能是：{'、'.join([*known, _THEMES])}")
    level = known.get(asked, TopicLevel.CITY)
    async with deps.db.reads() as session:
        run = await listing.last_run(session, level)
        found = await listing.lines(session, run) if run else []
    if asked == _THEMES:
        ranked = listing.candidates(
            deps.tables, found, local(deps.clock.now()).date(), office=_of_office(request)
        )
        shown = tuple(_line(request, one.line, one) for one in ranked)
    else:
        shown = tuple(_line(request, line) for line in found)
    tabs = (*((level.value, level.label) for level in TopicLevel), (_THEMES, "每月一题候选"))
    page = TopicsPage(
        tabs=tuple(Tab(label, f"/desk/topics?by={value}", value == asked) for value, label in tabs),
        lines=shown,
        themes=asked == _THEMES,
        run=_run(run) if run else None,
        left_out=run.left_out if run else 0,
    )
    return render(request, "topics/list.html", page=page)


async def one(request: web.Request) -> web.Response:
    """One topic. Raises NotFound."""
    refuse_others(request.query, ())
    return await _page(request, _id(request), None, {})


async def decided(request: web.Request) -> web.Response:
    """选中, 搁置, 撤回决定; what is refused is shown with its reason. Raises NotFound, NotAllowed."""
    if not _of_office(request):
        # A month's theme is the whole city's.
        raise access.NotAllowed
    topic_id, form, deps = _id(request), await request.post(), request.app[DEPS]
    try:
        decision, seen = _decision(form), form_number(form.get("seen"))
        month = form.get("month")
        async with deps.db.writes.begin() as session:
            await listing.decide(
                session, topic_id, decision, seen=seen, month=month if isinstance(month, str) else None,
                reason=str(form.get("reason", "")), by=request[VIEWER].login,
                now=deps.clock.now(),
            )  # fmt: skip
    except (BadInput, listing.ThemeMoved) as error:
        typed = {name: value for name, value in form.items() if isinstance(value, str)}
        return await _page(request, topic_id, error, typed)
    return web.Response(status=_SEE_OTHER, headers={"Location": f"/desk/topics/{topic_id}"})


async def _page(
    request: web.Request, topic_id: int, error: TriageError | None, typed: Mapping[str, str]
) -> web.Response:
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        found = await listing.whole(session, request[VIEWER], topic_id)
    state, token, office = found.line.state, guard.token_of(request), _of_office(request)
    told = listing.Told.of(state, office=office)
    newest = found.choices[0] if found.choices else None
    most = max((int(str(count)) for _, count in state.weeks), default=1)
    page = TopicPage(
        id=topic_id,
        title=found.line.topic.title,
        level=TopicLevel(found.line.topic.level).label,
        words=tuple(state.words),
        kind=_kind(request, state.kind),
        size=told.size,
        leads=told.leads,
        later=told.later,
        open=told.open,
        since=found.run.since,
        until=found.run.at,
        weeks=tuple(
            Bar(str(week[0])[5:], listing.word(n), round(10 * (n or 0) / most))
            for week, n in zip(state.weeks, told.weeks, strict=True)
        ),
        places=tuple(
            (_place(request, str(d), str(s)), n)
            for (d, s, _), n in zip(state.places, told.places, strict=True)
        ),
        sizes=tuple(
            (f"{local(at):%m-%d}", listing.word(figures.shown(size, office=office)))
            for at, size in found.sizes
        ),
        typical=tuple(
            TypicalView(
                _where(text, leads=request[VIEWER].may(Permission.LEADS)),
                text.what.label, text.title, text.text,
            )
            for text in found.typical
        ),
        cases=found.cases,
        choices=tuple(_choice(choice) for choice in found.choices),
        standing=newest is not None and newest.decision != ThemeDecision.WITHDRAWN.value,
        may_decide=office and request[VIEWER].may(Permission.REPORT_WRITE),
        seen=newest.id if newest else 0,
        reason=typed.get("reason", ""),
        month=typed.get("month", f"{local(deps.clock.now()):%Y-%m}"),
        error=error.detail if error else None,
        field=guard.FIELD,
        token=token,
    )  # fmt: skip
    response = render(request, "topics/one.html", page=page, status=error.status if error else 200)
    guard.keep(response, token)
    return response


def _line(request: web.Request, line: Line, candidate: Candidate | None = None) -> TopicLine:
    state, office = line.state, _of_office(request)
    told = listing.Told.of(state, office=office)
    change = "新出现" if line.before is None else f"{state.size - line.before:+d}"
    if None in {figures.shown(n, office=office) for n in (state.size, line.before or 0)}:
        change = "—"
    return TopicLine(
        id=line.topic.id,
        title=line.topic.title,
        size=told.size,
        change=change,
        kind=_kind(request, state.kind),
        places="、".join(
            f"{_place(request, str(d), str(s))} {n}"
            for (d, s, _), n in zip(state.places[:3], told.places, strict=False)
        ),
        open=told.open,
        choice=_word(line.choice) if line.choice else "",
        points=candidate.points if candidate else None,
        evidence=candidate.evidence if candidate else (),
    )


def _of_office(request: web.Request) -> bool:
    return of_office(request.app[DEPS].tables, request[VIEWER])


def _where(text: listing.Typical, *, leads: bool) -> str:
    """Where a text is found; nowhere for who may not open it."""
    if not text.opens:
        return ""
    if text.what is TextKind.TICKET:
        return f"/desk/tickets/{text.ref}"
    return "/desk/leads?state=all" if leads else ""


def _run(run: TopicRun) -> str:
    span = f"{local(run.since):%m-%d} 至 {local(run.at):%m-%d %H:%M}"
    return f"{span}，读了工单 {run.tickets} 件、线索 {run.leads} 条"


def _word(choice: ThemeChoice) -> str:
    """As the list shows it; a decision taken back is none."""
    decision = ThemeDecision(choice.decision)
    return "" if decision is ThemeDecision.WITHDRAWN else f"{decision.label} {choice.month or ''}".strip()


def _choice(choice: ThemeChoice) -> ChoiceLine:
    label = ThemeDecision(choice.decision).label
    return ChoiceLine(label, choice.month or "", choice.reason, choice.by, choice.at)


def _kind(request: web.Request, code: str | None) -> str:
    return request.app[NAMES].kind(code) if code else "未识别"


def _place(request: web.Request, district: str, street: str) -> str:
    tables = request.app[DEPS].tables
    told = [name_of(tables, By.DISTRICT, district)] if district else []
    told += [name_of(tables, By.STREET, street).removesuffix("办事处")] if street else []
    return " ".join(told) or "地点未明"


def _decision(form: Mapping[str, object]) -> ThemeDecision:
    known = {decision.value: decision for decision in ThemeDecision}
    found = known.get(str(form.get("decision", "")))
    if found is None:
        raise BadInput("请选一项决定")
    return found


def _id(request: web.Request) -> int:
    number = number_of(request.match_info["id"])
    if number is None:
        raise NotFound("没有这个专题。")
    return number


ROUTES: Final = (
    access.get("/desk/topics", listed, needs=Permission.TRENDS),
    access.get("/desk/topics/{id:[0-9]{1,10}}", one, needs=Permission.TRENDS),
    access.post("/desk/topics/{id:[0-9]{1,10}}/decide", decided, needs=Permission.REPORT_WRITE),
)
