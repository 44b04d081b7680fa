"""From events of tickets to notices: whom the rows of `notices.yaml` tell, and the facts they may say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from models.vocab import Level, Post, Tag, Urgency
from models.vocab_notices import NoticeTo, RecipientKind
from triage.clock import show
from triage.rules import wishes
from triage.rules.areas import street_name
from triage.rules.calendar import beijing
from triage.rules.routing import district_having
from triage.rules.rows import OWN
from triage.services.notices import sight
from triage.services.notices.noting import NewNotice, Recipient, note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.vocab import State, WishKind
    from triage.rules.rows import Tables


#: Hear of a case that may be another's by then: what was ruled on one's objection, that it is one's no more.
_ANYWAY: Final = frozenset({NoticeTo.OBJECTOR, NoticeTo.LOST})
#: A unit that decides has an address as a unit has; 督办 has that of the post.
_AT_A_UNIT: Final = {Post.HOTLINE: NoticeTo.CITY, Post.DISTRICT: NoticeTo.DISTRICT}


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of a ticket as notices see it; `parts` are the units of the ticket by what they are to it.

    `wish` was raised by it, on a ticket that stands as `state` since; by `wanted` its answer is wanted. Until
    `held` it can be taken back (撤销) and is told to nobody. `only`: of whom its templates tell these alone.
    """

    no: str
    seq: int
    tag: Tag
    kind: str | None
    district: str | None
    street: str | None
    urgency: Urgency
    due: datetime | None = None
    told: str | None = None
    parts: Mapping[NoticeTo, Sequence[str]] = field(default_factory=dict)
    wish: WishKind | None = None
    state: State | None = None
    held: datetime | None = None
    wanted: datetime | None = None
    only: frozenset[NoticeTo] | None = None


async def tell(session: AsyncSession, tables: Tables, happened: Iterable[Happened], *, now: datetime) -> None:
    """Write the notices that these events ask for, in the caller's transaction."""
    day = beijing(now).date()
    events = list(happened)
    seen = await sight.read(session, tables, {event.no for event in events}, day)
    found = [n for event in events for n in notices_of(tables, event, day, sees=seen.reaches)]
    await note(session, tables, found, now=now)


def notices_of(
    tables: Tables, event: Happened, day: date, *, sees: Callable[[Recipient, str], bool]
) -> list[NewNotice]:
    """One notice a template and recipient; the event's own desk hears nothing of what it did itself.

    `sees`: whether a recipient sees the case of a number. Who does not hears nothing: a district of a
    case that a city department leads, whom a confidential report is only copied to.
    """
    found = []
    for row in tables.notices.of_event(event.tag, day):
        told = {
            to: None
            for whom in row.tells
            if event.only is None or whom in event.only
            for to in _recipients(tables, event, whom, day, sees=sees)
            if whom in _ANYWAY or sees(to, event.no)
        }
        said = facts(tables, event) if told else {}
        asks = NoticeTo.DECIDES in row.tells
        reminds = event.tag is Tag.REMINDED
        found += [
            NewNotice(
                key=f"{event.no}:{event.seq}:{row.name}:{to.id}",
                to=to,
                template=row.name,
                urgency=event.urgency,
                facts=said,
                reminds=reminds,
                due=event.due if reminds else event.wanted if asks else None,
                held=event.held,
            )
            for to in told
        ]
    return found


def _recipients(
    tables: Tables, event: Happened, whom: NoticeTo, day: date, *, sees: Callable[[Recipient, str], bool]
) -> list[Recipient]:
    if whom is not NoticeTo.DECIDES:
        return [Recipient(RecipientKind.UNIT, unit) for unit in _units(tables, event, whom, day)]
    if event.wish is None or event.state is None:
        return []
    centre = _recipients(tables, event, NoticeTo.DISTRICT, day, sees=sees)
    blind = not any(sees(to, event.no) for to in centre)
    found: list[Recipient] = []
    for post in wishes.deciders(tables, event.wish, event.state, day, blind=blind):
        if post in _AT_A_UNIT:
            found += _recipients(tables, event, _AT_A_UNIT[post], day, sees=sees)
        else:
            found.append(Recipient(RecipientKind.POST, post.value))
    return found


def _units(tables: Tables, event: Happened, whom: NoticeTo, day: date) -> Sequence[str]:
    match whom:
        case NoticeTo.DISTRICT:
            lead = next(iter(event.parts.get(NoticeTo.LEAD, ())), None)
            area = district_having(tables, lead, event.district)
            unit = tables.unit(Level.DISTRICT, OWN, area or "", day)
            return (unit.code,) if unit else ()
        case NoticeTo.CITY:
            unit = tables.unit(Level.DESK, OWN, "", day)
            return (unit.code,) if unit else ()
        case _:
            return event.parts.get(whom, ())


def facts(tables: Tables, event: Happened) -> dict[str, str]:
    """What a notice may say: number, kind, district and street, grade, limit. Nothing a citizen wrote."""
    kind = tables.kinds.get(event.kind or "")
    found = {
        "no": event.no,
        "kind": kind.name if kind else None,
        "place": place(tables, event.district, event.street) or None,
        "urgency": f"{event.urgency.value} {event.urgency.label}",
        "due": show(event.due) if event.due else None,
        "told": event.told,
    }
    return {name: value for name, value in found.items() if value is not None}


def place(tables: Tables, district: str | None, street: str | None) -> str:
    """朝阳区望京街道, as far as it is known."""
    unit = tables.units.get(district or "")
    names = (unit.name if unit else "", (street_name(tables, street) if street else None) or "")
    return "".join(name.removesuffix("办事处").removesuffix("人民政府") for name in names)


def data_units(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The units that an automatic 催办 names, each once."""
    return tuple(dict.fromkeys(code for code in data.get("units", {}).values() if code))
