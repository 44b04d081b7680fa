"""From services and cases to the fields of Open311, in the standard's order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from models.vocab import Divert, Move, State
from triage.services.open311.taking import request_id
from triage.web.names import plain_area
from triage.web.open311.documents import Many, One, moment

if TYPE_CHECKING:
    from models.public import PublicCase
    from triage.rules.rows import Tables
    from triage.services.open311.catalogue import Question, Service

#: What the state is called to anyone; a state that is not here by its own name.
_NOTES: Final = {
    None: "已登记，正在识别",
    State.REVIEW.value: "正在核实由谁承办",
    State.MERGED.value: "同一事项已有工单，已合并办理",
    State.HANDED_OVER.value: "不属于环境诉求，已转其他渠道办理",
    State.OBJECTED.value: "正在核实由谁承办",
    State.TO_REASSIGN.value: "正在改派承办单位",
    State.ARBITRATION.value: "正在核实由谁承办",
    State.ON_LEDGER.value: "暂时无法解决，已登记挂账，定期复核",
}


def service(found: Service, *, batch: bool) -> dict[str, Any]:
    """A row of the list of services."""
    return {
        "service_code": found.code,
        "service_name": found.name,
        "description": found.description,
        "metadata": bool(found.questions),
        "type": "batch" if batch else "realtime",
        "keywords": found.keywords,
        "group": found.group,
    }


def definition(found: Service) -> One:
    """What is asked for a service."""
    items = [_question(question, order) for order, question in enumerate(found.questions, start=1)]
    return One(
        "service_definition",
        {"service_code": found.code, "attributes": Many("attributes", "attribute", items)},
    )


def _question(question: Question, order: int) -> dict[str, Any]:
    return {
        "variable": question.variable,
        "code": question.code,
        "datatype": question.datatype.value,
        "required": question.required,
        "datatype_description": question.datatype_description,
        "order": order,
        "description": question.description,
        "values": Many(
            "values", "value", [{"key": choice.key, "name": choice.name} for choice in question.values]
        ),
    }


def case(row: PublicCase, tables: Tables, *, extended: bool) -> dict[str, Any]:
    """A request. Where the words are not the public's, it is told by kind and street alone."""
    kind = tables.kinds.get(row.kind)
    name = kind.name if kind else row.kind
    district, street = (plain_area(name) if name else None for name in (row.district, row.street))
    area = "".join(part for part in (district, street) if part)
    found: dict[str, Any] = {
        "service_request_id": request_id(row.id),
        "status": "closed" if row.closed else "open",
        "status_notes": _notes(row),
        "service_name": name,
        "service_code": row.kind,
        "description": row.description or (f"{name}（{area}）" if area else name),
        "agency_responsible": row.unit,
        "service_notice": None,
        "requested_datetime": moment(row.requested_at),
        "updated_datetime": moment(row.updated_at),
        "expected_datetime": moment(row.answer_by),
        "address": row.address or area or None,
        "address_id": row.address_id,
        "zipcode": None,
        "lat": row.lat,
        "long": row.lon,
        "media_url": row.media_url,
    }
    if extended:
        state = State(row.state).label if row.state in set(State) else None
        answers = row.answers or {}
        found["attributes"] = Many(
            "attributes",
            "attribute",
            [{"code": code, "values": Many("values", "value", values)} for code, values in answers.items()],
        )
        found["extended_attributes"] = {"district": district, "street": street, "state": state}
    return found


def _notes(row: PublicCase) -> str:
    if row.merged:
        return f"{_NOTES[State.MERGED.value]}：{_own(row)}"
    return _own(row)


def _own(row: PublicCase) -> str:
    if row.state == State.DIVERTED.value and row.divert in set(Divert):
        return Divert(row.divert).label
    if row.answered:
        return f"已{Move.ANSWER_NOW.label}"
    if row.withdrawn:
        return f"已{Move.WITHDRAW.label}"
    if row.state in _NOTES:
        return _NOTES[row.state]
    return State(row.state).label if row.state in set(State) else str(row.state)
