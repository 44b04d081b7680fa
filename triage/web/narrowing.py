"""受理日期, 街道, 受理渠道 in an address of the list: what is wrong is told by its field, the rest kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Final

from models.filters import MOST_DAYS
from models.finding import Search
from models.vocab import Channel
from triage.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.filters import TicketFilter
    from triage.web.asking import Asked
    from triage.web.names import Names

#: Fields that may be wrong, as they are called on the page.
FIELDS: Final = {
    "received_from": "受理日期起",
    "received_to": "受理日期止",
    "street": "街道",
    "channel": "受理渠道",
}
_YEARS: Final = range(2000, 2101)
_LONGEST: Final = 40

#: What is wrong, by its field: words that follow the field's name.
Faults = dict[str, str]


class FilterFault(BadInput):
    """筛选条件有误。"""

    def __init__(self, asked: Asked, faults: Faults) -> None:
        """Keep what is wrong by its field, and the list as it is asked for without that."""
        # Programs, files and jobs know the field by its parameter.
        super().__init__("；".join(f"{FIELDS[name]}（{name}）{words}" for name, words in faults.items()))
        self.asked = asked
        self.faults = faults


def shown(name: str, words: str) -> str:
    """What is wrong with a field, beside the form."""
    return f"{FIELDS[name]}{words}"


def taken(query: Mapping[str, str], filters: TicketFilter) -> tuple[TicketFilter, Faults]:
    """The filter with these fields as they are written, and what cannot be read."""
    faults: Faults = {}
    first, last = (_day(query, name, faults) for name in ("received_from", "received_to"))
    street, channel = _street(query, faults), _channel(query, faults)
    found = replace(filters, received_from=first, received_to=last, street_code=street, channel=channel)
    return found, faults


def checked(filters: TicketFilter, names: Names) -> tuple[TicketFilter, Faults]:
    """The filter without what does not go together, and why not; a street takes its district along."""
    faults: Faults = {}
    filters = _placed(filters, names, faults)
    if filters.received_from and filters.received_to and filters.received_to < filters.received_from:
        faults["received_to"] = f"早于受理日期起：{filters.received_to}"
        filters = replace(filters, received_to=None)
    elif filters.unbounded and not _whole_number(filters.query):
        faults["received_from"] = _days_wanted(filters)
    return filters, faults


def _days_wanted(filters: TicketFilter) -> str:
    """Why the days must be said, or be fewer: for what is asked for, whatever stands beside it."""
    first, last = filters.received_from, filters.received_to
    asked = {"受理渠道": filters.channel is not None, "重办过": filters.rehandled}
    beside = {"态势下钻": filters.counted is not None, "只看我经办的": filters.mine}
    what = "和".join(name for name, given in asked.items() if given)
    too = "、".join(name for name, given in beside.items() if given)
    days = (
        f"到受理日期止是 {(last - first).days + 1} 天，最多 {MOST_DAYS} 天"
        if first is not None and last is not None
        else f"和受理日期止都要写，最多 {MOST_DAYS} 天"
    )
    also = f"，加上{too}也一样" if too else ""
    return f"{days}：在“{filters.view.label}”里按{what}筛选，只能在一段日期里找{also}"


def _whole_number(query: str) -> bool:
    """Whether it is a ticket's number: that ticket is found whatever is filtered."""
    search = Search.parse(query)
    return search is not None and search.number is not None


def _placed(filters: TicketFilter, names: Names, faults: Faults) -> TicketFilter:
    street, district = filters.street_code, filters.district_code
    if street is None:
        return filters
    if street not in names.streets:
        faults["street"] = "不是本市街道乡镇或功能区的编码"
        return replace(filters, street_code=None)
    _, own = names.streets[street]
    if district is not None and district != own:
        faults["street"] = f"{names.street(street)}不在{names.district(district)}，请重新选街道"
        return replace(filters, street_code=None)
    return replace(filters, district_code=own)


def _day(query: Mapping[str, str], name: str, faults: Faults) -> date | None:
    value = query.get(name, "").strip()
    if not value:
        return None
    try:
        found = date.fromisoformat(value)
    except ValueError:
        faults[name] = "应是日期，形如 2026-11-23"
        return None
    if found.year not in _YEARS:
        faults[name] = "不在可查的年份里"
        return None
    return found


def _street(query: Mapping[str, str], faults: Faults) -> str | None:
    value = query.get("street", "").strip()
    if len(value) > _LONGEST:
        faults["street"] = "不是本市街道乡镇或功能区的编码"
        return None
    return value or None


def _channel(query: Mapping[str, str], faults: Faults) -> Channel | None:
    value = query.get("channel", "")
    known = {channel.value: channel for channel in Channel}
    if value and value not in known:
        faults["channel"] = f"只能是：{'、'.join(f'{c.value}（{c.label}）' for c in Channel)}"
    return known.get(value)
