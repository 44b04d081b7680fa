"""Open311 GeoReport v2 under /open311/v2: discovery, services, definitions, requests, tokens.

Reads need no key; a POST needs one. What is shown goes through `models.public`. Answers and errors are XML
or JSON by the address's suffix, never problem+json (`docs/open311.md` says what was chosen where the
standard is silent).
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

import sqlalchemy as sa
from aiohttp import hdrs, web

from models import public
from models.db import insert_of
from models.open311 import Open311Change
from models.public import PublicFilter
from models.vocab_citizen import Asked
from triage.clock import local
from triage.errors import TriageError
from triage.services import limiting
from triage.services.open311 import catalogue, keys, posting, taking
from triage.services.open311.posting import Fault
from triage.web import access
from triage.web.keys import DEPS
from triage.web.open311 import present
from triage.web.open311.documents import CONTENT_TYPES, Many, One, answer, errors, format_of, moment
from triage.web.open311.places import area_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from aiohttp.typedefs import Handler

    from triage.services.deps import Deps

BASE: Final = "/open311/v2"
SPECIFICATION: Final = "http://wiki.open311.org/GeoReport_v2"
MOST_ROWS: Final = 1000
LONGEST_SPAN: Final = timedelta(days=90)
_PAGE_SIZE: Final = 50
_MOST_IDS: Final = 200
_STATUSES: Final = {"open": False, "closed": True}
_FORM: Final = "application/x-www-form-urlencoded"


class Refused(TriageError):
    """An answer that is an error list."""

    def __init__(self, status: int, *faults: Fault) -> None:
        super().__init__("；".join(fault.description for fault in faults))
        self.told = status
        self.faults = faults


def _refuse(code: int, description: str) -> Refused:
    return Refused(code, Fault(code, description))


def _today(deps: Deps) -> date:
    return local(deps.clock.now()).date()


def _jurisdiction(deps: Deps, query: Mapping[str, str]) -> None:
    """One server, one jurisdiction: need not be named, but must not be another. Raises Refused."""
    ours, asked = deps.settings.open311_jurisdiction, query.get("jurisdiction_id", "")
    if asked and ours and asked != ours:
        raise _refuse(404, "jurisdiction_id：本接口不提供这个辖区")


def _telling(handler: Handler) -> Handler:
    """Answer what a handler refuses with the list of its faults."""

    async def told(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as error:
            return errors(format_of(request.path), error.faults, status=error.told)

    return told


async def discovery(request: web.Request) -> web.Response:
    """What this server is, and since when its services are these."""
    deps = request.app[DEPS]
    since = moment(await _changed(deps))
    # Behind a proxy that ends TLS the line to us says nothing of the citizen's.
    scheme = "https" if deps.settings.tls else request.scheme
    root = f"{scheme}://{request.headers.get(hdrs.HOST, request.host)}"
    endpoint = {
        "specification": SPECIFICATION,
        "url": f"{root}{BASE}",
        "changeset": since,
        "type": "production" if deps.settings.open311_production else "test",
        "formats": Many("formats", "format", list(CONTENT_TYPES.values())),
    }
    fields = {
        "changeset": since,
        "contact": deps.settings.open311_contact,
        "key_service": deps.settings.open311_key_service,
        "endpoints": Many("endpoints", "endpoint", [endpoint]),
    }
    return answer(format_of(request.path), One("discovery", fields))


async def _changed(deps: Deps) -> datetime:
    """When these services and definitions were first seen; noted now if they never were."""
    digest, now = catalogue.digest(deps.tables, _today(deps)), deps.clock.now()
    newest = sa.select(Open311Change.digest, Open311Change.seen_at).order_by(Open311Change.seen_at.desc())
    async with deps.db.reads() as session:
        row = (await session.execute(newest.limit(1))).one_or_none()
    if row is not None and row.digest == digest:
        at: datetime = row.seen_at
        return at
    # Back to what it once was is a change as well.
    async with deps.db.writes.begin() as session:
        noted = insert_of(session, Open311Change).values(digest=digest, seen_at=now)
        await session.execute(noted.on_conflict_do_update(index_elements=["digest"], set_={"seen_at": now}))
    return now


async def services(request: web.Request) -> web.Response:
    """The kinds of pollution as services."""
    deps = request.app[DEPS]
    _jurisdiction(deps, request.query)
    items = [
        present.service(found, batch=deps.settings.open311_tokens)
        for found in catalogue.services(deps.tables, _today(deps))
    ]
    return answer(format_of(request.path), Many("services", "service", items))


async def definition(request: web.Request) -> web.Response:
    """What is asked for a service."""
    deps = request.app[DEPS]
    _jurisdiction(deps, request.query)
    found = catalogue.service(deps.tables, request.match_info["code"], _today(deps))
    if found is None:
        raise _refuse(404, "service_code：没有这个服务")
    return answer(format_of(request.path), present.definition(found))


async def post_request(request: web.Request) -> web.Response:
    """Take a request. Errors are told together, the key's first."""
    deps = request.app[DEPS]
    form = await _form(request)
    _jurisdiction(deps, {name: values[0] for name, values in form.items()})
    async with deps.db.reads() as session:
        key = await keys.holder(session, deps.vault, posting.told(form, "api_key"))
    code = posting.told(form, "service_code")
    if code is None:
        raise _refuse(400, "缺少 service_code")
    found = catalogue.service(deps.tables, code, _today(deps))
    if found is None:
        raise _refuse(404, "service_code：没有这个服务")
    posted, faults = posting.check(form, found)
    if posted is None:
        raise Refused(400, *faults)
    where = None
    if posted.lon is not None and posted.lat is not None:
        where = await asyncio.to_thread(area_of, posted.lon, posted.lat, told=bool(posted.address))
        if where is None:
            raise _refuse(400, "lat、long：这个位置不在本市范围内")
    limits, now = deps.settings, deps.clock.now()
    async with deps.db.writes.begin() as session:
        who, most = str(key.id), limits.open311_per_hour
        await limiting.look(session, deps.vault, Asked.POST, who, most=most, now=now)
        number, token = await taking.take(session, deps.vault, key, posted, where=where, now=now)
        # Last: one key stands for a whole system, and its postings would wait for each other.
        await limiting.count(session, deps.vault, Asked.POST, who, most=most, now=now)
    told: dict[str, Any] = (
        {"token": token} if limits.open311_tokens else {"service_request_id": taking.request_id(number)}
    )
    told["service_notice"] = "已登记，处理进度可凭编号查询；文字识别完成、隐去身份信息后公开。"
    told["account_id"] = None
    return answer(format_of(request.path), Many("service_requests", "request", [told]))


