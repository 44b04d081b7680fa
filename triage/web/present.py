"""From rows to what is shown: labels, words, evidence that really stands in the text."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from models import placed
from models.vocab import (
    Channel,
    Clock,
    Divert,
    Labelled,
    Level,
    Precision,
    ReviewReason,
    Role,
    Satisfaction,
    State,
    Tag,
    Told,
    Urgency,
)
from models.vocab_citizen import Unsolved
from models.waiting import waits_of
from nlp.types import Head, source_text
from triage.rules import withdrawing
from triage.rules.answering import KEPT, type_of
from triage.rules.patrol import HANDLED
from triage.services import keeping
from triage.services.identities.showing import shown_text
from triage.web import views
from triage.web.move_notes import move_note, veiled
from triage.web.names import plain_area, short_area
from triage.web.words import counted, tone, until

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from models.appeals import Appeal, Reading
    from models.filters import Day
    from models.lines import Count, TicketRow
    from models.queries import TicketPage
    from models.ticket_detail import EventRow, WholeTicket
    from models.tickets import Ticket
    from models.unit_queries import UnitRow
    from models.viewing import Viewer
    from triage.services.citizen import unsolved
    from triage.services.keeping import Keeper
    from triage.web.names import Names

L = TypeVar("L", bound=Labelled)

HEADS: Final = {
    Head.ENVIRONMENTAL: "是否环境类",
    Head.KIND: "污染种类",
    Head.APPEAL_TYPE: "诉求类型",
    Head.URGENCY: "紧急程度",
    Head.PLACE: "地点",
    Head.PARTY: "被反映对象",
    Head.WHEN: "时间",
    Head.MOOD: "语气",
}


def term(kind: type[L], value: str) -> views.Term:
    """A stored key with its label; a key written by a newer version is shown as it is."""
    try:
        return views.Term(value, kind(value).label)
    except ValueError:
        return views.Term(value, value)


def optional_term(kind: type[L], value: str | None) -> views.Term | None:
    """The same for a key that may be missing."""
    return None if value is None else term(kind, value)


def due(at: datetime | None, clock: str | None, day: Day) -> views.Due | None:
    """A due time in words, with the clock that ends then."""
    if at is None:
        return None
    return views.Due(at, until(at, day.now), tone(at, day.now, day.ends), optional_term(Clock, clock))


def count(value: Count) -> views.CountView:
    """A capped count in words."""
    return views.CountView(value.value, value.more, counted(value))


def item(row: TicketRow, names: Names, day: Day) -> views.TicketItem:
    """A line of the list."""
    line = _line(row, shown_text(None, row.title), _unit(row.unit_code, row.unit_name), names, day)
    return replace(
        line,
        unsolved=optional_term(Unsolved, row.unsolved),
        call_after=row.call_after,
        keeper=row.keeper,
        fresh=row.fresh,
    )


def _line(
    row: TicketRow | Ticket, title: str, unit: views.Term | None, names: Names, day: Day
) -> views.TicketItem:
    return views.TicketItem(
        no=row.no,
        title=title,
        state=term(State, row.state),
        unit=unit,
        level=optional_term(Level, row.level),
        urgency=term(Urgency, row.urgency),
        kind=None if row.kind is None else views.Term(row.kind, names.kind(row.kind)),
        district=None
        if row.district_code is None
        else views.Term(row.district_code, names.district(row.district_code)),
        flagged=row.flagged,
        received_at=row.received_at,
        due=due(row.due_at, row.due_clock, day),
        waits=_waits(row),
    )


def _waits(row: TicketRow | Ticket) -> tuple[views.Term, ...]:
    return tuple(views.Term(kind.value, kind.label) for kind in waits_of(row.state, row.asked))


def ticket_list(page: TicketPage, total: Count, names: Names, day: Day) -> views.TicketList:
    """A page of the list."""
    return views.TicketList(
        items=tuple(item(row, names, day) for row in page.rows),
        count=count(total),
        before=page.before.encode() if page.before else None,
        after=page.after.encode() if page.after else None,
        short=page.short,
    )


def unit(row: UnitRow) -> views.Unit:
    """A unit of the picker."""
    return views.Unit(row.code, row.name, term(Level, row.level), row.district)


def ticket(
    whole: WholeTicket,
    names: Names,
    day: Day,
    viewer: Viewer,
    *,
    communities: Mapping[str, str],
    told: unsolved.Told | None = None,
    call_after: datetime | None = None,
    keepers: Mapping[str, Keeper] | None = None,
) -> views.TicketView:
    """The ticket page's content, in the words that this viewer reads; `communities`: names by code.

    `told`: what the citizen says on the web of an answer. `call_after`: 约定时间. `keepers`: 经办人 by unit.
    """
    words = words_for(whole, viewer)
    row, appeal, reading = whole.ticket, whole.appeal, whole.reading
    lead = next((part for part in whole.units if part.code == row.unit_code), None)
    lead_name = lead.name if lead else names.units.get(row.unit_code or "")
    text = words(appeal_text(appeal))
    return views.TicketView(
        item=replace(
            _line(row, words(row.title), _unit(row.unit_code, lead_name), names, day),
            unsolved=term(Unsolved, told.what) if told and told.waits else None,
            call_after=call_after,
            keeper=keeping.told(keepers or {}, row.unit_code, viewer),
            fresh=keeping.is_new(keepers or {}, viewer),
        ),
        text=text,
        source=whole.source,
        external_id=appeal.external_id,
        channel=term(Channel, appeal.channel),
        appeal_type=type_of(row.appeal_type, whole.corrected_type, appeal.told_type).value,
        confidential=appeal.confidential,
        divert=optional_term(Divert, row.divert),
        identity=views.Identity(whole.registered.name, whole.registered.phone, whole.registered.id_number),
        opened_at=row.opened_at,
        dispatched_at=row.dispatched_at,
        kind_corrected=reading is not None and row.kind != reading.kind,
        place=_placed(whole, communities),
        units=_units(whole, keepers or {}, viewer.scope.own),
        reading=None if reading is None else _reading(reading, whole.areas, names),
        evidence=() if reading is None else tuple(evidence(reading.detail.get("evidence", ()), text)),
        decision=_decision(row, names),
        events=tuple(_event(event, names, words, whole) for event in whole.events),
        withdrawn=withdrawing.since(whole.events),
        rated=None
        if told is None
        else views.Rated(
            at=told.at, what=term(Unsolved, told.what), satisfaction=term(Satisfaction, told.satisfaction),
            note=words(told.note) if told.note else None, stands=told.stands, called=told.called,
            amended=told.amended,
        ),
    )  # fmt: skip


def words_for(whole: WholeTicket, viewer: Viewer) -> Callable[[str], str]:
    """How a ticket's words, as typed, are read by this viewer."""
    handled_by = [part.code for part in whole.units if part.role != Role.COPY.value]
    return lambda said: shown_text(viewer, said, handled_by=handled_by)


