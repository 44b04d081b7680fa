"""One 被反映对象 at the desk: its history and cases, merging, splitting, and taking either back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  (shown by the template)
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from aiohttp import web

from models.vocab import OPEN_STATES
from models.vocab_parties import PartyAct
from models.vocab_staff import Permission
from triage.clock import local, show
from triage.errors import BadInput, NotFound, TriageError
from triage.services.parties import changing, history, listing
from triage.web import guard
from triage.web.asking import form_number, number_of, refuse_others
from triage.web.desk import render
from triage.web.keys import DEPS, NAMES, VIEWER
from triage.web.parties.names import place
from triage.web.reports.tabs import Tab

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triage.services.parties.history import NamePair, PartyWhole
    from triage.web.names import Names

#: Whose readings these are to put right: an analyst of the city, and clerks among the parties they see.
CHANGERS: Final = (Permission.LEADS, Permission.CORRECT)
_SEE_OTHER: Final = 303
#: Cases of one page.
CASES: Final = 100
_OF: Final = ("open", "all")
_NO_KIND: Final = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """A kind with its cases month by month."""

    name: str
    counts: tuple[int, ...]
    total: int
    code: str  # of its kind, as addresses have it


@dataclass(frozen=True, slots=True)
class Told:
    """A name with its count."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class CaseLine:
    """An open case."""

    no: str
    title: str
    kind: str
    state: str
    unit: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class PairLine:
    """A spelling that may be this party's."""

    party: int
    mine: str
    theirs: str
    score: float
    why: str
    a: int
    b: int
    decided: str  # who said that they are two, and when; '' for a proposal


@dataclass(frozen=True, slots=True)
class StepLine:
    """A change."""

    id: int
    words: str
    reason: str
    by: str
    at: datetime
    undo: bool


@dataclass(frozen=True, slots=True)
class Typed:
    """What was written in a form that was refused: `form` is which one (merge, split, again)."""

    form: str = ""
    reason: str = ""
    into: str = ""
    names: frozenset[int] = frozenset()
    pair: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class PartyPage:
    """One party."""

    id: int
    name: str
    place: str
    version: int
    merged_into: int | None
    may_change: bool
    names: tuple[tuple[int, str], ...]
    months: tuple[str, ...]
    rows: tuple[Row, ...]
    total: int
    open: int
    outcomes: tuple[Told, ...]
    units: tuple[Told, ...]
    places: tuple[Told, ...]
    cases: tuple[CaseLine, ...]
    count: int  # of cases of the tab
    first: int  # number of the first one shown, from 1
    narrowed: str  # to which kind and month
    tabs: tuple[Tab, ...]
    back: str | None
    more: str | None
    pairs: tuple[PairLine, ...]
    refused: tuple[PairLine, ...]
    steps: tuple[StepLine, ...]
    error: str | None
    typed: Typed
    field: str
    token: str


async def page(request: web.Request) -> web.Response:
    """One party with its history; `of`: open cases or all, of a `kind` ('-': none) and `month`.

    Raises NotFound, BadInput.
    """
    refuse_others(request.query, ("of", "kind", "month", "skip"))
    if request.query.get("of", "open") not in _OF:
        raise BadInput(f"参数 of 只能是：{'、'.join(_OF)}")
    return await _page(request, _id(request), None)


async def merged(request: web.Request) -> web.Response:
    """归并 into another; what is refused is shown with its reason. Raises NotFound."""
    party_id, form, deps = _id(request), await request.post(), request.app[DEPS]
    try:
        into, version = form_number(form.get("into")), form_number(form.get("version"))
        async with deps.db.writes.begin() as session:
            await listing.must_see(session, request[VIEWER], party_id, into, now=deps.clock.now())
            await changing.merge(
                session, party_id, into, version=version, reason=_text(form, "reason"),
                by=request[VIEWER].login, now=deps.clock.now(),
            )  # fmt: skip
    # Whose number was mistyped keeps the reason; who does not see this one either is told no more.
    except (BadInput, NotFound, changing.PartyMoved) as error:
        typed = Typed("merge", _text(form, "reason"), _text(form, "into"))
        return await _page(request, party_id, error, typed)
    return _to(into)


async def split(request: web.Request) -> web.Response:
    """拆分: the chosen spellings become a party of their own. Raises NotFound."""
    party_id, form, deps = _id(request), await request.post(), request.app[DEPS]
    names: list[int] = []
    try:
        names = [form_number(value) for value in form.getall("name", [])]
        version = form_number(form.get("version"))
        async with deps.db.writes.begin() as session:
            await listing.must_see(session, request[VIEWER], party_id, now=deps.clock.now())
            await changing.split(
                session, party_id, names, version=version, reason=_text(form, "reason"),
                by=request[VIEWER].login, now=deps.clock.now(),
            )  # fmt: skip
    except (BadInput, changing.PartyMoved) as error:
        typed = Typed("split", _text(form, "reason"), names=frozenset(names))
        return await _page(request, party_id, error, typed)
    return _to(party_id)


async def refused(request: web.Request) -> web.Response:
    """不是同一家. Raises NotFound; where it was answered before that is told."""
    return await _said_of_pair(request, again=False)


async def proposed_again(request: web.Request) -> web.Response:
    """撤回“不是同一家”. Raises NotFound; what cannot be taken back is shown with its reason."""
    return await _said_of_pair(request, again=True)