async def _form(request: web.Request) -> dict[str, list[str]]:
    """The fields that were sent. Raises Refused when they are no form in UTF-8."""
    if request.content_type == "multipart/form-data":
        raise _refuse(400, f"请以 {_FORM} 提交；照片请给出 media_url")
    body = await request.read()
    try:
        return parse_qs(
            body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=200, separator="&"
        )
    except (UnicodeDecodeError, ValueError):
        raise _refuse(400, f"请求内容不是 UTF-8 的 {_FORM}") from None


async def token(request: web.Request) -> web.Response:
    """The id that a token became; empty while it waits."""
    deps = request.app[DEPS]
    _jurisdiction(deps, request.query)
    text = request.match_info["token"]
    async with deps.db.reads() as session:
        found = await public.by_token(session, text) if "\0" not in text else None
    if found is None:
        raise _refuse(404, "token：没有这个凭证")
    number, read = found
    ready = read or not deps.settings.open311_tokens
    row = {"service_request_id": taking.request_id(number) if ready else None, "token": text}
    return answer(format_of(request.path), Many("service_requests", "request", [row]))


async def requests(request: web.Request) -> web.Response:
    """The list. An id list overrides every other filter."""
    deps = request.app[DEPS]
    _jurisdiction(deps, request.query)
    asked = _filter(request.query, now=deps.clock.now())
    size, page = _paging(request.query)
    async with deps.db.reads() as session:
        rows = await public.public_cases(
            session, asked, limit=min(size, MOST_ROWS - (page - 1) * size), offset=(page - 1) * size
        )
        total = await public.count_public(session, asked, most=MOST_ROWS) if _paged(request.query) else 0
    response = _rows(request, rows)
    if _paged(request.query):
        pages = -(-total // size)
        for name, value in (
            ("TotalSize", total),
            ("TotalPages", pages),
            ("PageNumber", page),
            ("Size", size),
        ):
            response.headers[f"page-{name}"] = str(value)
    return response


async def one_request(request: web.Request) -> web.Response:
    """One request, in the list's wrapper."""
    deps = request.app[DEPS]
    _jurisdiction(deps, request.query)
    number = taking.appeal_id(request.match_info["id"])
    async with deps.db.reads() as session:
        rows = (
            await public.public_cases(session, PublicFilter(ids=(number,)), limit=1)
            if number is not None
            else []
        )
    if not rows:
        raise _refuse(404, "service_request_id：没有这件诉求")
    return _rows(request, rows)


def _rows(request: web.Request, rows: Sequence[public.PublicCase]) -> web.Response:
    deps = request.app[DEPS]
    extended = request.query.get("extensions") == "true"
    items = [present.case(row, deps.tables, extended=extended) for row in rows]
    return answer(format_of(request.path), Many("service_requests", "request", items))


def _list(query: Mapping[str, str], name: str) -> list[str]:
    return [part for text in query.get(name, "").split(",") if (part := text.strip())]


def _filter(query: Mapping[str, str], *, now: datetime) -> PublicFilter:
    """What the list is narrowed to. Raises Refused naming every bad parameter."""
    if wanted := _list(query, "service_request_id"):
        if len(wanted) > _MOST_IDS:
            raise _refuse(400, f"service_request_id：一次最多 {_MOST_IDS} 个")
        numbers = [taking.appeal_id(text) for text in wanted]
        return PublicFilter(ids=tuple(number for number in numbers if number is not None))
    faults: list[Fault] = []
    statuses = {status.lower() for status in _list(query, "status")}
    faults += [
        Fault(400, f"status：只能是 open、closed，没有 {status[:20]}")
        for status in sorted(statuses - _STATUSES.keys())
    ]
    ends: dict[str, datetime | None] = {}
    for name in ("start_date", "end_date"):
        text = query.get(name, "").strip()
        ends[name] = posting.moment(text) if text else None
        if text and ends[name] is None:
            faults.append(Fault(400, f"{name}：应是带时区的 ISO 8601 时刻，如 2026-11-01T00:00:00Z"))
    if faults:
        raise Refused(400, *faults)
    start, end = _span(ends["start_date"], ends["end_date"], now=now)
    # No code of ours is longer or holds anything else; PostgreSQL would refuse a NUL.
    kinds = [code for code in _list(query, "service_code") if code.isprintable()]
    return PublicFilter(
        kinds=tuple(kinds) if query.get("service_code", "").strip() else None,
        closed=_STATUSES[statuses.pop()] if len(statuses) == 1 else None,
        start=start,
        end=end,
    )


def _span(start: datetime | None, end: datetime | None, *, now: datetime) -> tuple[datetime, datetime]:
    """Both ends: 90 days up to now, or beside the end that was given. Raises Refused."""
    try:
        end = end or (start + LONGEST_SPAN if start else now)
        start = start or end - LONGEST_SPAN
    except OverflowError:
        raise _refuse(400, "start_date、end_date：超出范围") from None
    if start > end:
        raise _refuse(400, "start_date 晚于 end_date")
    if end - start > LONGEST_SPAN:
        raise _refuse(400, f"start_date 到 end_date 最多 {LONGEST_SPAN.days} 天")
    return start, end


def _paged(query: Mapping[str, str]) -> bool:
    return bool(query.get("page") or query.get("page_size"))


def _paging(query: Mapping[str, str]) -> tuple[int, int]:
    """(size, page): an extension; without it the first 1,000 rows. Raises Refused."""
    if not _paged(query):
        return MOST_ROWS, 1
    found = []
    for name, usual in (("page_size", _PAGE_SIZE), ("page", 1)):
        text = query.get(name, "") or str(usual)
        if not (text.isascii() and text.isdigit() and 0 < len(text) <= 4 and 1 <= int(text) <= MOST_ROWS):  # noqa: PLR2004
            raise _refuse(400, f"{name}：应是 1 到 {MOST_ROWS} 的整数")
        found.append(int(text))
    size, page = found
    if (page - 1) * size >= MOST_ROWS:
        raise _refuse(400, f"page：最多看到第 {MOST_ROWS} 条，请缩小时间范围")
    return size, page


_SUFFIX: Final = "{fmt:xml|json}"
ROUTES: Final = (
    access.open_to_all("GET", f"{BASE}/discovery.{_SUFFIX}", _telling(discovery)),
    access.open_to_all("GET", f"{BASE}/services.{_SUFFIX}", _telling(services)),
    access.open_to_all("GET", f"{BASE}/services/{{code}}.{_SUFFIX}", _telling(definition)),
    access.open_to_all("POST", f"{BASE}/requests.{_SUFFIX}", _telling(post_request)),
    access.open_to_all("GET", f"{BASE}/requests.{_SUFFIX}", _telling(requests)),
    access.open_to_all("GET", f"{BASE}/requests/{{id}}.{_SUFFIX}", _telling(one_request)),
    access.open_to_all("GET", f"{BASE}/tokens/{{token}}.{_SUFFIX}", _telling(token)),
)
