"""What pages and the API show: frozen values, already in words. The API's schema is made from these classes.

Times are aware. `Term` pairs a stored key with its Chinese label, so that no reader needs a second table.
"""

from __future__ import annotations

# Read at run time: the OpenAPI document is made from the annotations.
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003


@dataclass(frozen=True, slots=True)
class Problem:
    """An error, RFC 9457: `detail` says in Chinese what is wrong and where; `code` is for programs."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Term:
    """A stored key and its Chinese label."""

    code: str
    label: str


@dataclass(frozen=True, slots=True)
class Due:
    """到期: when, in words from the moment of asking, and how pressing (over, soon, today, later).

    `clock` is the 时限 that ends then, the nearest of those that run (签收, 首次联系, 办理…); null where a
    ticket's row was written before this was kept.
    """

    at: datetime
    words: str
    tone: str
    clock: Term | None


@dataclass(frozen=True, slots=True)
class TicketItem:
    """工单 in the list. `waits`: the wishes on it that wait for an answer (待审批)."""

    no: str
    title: str
    state: Term
    unit: Term | None
    level: Term | None
    urgency: Term
    kind: Term | None
    district: Term | None
    flagged: bool
    received_at: datetime
    due: Due | None
    waits: tuple[Term, ...]
    unsolved: Term | None = None
    """What the citizen says on the web of the answer that stands, and was not rung (回访) about since."""
    call_after: datetime | None = None
    """约定时间: the citizen asked to be rung (回访) after it; null: at any time."""
    keeper: str | None = None
    """经办人 of the viewer's own unit, else of the lead unit, by name; null: nobody."""
    fresh: bool = False
    """新: a colleague gave it to whoever asks, who has not opened its page."""


@dataclass(frozen=True, slots=True)
class CountView:
    """How many: at least `value` when `more`; `words` is `312` or `1000+`."""

    value: int
    more: bool
    words: str


@dataclass(frozen=True, slots=True)
class TicketList:
    """A page of the list. Pass `before` or `after` back as the parameter of that name.

    `short`: the search stopped early; go on with `after`.
    """

    items: tuple[TicketItem, ...]
    count: CountView
    before: str | None
    after: str | None
    short: bool


@dataclass(frozen=True, slots=True)
class Unit:
    """承办单位. `district` is null for the city's own."""

    code: str
    name: str
    level: Term
    district: str | None


@dataclass(frozen=True, slots=True)
class UnitList:
    """Units found."""

    items: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class KeeperView:
    """经办人 of a unit's part: since when, named by whom. `gone`: why they cannot now; nobody does then.

    One who cannot is told to their own unit alone.
    """

    account: int
    name: str
    since: datetime
    by: str
    gone: str | None


@dataclass(frozen=True, slots=True)
class UnitPartView:
    """A unit's part in the ticket: lead (主办), assist (协办), cc (抄送). Called in (吹哨, 提级): by when."""

    code: str
    name: str
    level: Term
    role: Term
    due_at: datetime | None
    reported_at: datetime | None
    keeper: KeeperView | None = None


@dataclass(frozen=True, slots=True)
class KindView:
    """A kind of pollution and its probability, 0 to 1."""

    code: str
    label: str
    p: float


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """Characters [start, end) of `text` that decided; `weight` > 0 speaks for `value`."""

    head: Term
    start: int
    end: int
    text: str
    value: str
    weight: float


@dataclass(frozen=True, slots=True)
class PlaceView:
    """Where it happens, as read: names and codes, WGS-84 degrees, precision, confidence 0 to 1."""

    span: str | None
    district: Term | None
    street: Term | None
    community: Term | None
    lon: float | None
    lat: float | None
    precision: Term
    confidence: float
    door: str | None
    relation: str | None
    hinted: bool
    outside: str | None


@dataclass(frozen=True, slots=True)
class PlacedView:
    """The place in force, as far as it is known; `corrected`: it is not the one that was read."""

    district: Term | None
    street: Term | None
    community: Term | None
    corrected: bool


@dataclass(frozen=True, slots=True)
class ReadingView:
    """识别结果: what NLP said, how sure it was (0 to 1), and its version."""

    environmental: bool
    p_environmental: float
    kinds: tuple[KindView, ...]
    appeal_type: str
    appeal_type_confidence: float | None
    urgency: Term
    urgency_confidence: float | None
    place: PlaceView
    party: str | None
    when: str | None
    model_version: str
    table_version: str
    read_at: datetime


@dataclass(frozen=True, slots=True)
class DueReason:
    """Why this due time: the rule, its source and status, the interval spelled out."""

    at: datetime
    rule_id: str
    source: str
    status: str
    spelled: str


@dataclass(frozen=True, slots=True)
class ProposedView:
    """建议承办单位: the route that waits for a person's word; null once it was dispatched."""

    unit: Term
    assist: tuple[Term, ...]
    cc: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class DecisionView:
    """处理依据: the sentences that explain each choice, the rows and sources behind them."""

    proposed: ProposedView | None
    steps: tuple[str, ...]
    row_ids: tuple[str, ...]
    sources: tuple[str, ...]
    review_reasons: tuple[Term, ...]
    dispatch_due: DueReason | None
    answer_due: DueReason | None
    table_version: str


@dataclass(frozen=True, slots=True)
class EventView:
    """办理记录: one event; `by` is 系统 or a person's name."""

    seq: int
    at: datetime
    tag: Term
    by: str
    note: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Which parts of the appellant's identity are registered. Sealed: never shown here."""

    name: bool
    phone: bool
    id_number: bool


@dataclass(frozen=True, slots=True)
class Rated:
    """网上评价 that says 没有解决 or that its citizen is not content; `note` masked. No 回访, and in no rate.

    `stands`: the answer that it is about does. `called`: the citizen was reached by 回访 since. `amended`: of
    that answer it is about the words before 更正反馈.
    """

    at: datetime
    what: Term
    satisfaction: Term
    note: str | None
    stands: bool
    called: bool
    amended: bool = False


@dataclass(frozen=True, slots=True)
class TicketView:
    """工单 whole. `text` is masked; evidence counts its characters.

    `kind_corrected`: the kind of `item` is not the one that was read. `appeal_type` is the type in force: as
    corrected, else as read or as its source calls it; `reading` has the one that was read.
    """

    item: TicketItem
    text: str
    source: str
    external_id: str | None
    channel: Term
    appeal_type: str
    confidential: bool
    divert: Term | None
    identity: Identity
    kind_corrected: bool
    place: PlacedView
    opened_at: datetime
    dispatched_at: datetime | None
    units: tuple[UnitPartView, ...]
    reading: ReadingView | None
    evidence: tuple[EvidenceView, ...]
    decision: DecisionView
    events: tuple[EventView, ...]
    rated: Rated | None = None
    withdrawn: datetime | None = None
    """Since when the citizen asks for nothing any more (撤诉)."""