async def _said_of_pair(request: web.Request, *, again: bool) -> web.Response:
    party_id, form, deps = _id(request), await request.post(), request.app[DEPS]
    by, now = request[VIEWER].login, deps.clock.now()
    try:
        pair = form_number(form.get("a")), form_number(form.get("b"))
        async with deps.db.writes.begin() as session:
            both = await listing.parties_of(session, pair)
            await listing.must_see(session, request[VIEWER], *both, now=now)
            if again:
                await changing.propose_again(session, *pair, reason=_text(form, "reason"), by=by, now=now)
            else:
                await changing.refuse(session, *pair, by=by, now=now)
    except BadInput as error:
        typed = Typed("again", _text(form, "reason"), pair=(_text(form, "a"), _text(form, "b")))
        return await _page(request, party_id, error, typed)
    return _to(party_id)


async def undone(request: web.Request) -> web.Response:
    """撤回 a step. Raises NotFound; what cannot be undone is shown with its reason."""
    party_id, form, deps = _id(request), await request.post(), request.app[DEPS]
    try:
        async with deps.db.writes.begin() as session:
            await listing.must_see(session, request[VIEWER], party_id, now=deps.clock.now())
            back = await changing.undo(
                session,
                form_number(form.get("change")),
                of=party_id,
                by=request[VIEWER].login,
                now=deps.clock.now(),
            )
    except BadInput as error:
        return await _page(request, party_id, error)
    return _to(back)


async def _page(
    request: web.Request, party_id: int, error: TriageError | None, typed: Typed | None = None
) -> web.Response:
    deps, names = request.app[DEPS], request.app[NAMES]
    now = deps.clock.now()
    async with deps.db.reads() as session:
        found = await history.whole(session, request[VIEWER], party_id, now=now)
    months = listing.months_until(now)
    token = guard.token_of(request)
    every = request.query.get("of") == "all"
    kind, month = request.query.get("kind"), request.query.get("month")
    skip = form_number(request.query.get("skip") or "0")
    cases = [
        case
        for case in (found.cases if every else found.open_cases)
        if kind in {None, case.kind or _NO_KIND}
        and month in {None, local(case.received_at).strftime("%Y-%m")}
    ]
    here = f"/desk/parties/{party_id}"

    def turned(to: int) -> str:
        narrowed = {"kind": kind, "month": month, "skip": str(to)}
        asked = {"of": _OF[every], **{name: value for name, value in narrowed.items() if value}}
        return f"{here}?{urlencode(asked)}#cases"

    told = PartyPage(
        id=party_id,
        name=found.party.name,
        place=place(request, found.party.district_code, found.party.street_code),
        version=found.party.version,
        merged_into=found.party.merged_into,
        may_change=request[VIEWER].may(*CHANGERS),
        names=tuple((row.id, row.written) for row in found.names),
        months=tuple(months),
        rows=_rows(found, months, names),
        total=found.total,
        open=sum(count for state, count in found.outcomes.items() if state in OPEN_STATES),
        outcomes=tuple(Told(state.label, count) for state, count in found.outcomes.most_common()),
        units=tuple(Told(names.units.get(code, code), n) for code, n in found.units.most_common(10)),
        places=tuple(Told(place(request, *where), n) for where, n in found.places.most_common(10)),
        cases=tuple(
            CaseLine(
                case.no, case.title, names.kind(case.kind) if case.kind else "未识别", case.state.label,
                names.units.get(case.unit, case.unit) if case.unit else "无", case.received_at,
            )
            for case in cases[skip : skip + CASES]
        ),
        count=len(cases),
        first=skip + 1,
        narrowed=" · ".join(
            part
            for part in (
                "" if kind is None else names.kind(kind) if kind in names.kinds else "未识别", month or ""
            )
            if part
        ),
        tabs=tuple(
            Tab(label, f"{here}?of={of}#cases", every is (of == "all") and kind is None and month is None)
            for of, label in zip(_OF, ("未结工单", "近 12 个月全部工单"), strict=True)
        )
        if found.cases
        else (),
        back=turned(max(skip - CASES, 0)) if skip else None,
        more=turned(skip + CASES) if skip + CASES < len(cases) else None,
        pairs=_pairs(found.pairs),
        refused=_pairs(found.refused),
        steps=tuple(
            StepLine(
                step.change.id, f"{PartyAct(step.change.act).label}：{step.from_name} → {step.to_name}",
                step.reason, step.change.by, step.change.at, not step.undone,
            )
            for step in found.steps
        ),
        error=error.detail if error else None, typed=typed or Typed(), field=guard.FIELD, token=token,
    )  # fmt: skip
    response = render(request, "parties/one.html", page=told, status=error.status if error else 200)
    guard.keep(response, token)
    return response


def _pairs(found: tuple[NamePair, ...]) -> tuple[PairLine, ...]:
    return tuple(
        PairLine(
            p.other_party, p.mine, p.theirs, p.score, "；".join(p.why), p.a_id, p.b_id,
            f"{p.by} {show(p.at)}" if p.by else "",
        )
        for p in found
    )  # fmt: skip


def _rows(found: PartyWhole, months: list[str], names: Names) -> tuple[Row, ...]:
    kinds = {kind for kind, _ in found.months}
    rows = [
        Row(
            names.kind(kind) if kind else "未识别",
            tuple(found.months.get((kind, month), 0) for month in months),
            sum(count for (mine, _), count in found.months.items() if mine == kind),
            kind or _NO_KIND,
        )
        for kind in kinds
    ]
    return tuple(sorted(rows, key=lambda row: (-row.total, row.name)))


def _text(form: Mapping[str, object], name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _id(request: web.Request) -> int:
    number = number_of(request.match_info["id"])
    if number is None:
        raise NotFound("没有这个对象。")
    return number


def _to(party_id: int) -> web.Response:
    return web.Response(status=_SEE_OTHER, headers={"Location": f"/desk/parties/{party_id}"})
