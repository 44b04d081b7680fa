"""外发通知: what was told to whom and what became of it, sending again, and units' addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import urlencode

from aiohttp import web

from models.bounded import told
from models.ticket_detail import seen_numbers
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_notices import POSTS, Medium, NoticeState, RecipientKind
from models.vocab_staff import Permission
from triage import logs
from triage.clock import show
from triage.errors import BadInput, NoRule, NotFound, TriageError
from triage.rules.calendar import beijing
from triage.rules.noticing import fill
from triage.services import ledger
from triage.services.notices import contacts, logbook
from triage.services.notices.noting import Recipient
from triage.web import access, acting, guard
from triage.web.asking import refuse_others
from triage.web.desk import render
from triage.web.keys import DEPS, NAMES, VIEWER

if TYPE_CHECKING:
    from datetime import date, datetime

    from models.viewing import Viewer
    from triage.rules.rows import Tables
    from triage.services.deps import Deps
    from triage.services.notices.logbook import Entry
    from triage.web.names import Names

log = logs.get(__name__)

PER_PAGE: Final = 50
_ID: Final = re.compile(r"[0-9]{1,18}")
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
#: Our codes of what came of a try, in words for staff.
_WORDS: Final = {
    "timeout": "对方没有及时回答",
    "connect": "连不上对方",
    "broken_answer": "对方的回答中断了",
    "answer_too_long": "对方的回答不像回答",
    "no_errcode": "对方的回答不像企业微信",
    "unknown_user": "企业微信里没有这个成员",
    "bad_address": "地址不能用",
    "sealed": "联系方式解不开：请核对密钥，或重新填写",
    "smtp_refused": "邮件服务器不接受",
    "smtp_no_tls": "邮件服务器不提供加密（STARTTLS），没有发出；请核对 JIESU_SMTP_URL",
}
_KINDS: Final = {
    "http": "对方回答 HTTP {}",
    "errcode": "企业微信错误码 {}",
    "token_errcode": "企业微信凭证错误码 {}",
    "smtp": "邮件服务器回答 {}",
    "smtp_login": "邮件服务器登录失败 {}",
}
#: What became of an address.
_SET: Final = {
    "1": "联系方式已保存；因为没有联系方式而等着的通知随后发出。",
    "removed": "联系方式已去掉；这个单位或岗位以后不再这样通知。",
    "none": "没有这个联系方式，可能刚被别人去掉。",
}


class NotTheirs(TriageError):
    """这个单位或岗位不在您的范围内，联系方式请由管它的督办员设，或在服务器上用 jiesu unit contact 设。"""

    code: ClassVar[str] = "contact_of_others"
    status: ClassVar[int] = 403


@dataclass(frozen=True, slots=True)
class Line:
    """A notice as the page shows it."""

    id: int
    state: str
    label: str
    who: str
    title: str
    text: str
    no: str | None
    created_at: datetime
    how: str
    contact: str | None
    again: bool


@dataclass(frozen=True, slots=True)
class Tab:
    """A state with its count."""

    label: str
    count: str
    href: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Address:
    """An address, masked."""

    who: str
    medium: str
    value: str
    recipient: str
    hint: str
    changed: str


@dataclass(frozen=True, slots=True)
class NoticePage:
    """Everything the page shows; `unit` and its addresses when one is being set."""

    lines: tuple[Line, ...]
    tabs: tuple[Tab, ...]
    state: str
    all_again: str | None
    more: str | None
    done: str | None
    unit: str
    fault: str | None
    chosen: str
    posts: tuple[str, ...]
    addresses: tuple[Address, ...]
    media: tuple[tuple[str, str], ...]
    field: str
    token: str


@dataclass(frozen=True, slots=True)
class Tried:
    """An address that was not taken: why, and for whom. The address itself is not sent back to a screen."""

    error: TriageError
    unit: str
    medium: str


async def page(request: web.Request) -> web.Response:
    """The log. Raises BadInput naming a bad parameter."""
    refuse_others(request.query, ("state", "before", "unit", "done", "set"))
    return await _page(request, None)


async def _page(request: web.Request, tried: Tried | None) -> web.Response:
    deps, names = request.app[DEPS], request.app[NAMES]
    state = _state(request.query.get("state", ""))
    before = _number(request, "before")
    unit = request.query.get("unit", "")
    if unit and not _CODE.fullmatch(unit):
        raise BadInput("参数 unit 不是单位编码")
    async with deps.db.reads() as session:
        found = await logbook.entries(session, state=state, before=before, limit=PER_PAGE + 1)
        counts = await logbook.counts(session)
        known = await contacts.listed(session, recipient=unit) if unit else []
        shown = found[:PER_PAGE]
        numbers = [str(item.facts.get("no") or "") for item in shown]
        seen = await seen_numbers(session, request[VIEWER], numbers)
    token = guard.token_of(request)
    response = render(
        request,
        "desk/notices.html",
        page=NoticePage(
            lines=tuple(_line(item, deps.tables, names, deps.clock.now(), seen) for item in shown),
            tabs=_tabs(counts, state),
            state=state.value if state else "",
            all_again=state.value if state in logbook.AGAIN and shown else None,
            more=_address(state, before=shown[-1].id) if len(found) > PER_PAGE else None,
            done=_done(request),
            unit=tried.unit if tried else _field(deps, unit),
            fault=tried.error.detail if tried else None,
            chosen=tried.medium if tried else "",
            posts=tuple(POSTS.values()),
            addresses=tuple(
                Address(_who(c.recipient_kind, c.recipient, names), Medium(c.medium).label, c.medium,
                        c.recipient, c.hint, f"{show(c.changed_at)} {c.changed_by}")
                for c in known
            ),
            media=tuple((medium.value, medium.label) for medium in Medium),
            field=guard.FIELD,
            token=token,
        ),
        status=tried.error.status if tried else 200,
    )  # fmt: skip
    guard.keep(response, token)
    return response


async def retry(request: web.Request) -> web.Response:
    """重发: `id` is one of them, `state` all of a state. Leads back to the page. Raises BadInput."""
    form = await request.post()
    ids = [str(value) for value in form.getall("id", [])]
    state = _state(str(form.get("state", "")))
    wrong = len(ids) > PER_PAGE or not all(_ID.fullmatch(value) for value in ids)
    if wrong or bool(ids) == (state is not None):
        raise BadInput("请在页面上选择要重发的通知。")
    deps = request.app[DEPS]
    async with deps.db.writes.begin() as session:
        done = await logbook.again(
            session, request[VIEWER], now=deps.clock.now(), ids=[int(value) for value in ids], state=state
        )
        ledger.write(
            session, who=request[VIEWER].login, act=LedgerAct.NOTICES_AGAIN, now=deps.clock.now(),
            subject=ledger.Subject(SubjectKind.NOTICE, state.value if state else ",".join(ids)),
            detail={"notices": done},
        )  # fmt: skip
    log.info("notices_sent_again", notices=done, by=request[VIEWER].login)
    return web.Response(status=303, headers={"Location": f"/desk/notices?done={done}"})


async def set_contact(request: web.Request) -> web.Response:
    """设联系方式. Leads back to the page; what is refused is shown in the form."""
    form = await request.post()
    typed = {name: str(form.get(name, "")).strip() for name in ("unit", "medium", "address")}
    deps, by = request.app[DEPS], request[VIEWER].login
    try:
        on = beijing(deps.clock.now()).date()
        to, medium = _told(deps.tables, typed["unit"], typed["medium"], on=on)
        if not typed["address"]:
            raise BadInput("请填写地址；要去掉已有的，按它后面的“去掉”")  # noqa: TRY301
        _refuse_others(request[VIEWER], to)
        async with deps.db.writes.begin() as session:
            await contacts.put(session, deps.vault, to, medium, typed["address"], by=by, now=deps.clock.now())
    except (BadInput, NotFound, NotTheirs) as error:
        return await _page(request, Tried(error, typed["unit"], typed["medium"]))
    log.info("contact_changed", recipient=to.id, medium=medium.value, removed=False, by=by)
    return _back(to, "1")


async def drop_contact(request: web.Request) -> web.Response:
    """去掉一个联系方式. Leads back to the page. Raises BadInput, NotTheirs."""
    form, deps, by = await request.post(), request.app[DEPS], request[VIEWER].login
    on = beijing(deps.clock.now()).date()
    to, medium = _told(deps.tables, str(form.get("unit", "")), str(form.get("medium", "")), on=on)
    _refuse_others(request[VIEWER], to)
    async with deps.db.writes.begin() as session:
        there = await contacts.drop(session, to, medium, by=by, now=deps.clock.now())
    if there:
        log.info("contact_changed", recipient=to.id, medium=medium.value, removed=True, by=by)
    return _back(to, "removed" if there else "none")


def _refuse_others(viewer: Viewer, to: Recipient) -> None:
    """Whoever sets where a unit is told can have its notices come to themselves. Raises NotTheirs."""
    if not viewer.scope.everything and (to.kind is RecipientKind.POST or to.id not in viewer.scope.units):
        raise NotTheirs


def _told(tables: Tables, unit: str, medium: str, *, on: date) -> tuple[Recipient, Medium]:
    """Whose address, and of which medium. Raises BadInput."""
    code = recipient_code(tables, unit, on=on)
    kind = RecipientKind.POST if code in POSTS else RecipientKind.UNIT
    known = next((found for found in Medium if found.value == medium), None)
    if known is None:
        raise BadInput("请选择发送方式")
    return Recipient(kind, code), known


def _back(to: Recipient, told: str) -> web.Response:
    query = urlencode({"unit": to.id, "set": told})
    return web.Response(status=303, headers={"Location": f"/desk/notices?{query}#contact"})


def recipient_code(tables: Tables, text: str, *, on: date) -> str:
    """Of a unit or post told by its whole name; a code is taken too. Raises BadInput."""
    posts = {label: value for value, label in POSTS.items()}
    code = posts.get(text) or acting.unit_code(tables, text, on=on)
    if code not in tables.units and code not in posts.values():
        raise BadInput(f"单位名录里没有“{text[:40]}”：请从列表里选，或写全称；也可以写岗位，如 督办")
    return code


def _line(item: Entry, tables: Tables, names: Names, now: datetime, seen: frozenset[str]) -> Line:
    """A notice; of a case that the viewer may not see, that it was sent and to whom, not what it said."""
    state, no = NoticeState(item.state), item.facts.get("no")
    hidden = bool(no) and no not in seen
    try:
        row = tables.notices.template(item.template, beijing(now).date())
        title, text = row.title, fill(row.line, item.facts)
    except NoRule:
        title, text = item.template, "这个模板已不在通知表里"
    return Line(
        id=item.id,
        state=state.value,
        label=state.label,
        who=_who(item.recipient_kind, item.recipient, names),
        title=title,
        text="（工单不在您的查看范围内，内容不显示）" if hidden else text,
        no=None if hidden else no,
        created_at=item.created_at,
        how=_how(item, state),
        contact=item.recipient if state is NoticeState.NO_CONTACT else None,
        again=state in logbook.AGAIN,
    )


def _who(kind: str, recipient: str, names: Names) -> str:
    match RecipientKind(kind):
        case RecipientKind.UNIT:
            return names.units.get(recipient, recipient)
        case RecipientKind.POST:
            return POSTS.get(recipient, recipient)
        case _:
            return f"诉求 {recipient} 的诉求人"


def _field(deps: Deps, code: str) -> str:
    """A unit or post as its field says it, to be read back as the same; a code that is neither as it is."""
    return POSTS.get(code) or acting.unit_text(deps.tables, code, on=beijing(deps.clock.now()).date())


def _how(item: Entry, state: NoticeState) -> str:
    """When and how it goes, went, or why not."""
    if state is NoticeState.WAITING:
        return f"{show(item.not_before)} 起发出"
    if item.medium is None:
        return "没有可用的联系方式" if state is NoticeState.NO_CONTACT else ""
    parts = [Medium(item.medium).label]
    if (item.together or 0) > 1:
        parts.append(f"与另 {(item.together or 0) - 1} 件汇总")
    if item.attempts:
        parts.append(f"第 {item.attempts} 次")
    if item.code:
        parts.append(said(item.code))
    if state is NoticeState.SENDING and item.next_at and item.attempts:
        parts.append(f"{show(item.next_at)} 再试")
    if item.ended_at:
        parts.append(show(item.ended_at))
    return "，".join(parts)


def said(code: str) -> str:
    """A code of the log in words for staff."""
    kind, _, number = code.rpartition("_")
    return _WORDS.get(code) or (_KINDS[kind].format(number) if kind in _KINDS else code)


def _tabs(counts: dict[NoticeState, int], chosen: NoticeState | None) -> tuple[Tab, ...]:
    every = Tab("全部", told(sum(counts.values())), _address(None), chosen is None)
    return (every, *(Tab(s.label, told(counts[s]), _address(s), s is chosen) for s in NoticeState))


def _address(state: NoticeState | None, *, before: int | None = None) -> str:
    query = {"state": state.value if state else "", "before": str(before or "")}
    words = urlencode({name: value for name, value in query.items() if value})
    return f"/desk/notices?{words}" if words else "/desk/notices"


def _done(request: web.Request) -> str | None:
    if told := request.query.get("set"):
        return _SET.get(told)
    number = _number(request, "done")
    if number is None:
        return None
    more = f"一次最多 {logbook.MOST} 条，其余的请再按一次。" if number >= logbook.MOST else ""
    return f"{number} 条通知将重新发出。{more}" if number else "没有要重发的通知。"


def _state(value: str) -> NoticeState | None:
    if not value:
        return None
    try:
        return NoticeState(value)
    except ValueError:
        known = "、".join(member.value for member in NoticeState)
        raise BadInput(f"参数 state 只能是：{known}") from None


def _number(request: web.Request, name: str) -> int | None:
    value = request.query.get(name)
    if value is None:
        return None
    if not _ID.fullmatch(value):
        raise BadInput(f"参数 {name} 应是数字")
    return int(value)


ROUTES: Final = (
    access.get("/desk/notices", page, needs=Permission.NOTICES),
    access.post("/desk/notices/retry", retry, needs=Permission.NOTICES),
    access.post("/desk/notices/contacts", set_contact, needs=Permission.NOTICES),
    access.post("/desk/notices/contacts/drop", drop_contact, needs=Permission.NOTICES),
)
