"""What pages and programs ask of bulk work, read strictly: the tickets, the move, a place in the rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models.filters import TicketFilter
from models.vocab_bulk import BulkRow
from triage.errors import BadInput, NotFound
from triage.services.bulk import drafting
from triage.web import asking, listing
from triage.web.asking import Asked
from triage.web.keys import DEPS, VIEWER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import web
    from multidict import MultiMapping

    from triage.web.names import Names

#: Filters a list may be narrowed by; cursors and page sizes are none of them.
FILTERS: Final = tuple(name for name in asking.PARAMETERS if name not in {"after", "before", "limit"})
#: In the form a filter stands beside the move's own fields, some of the same name.
BEFORE: Final = "in_"
_NUMBER: Final = re.compile(r"[0-9]{8}-[0-9]{6,20}")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The tickets somebody chose: ticked ones, or a whole list."""

    numbers: tuple[str, ...]
    asked: Asked

    @property
    def picked(self) -> dict[str, str]:
        """The filter as it is kept with the job; empty when they were ticked."""
        return {} if self.numbers else self.asked.parameters() or {"state": "open"}


def chosen(query: MultiMapping[Any], names: Names, *, before: str = "") -> Chosen:
    """Ticked numbers (`no`, several) or a filter, whose names stand behind `before`. Raises BadInput."""
    numbers = [str(value) for value in query.getall("no", [])]
    filters = {name: str(query[before + name]) for name in FILTERS if before + name in query}
    return Chosen(_numbers(numbers), asking.read(filters, names))


def of_json(body: Mapping[str, Any], names: Names, *, most: int) -> Chosen:
    """`tickets` (numbers) or `filter` (the list's parameters), one of them. Raises BadInput."""
    numbers, filters = body.get("tickets"), body.get("filter")
    if (numbers is None) == (filters is None):
        raise BadInput("tickets（工单编号）和 filter（列表条件）要写一个，且只写一个")
    if filters is not None:
        if not isinstance(filters, dict) or not all(isinstance(value, str) for value in filters.values()):
            raise BadInput("filter 应是 JSON 对象，值为文字")
        for name in filters:
            if name not in FILTERS:
                raise BadInput(f"filter 里不认识的键：{name[:40]}")
        return Chosen((), asking.read(filters, names))
    if not isinstance(numbers, list) or not all(isinstance(value, str) for value in numbers):
        raise BadInput("tickets 应是工单编号的列表")
    if len(numbers) > most:
        raise BadInput(f"一次最多批量办理 {most} 张")
    if not numbers:
        raise BadInput("没有选中工单")
    return Chosen(_numbers(numbers), Asked(TicketFilter()))


def _numbers(values: Sequence[str]) -> tuple[str, ...]:
    for value in values:
        if not _NUMBER.fullmatch(value):
            raise BadInput("工单编号的写法不对：应形如 20261123-00000001")
    return tuple(dict.fromkeys(values))


async def ids_of(request: web.Request, picked: Chosen) -> list[int]:
    """The ids of what was chosen. Raises BadInput, NotFound."""
    deps, viewer = request.app[DEPS], request[VIEWER]
    if picked.numbers:
        async with deps.db.reads() as session:
            return await drafting.pick_numbers(session, viewer, picked.numbers)
    ask = await listing.ask_of(request, picked.asked)
    async with deps.db.reads() as session:
        return await drafting.pick(session, ask, most=deps.settings.bulk_most)


def job_id(request: web.Request) -> int:
    """The job an address names. Raises NotFound."""
    number = asking.number_of(request.match_info["id"])
    if number is None:
        raise NotFound("没有这一批。")
    return number


def place(query: MultiMapping[str]) -> tuple[int, BulkRow | None]:
    """After which row, and only of which state. Raises BadInput."""
    after, state = asking.number_of(query.get("after") or "0"), query.get("state", "")
    if after is None:
        raise BadInput("参数 after 应是数字")
    known = {row.value: row for row in BulkRow}
    if state and state not in known:
        raise BadInput(f"参数 state 只能是：{'、'.join(known)}")
    return after, known.get(state)