def appeal_text(appeal: Appeal) -> str:
    """The string that readings count in: title, text, and the form's address after them."""
    text = f"{appeal.text}\n地址：{appeal.address}" if appeal.address else appeal.text
    return source_text(appeal.title, text)


def evidence(items: Iterable[dict[str, Any]], text: str) -> Iterable[views.EvidenceView]:
    """The evidence that stands in the text where it says; anything else would mark the wrong words."""
    for found in items:
        start, end = int(found["start"]), int(found["end"])
        if text[start:end] != found["text"] or not 0 <= start < end:
            continue
        head = next((h for h in Head if h.value == found["head"]), None)
        yield views.EvidenceView(
            head=views.Term(found["head"], HEADS[head] if head else found["head"]),
            start=start,
            end=end,
            text=found["text"],
            value=str(found["value"]),
            weight=float(found["weight"]),
        )


def _unit(code: str | None, name: str | None) -> views.Term | None:
    return None if code is None else views.Term(code, name or code)


def _units(
    whole: WholeTicket, keepers: Mapping[str, Keeper], own: Collection[str]
) -> tuple[views.UnitPartView, ...]:
    # That a colleague's account is disabled, or that they left, is their unit's to know.
    shown = {unit: one for unit, one in keepers.items() if one.gone is None or unit in own}
    order = [role.value for role in Role]
    parts = sorted(whole.units, key=lambda part: (order.index(part.role), part.code))
    return tuple(
        views.UnitPartView(
            part.code,
            part.name,
            term(Level, part.level),
            term(Role, part.role),
            part.due_at,
            part.reported_at,
            keeper_view(shown.get(part.code)),
        )
        for part in parts
    )


def keeper_view(one: Keeper | None) -> views.KeeperView | None:
    """经办人 of a unit's part."""
    return None if one is None else views.KeeperView(one.staff_id, one.name, one.since, one.by, one.gone)


