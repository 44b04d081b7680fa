"""What is shown of a caller's cases, on pages and in the API: frozen values; the schema is made of these."""

from __future__ import annotations

# Read at run time: the OpenAPI document is made from the annotations.
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003
from typing import TYPE_CHECKING

from models.vocab import AppealState, State
from triage.web.present import term
from triage.web.views import Term

if TYPE_CHECKING:
    from triage.services.callers import CallerCase, Found
    from triage.web.names import Names


@dataclass(frozen=True, slots=True)
class CallerHeadView:
    """The ticket that a merged one is handled with."""

    ticket: str
    state: Term
    unit: Term | None


@dataclass(frozen=True, slots=True)
class CallerCaseView:
    """One case of the phone. `ticket`: null, it has none yet; `merged_into`: as far as you may see it.

    `urge`: the ticket that a 催办 belongs on; null, there is none that you could note.
    """

    appeal: int
    ticket: str | None
    title: str
    kind: Term | None
    state: Term
    unit: Term | None
    received_at: datetime
    merged_into: CallerHeadView | None
    urge: str | None


@dataclass(frozen=True, slots=True)
class CallerCases:
    """来电查件: the newest cases of a phone that you may see. `more`: there are more than these."""

    cases: tuple[CallerCaseView, ...]
    more: bool


def view(found: Found, names: Names) -> CallerCases:
    """What was found, in words."""
    return CallerCases(tuple(_case(one, names) for one in found.cases), found.more)


def _case(one: CallerCase, names: Names) -> CallerCaseView:
    head = one.head
    return CallerCaseView(
        appeal=one.appeal_id,
        ticket=one.no,
        title=one.title,
        kind=None if one.kind is None else Term(one.kind, names.kind(one.kind)),
        state=_state(one),
        unit=_unit(one.unit_code, one.unit),
        received_at=one.received_at,
        merged_into=None
        if head is None
        else CallerHeadView(head.no, term(State, head.state.value), _unit(head.unit_code, head.unit)),
        urge=one.urge,
    )


def _state(one: CallerCase) -> Term:
    if one.state is not None:
        return term(State, one.state.value)
    if one.over and one.waits is AppealState.DEAD:
        return Term(one.waits.value, "处理失败，已人工登记")
    return term(AppealState, one.waits.value)


def _unit(code: str | None, name: str | None) -> Term | None:
    return None if code is None else Term(code, name or code)
