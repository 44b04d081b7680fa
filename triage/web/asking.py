"""What a request asks for: parameters → filter and cursor, a JSON body; every fault is named by its place."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlencode

import orjson

from models.counted import MOST_YEARS, Counted, TooLong
from models.filters import Cursor, Day, DueWindow, TicketFilter, View
from models.lines import PAGE_LIMIT
from models.vocab import Labelled, Urgency
from triage.clock import local
from triage.errors import BadInput
from triage.web import narrowing
from triage.web.narrowing import FilterFault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from aiohttp import web
    from multidict import MultiMapping

    from triage.web.names import Names
    from triage.web.narrowing import Faults

L = TypeVar("L", bound=Labelled)

#: Parameters of the list, as they stand in addresses of the desk and of the API alike.
PARAMETERS: Final = (
    "state",
    "unit",
    "district",
    "kind",
    "urgency",
    "due",
    "review",
    "mine",
    "q",
    "counted",
    "received_from",
    "received_to",
    "street",
    "channel",
    "supervised",
    "rehandled",
    "after",
    "before",
    "limit",
)
#: What a column of whole numbers holds (int4): beyond it PostgreSQL answers with an error, and Python makes
#: no number at all of more than 4,300 digits.
MOST_NUMBER: Final = 2**31 - 1
_MOST_PER_PAGE: Final = 200
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST_QUERY: Final = 100
_LONGEST_CODE: Final = 40
_LONGEST_COUNTED: Final = 800


@dataclass(frozen=True, slots=True)
class Asked:
    """A list as an address asks for it."""

    filters: TicketFilter
    after: Cursor | None = None
    before: Cursor | None = None
    limit: int = PAGE_LIMIT

    def parameters(self) -> dict[str, str]:
        """The filter's parameters, without those that say nothing and without cursors."""
        filters = self.filters
        found = {
            "state": "" if filters.view is View.OPEN else filters.view.value,
            "unit": filters.unit_code,
            "district": filters.district_code,
            "kind": filters.kind,
            "urgency": filters.urgency,
            "due": filters.due,
            "review": "1" if filters.review_only else "",
            "mine": "1" if filters.mine else "",
            "q": filters.query,
            "counted": filters.counted.encode() if filters.counted else "",
            "received_from": filters.received_from,
            "received_to": filters.received_to,
            "street": filters.street_code,
            "channel": filters.channel,
            "supervised": "1" if filters.supervised else "",
            "rehandled": "1" if filters.rehandled else "",
            "limit": "" if self.limit == PAGE_LIMIT else str(self.limit),
        }
        return {name: str(value) for name, value in found.items() if value}

    def address(self, path: str, **more: str | None) -> str:
        """The address of this list, with other parameters added (None takes one away)."""
        merged = {**self.parameters(), **more}
        query = urlencode({name: value for name, value in merged.items() if value})
        return f"{path}?{query}" if query else path