def _reading(reading: Reading, areas: dict[str, str], names: Names) -> views.ReadingView:
    detail = reading.detail
    place = detail.get("place") or {}

    def area(code: str | None, name: str | None) -> views.Term | None:
        return None if code is None else views.Term(code, name or short_area(areas.get(code, code)))

    return views.ReadingView(
        environmental=reading.environmental,
        p_environmental=reading.p_environmental,
        kinds=tuple(
            views.KindView(guess["code"], names.kind(guess["code"]), float(guess["p"]))
            for guess in detail.get("kinds", ())[:3]
        ),
        appeal_type=reading.appeal_type,
        appeal_type_confidence=detail.get("appeal_type_confidence"),
        urgency=term(Urgency, reading.urgency),
        urgency_confidence=detail.get("urgency_confidence"),
        place=views.PlaceView(
            span=place.get("span"),
            district=area(reading.district_code, place.get("district")),
            street=area(reading.street_code, place.get("street")),
            community=area(reading.community_code, place.get("community")),
            lon=reading.lon,
            lat=reading.lat,
            precision=term(Precision, reading.place_precision),
            confidence=reading.place_confidence,
            door=place.get("door"),
            relation=place.get("relation"),
            hinted=bool(place.get("hinted")),
            outside=place.get("outside"),
        ),
        party=detail.get("party"),
        when=detail.get("when"),
        model_version=reading.model_version,
        table_version=reading.table_version,
        read_at=reading.created_at,
    )


def _placed(whole: WholeTicket, communities: Mapping[str, str]) -> views.PlacedView:
    row, reading = whole.ticket, whole.reading
    corrected = reading is not None and not placed.as_read(row, reading)
    within = placed.community(row, reading)
    said = None if reading is None or corrected else (reading.detail.get("place") or {}).get("community")

    def area(code: str | None) -> views.Term | None:
        return None if code is None else views.Term(code, plain_area(whole.areas.get(code, code)))

    return views.PlacedView(
        district=area(row.district_code),
        street=area(row.street_code),
        community=None if within is None else views.Term(within, said or communities.get(within, within)),
        corrected=corrected,
    )


def _decision(row: Ticket, names: Names) -> views.DecisionView:
    decision = row.decision
    return views.DecisionView(
        proposed=_proposed(decision.get("proposed"), names),
        steps=tuple(decision.get("steps", ())),
        row_ids=tuple(decision.get("row_ids", ())),
        sources=tuple(decision.get("sources", ())),
        review_reasons=tuple(term(ReviewReason, code) for code in decision.get("review_reasons", ())),
        dispatch_due=_due_reason(decision.get("dispatch_due")),
        answer_due=_due_reason(decision.get("answer_due")),
        table_version=row.table_version,
    )


def _proposed(route: dict[str, Any] | None, names: Names) -> views.ProposedView | None:
    if route is None:
        return None

    def unit_term(code: str) -> views.Term:
        return views.Term(code, names.units.get(code, code))

    return views.ProposedView(
        unit=unit_term(route["unit"]),
        assist=tuple(unit_term(code) for code in route["assist"]),
        cc=tuple(unit_term(code) for code in route["cc"]),
    )


def _due_reason(reason: dict[str, Any] | None) -> views.DueReason | None:
    if reason is None:
        return None
    return views.DueReason(
        at=datetime.fromisoformat(reason["at"]),
        rule_id=reason["rule_id"],
        source=reason["source"],
        status=reason["status"],
        spelled=reason["spelled"],
    )


def _event(event: EventRow, names: Names, words: Callable[[str], str], whole: WholeTicket) -> views.EventView:
    data = veiled(event.data, whole.others, whole.plain)
    note = _note(data, names) if "move" not in data else move_note(data, names)
    return views.EventView(
        seq=event.seq,
        at=event.at,
        tag=term(Tag, event.tag),
        by=event.staff or "系统",
        note=words(note),
    )


def _note(data: Mapping[str, Any], names: Names) -> str:
    """What an event's data says, in words; keys without words stay in the database."""
    parts: list[str] = []
    if data.get("unit"):
        parts.append(f"承办单位 {names.units.get(data['unit'], data['unit'])}")
    if data.get("urgency"):
        parts.append(f"等级 {data['urgency']}")
    if data.get("review") is True:
        parts.append("把握不足，提请人工")
    if data.get("joined"):
        parts.append(f"工单 {data['joined']} 并入本单，多一位诉求人等待答复")
    if data.get("left"):
        parts.append(f"工单 {data['left']} 不再并入本单，由它自己办理")
    if data.get("told"):
        parts.append(str(data["told"]))
    if handled := data.get(HANDLED):
        parts.append(f"{handled['by']}上报时已当场处理：{handled['note']}；没有这样办结：{handled['why']}")
    if answered := data.get(KEPT):
        parts.append(
            f"{answered['by']}登记时已当场答复：{answered['note']}（{Told(answered['told_citizen']).label}）；"
            f"没有这样办结：{answered['why']}"
        )
    return "，".join(parts)