def day_of(now: datetime) -> Day:
    """The moment and the edges of its Beijing day."""
    starts = local(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return Day(now=now, starts=starts, ends=starts + timedelta(days=1))


def number_of(text: object, *, most: int = MOST_NUMBER) -> int | None:
    """A number written in plain digits, up to `most`; None when it is none: absent, too long, a file."""
    if not isinstance(text, str) or not (text.isascii() and text.isdigit() and len(text) <= len(str(most))):
        return None
    found = int(text)
    return found if found <= most else None


def form_number(value: object) -> int:
    """A number that a form of ours carries. Raises BadInput."""
    found = number_of(value)
    if found is None:
        raise BadInput("表单不完整，请刷新页面再提交")
    return found


def refuse_others(query: MultiMapping[str], known: Sequence[str], *, many: Sequence[str] = ()) -> None:
    """Refuse parameters that are not `known`, or stand twice and are none of `many`. Raises BadInput."""
    for name in query:
        if name not in known:
            raise BadInput(f"不认识的参数：{name[:_LONGEST_CODE]}")
        if name not in many and len(query.getall(name)) > 1:
            raise BadInput(f"参数 {name} 只能写一次")


async def json_object(request: web.Request, known: Sequence[str]) -> dict[str, Any]:
    """The object of a request's JSON body. Raises BadInput, also naming a key that is none of `known`."""
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        raise BadInput("请求内容不是合法的 JSON") from None
    if not isinstance(body, dict):
        raise BadInput("请求内容应是 JSON 对象")
    for name in body:
        if name not in known:
            raise BadInput(f"不认识的键：{name[:40]}")
    return body


def read_strictly(query: MultiMapping[str], names: Names) -> Asked:
    """The same, refusing unknown and repeated parameters too. Raises BadInput naming the bad one."""
    refuse_others(query, PARAMETERS)
    return read(query, names)


def read(query: Mapping[str, str], names: Names) -> Asked:
    """Read the parameters. Raises BadInput naming the bad one, FilterFault where a field of the form is."""
    if query.get("after") and query.get("before"):
        raise BadInput("参数 after 与 before 不能同时使用")
    after, before, limit = _cursor(query, "after"), _cursor(query, "before"), _limit(query)
    filters, unread = _taken(query)
    filters, wrong = narrowing.checked(filters, names)
    asked = Asked(filters, after=after, before=before, limit=limit)
    if faults := wrong | unread:
        raise FilterFault(asked, faults)
    return asked


def kept(parameters: Mapping[str, str]) -> TicketFilter:
    """A filter as a job keeps it, masked: its words may be longer by that than anybody may type."""
    found, _ = _taken({**parameters, "q": ""})
    return replace(found, query=parameters.get("q", ""))


def _taken(query: Mapping[str, str]) -> tuple[TicketFilter, Faults]:
    """The filter as it is written, and which of its fields cannot be read. Raises BadInput."""
    return narrowing.taken(
        query,
        TicketFilter(
            view=_one_of(View, query, "state") or View.OPEN,
            unit_code=_code(query, "unit"),
            district_code=_code(query, "district"),
            kind=_code(query, "kind"),
            urgency=_one_of(Urgency, query, "urgency"),
            due=_one_of(DueWindow, query, "due"),
            review_only=_flag(query, "review"),
            mine=_flag(query, "mine"),
            query=_text(query, "q", _LONGEST_QUERY),
            counted=_counted(query),
            supervised=_flag(query, "supervised"),
            rehandled=_flag(query, "rehandled"),
        ),
    )


def _text(query: Mapping[str, str], name: str, longest: int) -> str:
    # Control characters (a soft break pasted from Word) stand in no text; PostgreSQL refuses NUL, Excel all.
    value = _CONTROLS.sub(" ", query.get(name, "")).strip()
    if len(value) > longest:
        raise BadInput(f"参数 {name} 过长：最多 {longest} 个字符")
    return value


def _code(query: Mapping[str, str], name: str) -> str | None:
    return _text(query, name, _LONGEST_CODE) or None


def _flag(query: Mapping[str, str], name: str) -> bool:
    value = query.get(name, "")
    if value not in {"", "0", "1"}:
        raise BadInput(f"参数 {name} 只能是 0 或 1")
    return value == "1"


def _one_of(kind: type[L], query: Mapping[str, str], name: str) -> L | None:
    value = query.get(name, "")
    if not value:
        return None
    try:
        return kind(value)
    except ValueError:
        known = "、".join(member.value for member in kind)
        raise BadInput(f"参数 {name} 只能是：{known}") from None


def _cursor(query: Mapping[str, str], name: str) -> Cursor | None:
    value = query.get(name, "")
    if not value:
        return None
    try:
        return Cursor.decode(value)
    except ValueError:
        raise BadInput(f"参数 {name} 不是本系统给出的翻页位置") from None


def _counted(query: Mapping[str, str]) -> Counted | None:
    value = _text(query, "counted", _LONGEST_COUNTED)
    if not value:
        return None
    try:
        return Counted.decode(value)
    except TooLong:
        raise BadInput(f"参数 counted 的日期太长：一次最多看 {MOST_YEARS} 年") from None
    except ValueError:
        raise BadInput("参数 counted 不是本系统给出的统计范围") from None


def _limit(query: Mapping[str, str]) -> int:
    value = query.get("limit", "")
    if not value:
        return PAGE_LIMIT
    if not (
        value.isascii() and value.isdigit() and len(value) < len("1000") and 0 < int(value) <= _MOST_PER_PAGE
    ):
        raise BadInput(f"参数 limit 应在 1 到 {_MOST_PER_PAGE} 之间")
    return int(value)
