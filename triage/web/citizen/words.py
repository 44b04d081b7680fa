"""A case in plain words: what was done, where it stands, by when and why; nobody's name but the unit's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from models.vocab import OPEN_STATES, AppealState, Divert, Outcome, Satisfaction, State, Tag
from triage.services.citizen.told import ADDED, ANSWERS, answered_at_once, standing_events
from triage.services.identities.showing import shown_text
from triage.web.names import plain_area

if TYPE_CHECKING:
    from triage.rules.rows import Tables
    from triage.services.citizen.told import Case, Happened

_STATES: Final = {
    State.REVIEW: "已收到，工作人员正在核对由哪个单位办理。",
    State.DISPATCHED: "已派给承办单位，等对方签收。",
    State.SIGNED: "承办单位已签收，会与您联系。",
    State.CONTACTED: "承办单位已与诉求人联系，正在安排办理。",
    State.HANDLING: "承办单位正在办理。",
    State.OBJECTED: "承办单位提出不归它管，正在审核；办理时限照常计算。",
    State.TO_REASSIGN: "正在改派给别的单位。",
    State.ARBITRATION: "几个单位对由谁办理有不同意见，正在裁定。",
    State.ON_LEDGER: "因客观原因暂时解决不了，已登记挂账，会定期复核。",
    State.FEEDBACK: "承办单位已经答复，接下来会回访您是否满意。",
    State.FOLLOWED_UP: "已经回访，正在办结。",
    State.CLOSED: "已办结。",
    State.ARCHIVED: "已办结并归档。",
    State.MERGED: "同一件事已有工单在办，您的诉求已并入一起办理。",
    State.DIVERTED: "这件事要走别的渠道办理，请看下面的说明。",
    State.HANDED_OVER: "这件事不属于环境类诉求，已转给相关渠道办理。",
}
_MERGED_WITH: Final = "那件工单现在："
_TOGETHER: Final = "一起办理的工单："
#: 回访 ended without anybody having been reached (R5.5).
_NOT_REACHED: Final = "回访多次没有接通，正在办结。"
_RATE_HERE: Final = "是否解决、是否满意，可以在这里评价。"
_IN_VAIN: Final = {Tag.CONTACT: "承办单位联系诉求人，没有接通", Tag.FOLLOW_UP: "回访，没有接通"}
_WAITING: Final = "已收到，正在识别和分派，一般一两分钟内完成。"
_STUCK: Final = "已收到，系统没能自动识别，工作人员会处理。"
_DIVERTED: Final = {
    Divert.TRANSFER_EMERGENCY: "涉及紧急情况，已转 110、119、120 或 122。",
    Divert.INFORM_CHANNEL: "应通过法定渠道（如诉讼、仲裁、行政复议、信访）办理。",
    Divert.INFORM_PROGRESS: "同一件事正在办理或已经办结，没有新情况的不再另派。",
    Divert.EXPLAIN: "涉及秘密或他人隐私，工作人员会向您解释。",
    Divert.REFER_OUT: "超出政府部门职责，可通过市场或社会渠道解决。",
    Divert.DISSUADE: "请求不符合法律规定或公序良俗。",
}
_EVENTS: Final = {
    Tag.RECEIVED: "收到您的诉求",
    Tag.READ: "识别了是什么事、在哪里",
    Tag.DISPATCHED: "派给承办单位",
    Tag.REVIEW: "转工作人员核对",
    Tag.DIVERTED: "转其他渠道",
    Tag.ANSWER_NOW: "当场答复",
    Tag.HANDED_OVER: "转相关渠道（不属于环境类）",
    Tag.ACCEPT: "受理",
    Tag.WITHDRAW: "撤诉",
    Tag.TAKE_UP: "取消撤诉，继续办理",
    Tag.MERGE: "与同一件事合并办理",
    Tag.SPLIT: "不再合并，单独办理",
    Tag.SIGN: "承办单位签收",
    Tag.CONTACT: "承办单位联系诉求人",
    Tag.HANDLE: "开始办理",
    Tag.PROGRESS: "承办单位报告了进展",
    Tag.FEEDBACK: "承办单位答复",
    Tag.AMEND: "承办单位更正了答复",
    Tag.SUPPLEMENT: "请承办单位补充答复",
    Tag.OBJECT: "承办单位提出不归它管",
    Tag.OBJECT_UPHOLD: "同意承办单位的意见，将改派",
    Tag.OBJECT_REJECT: "审核认为仍由该单位办理",
    Tag.ARBITRATE: "裁定了承办单位",
    Tag.REASSIGN: "改派承办单位",
    Tag.PASS_ON: "区里转给承办单位",
    Tag.EXTEND_GRANT: "办理时限延长",
    Tag.WHISTLE: "请其他部门一起到场",
    Tag.ESCALATE: "提请上级协调",
    Tag.SUPERVISE: "列入督办",
    Tag.ONSITE: "到现场核实",
    Tag.URGE: "催办",
    Tag.LEDGER_GRANT: "登记挂账",
    Tag.LEDGER_REVIEW: "复核挂账",
    Tag.FOLLOW_UP: "回访",
    Tag.REHANDLE: "退回重办",
    Tag.CLOSE: "办结",
    Tag.ARCHIVE: "归档",
}
#: Whose line names the unit.
_SENT: Final = frozenset({Tag.DISPATCHED, Tag.REASSIGN, Tag.ARBITRATE, Tag.PASS_ON})
_KEPT_CHARACTERS: Final = 500
_WITHDRAWN: Final = "已撤诉，不再为您办理。是否继续查处，由承办单位依职权决定。"
#: Merged: its sender knows that others wait for the same matter. The sender of a case that others were merged
#: into never learns of them, by what is said here as little as by what is done for them since.
_WITHDRAWN_ALONE: Final = "您已撤诉，不再回访您。同一件事还有别人反映，那件事照常办理。"
#: Before it was asked about the answer (回访), and not diverted: there the case is over for its sender.
_WITHDRAWN_FROM: Final = frozenset(
    {State.MERGED.value, *(state.value for state in OPEN_STATES if state is not State.FOLLOWED_UP)}
)
#: 当场答复: the answer is all there is, so it stands whole.
_ANSWERED: Final = "已当场答复，不再派单。答复见下面的办理经过。"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the history; `more` is what the unit answered, where that is meant for the citizen."""

    at: datetime
    what: str
    more: str | None = None


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case as it is shown."""

    receipt: str
    no: str | None
    state: str
    over: bool
    merged: bool
    withdrawn: bool
    can_withdraw: bool
    kind: str | None
    place: str | None
    unit: str | None
    due: datetime | None
    late: bool
    why: str | None
    history: tuple[Line, ...]
    text: str
    where: str | None
    words: tuple[tuple[datetime, str], ...]
    urges: int
    can_add: bool
    can_urge: bool
    can_rate: bool
    answer: int
    ratings: tuple[tuple[datetime, str], ...]
    confidential: bool
    received_at: datetime
    waiting: bool


def case_view(case: Case, tables: Tables, areas: dict[str, str], *, urges: int, now: datetime) -> CaseView:
    """The case in words; `urges`: its sender's on tickets that it was merged into."""
    kind = tables.kinds.get(case.kind or "")
    due = case.due
    if due is not None and due <= now and case.completing:
        # Answered before, in time or late; by when the rest is wanted is between desk and unit.
        due = None
    head = case.head
    events = _told(case)
    lines = [line for event in events if (line := _line(event, tables, case.corrected))]
    if head is not None:
        told = [line for event in head.events if (line := _line(event, tables, case.corrected))]
        lines += [Line(line.at, f"{_TOGETHER}{line.what}", line.more) for line in told]
        lines.sort(key=lambda line: line.at)
    return CaseView(
        receipt=numbered(case.receipt), no=case.no, state=_state(case),
        over=not case.open, merged=head is not None and head.open,
        withdrawn=case.withdrawn is not None, can_withdraw=case.open and case.state in _WITHDRAWN_FROM,
        kind=kind.name if kind else None,
        place=_place(case, areas),
        # Given to another unit since, it would show that the case goes on for others.
        unit=head.unit if head else (case.unit if case.withdrawn is None else None),
        due=due,
        late=due is not None and due <= now,
        why=_why(case) if head is None and due is not None else None,
        history=tuple(lines),
        text=shown_text(None, case.text), where=case.address,
        words=tuple((at, shown_text(None, said)) for at, said in case.words),
        urges=sum(_urged(event) for event in events) + urges,
        can_add=case.open, can_urge=case.open and case.acted_on is not None, can_rate=case.can_rate,
        answer=case.answer,
        ratings=tuple((at, _rated(said, case, answer)) for answer, at, said in case.ratings),
        confidential=case.confidential, received_at=case.received_at, waiting=case.state is None,
    )  # fmt: skip


def _place(case: Case, areas: dict[str, str]) -> str | None:
    codes = (case.district, case.street)
    return "".join(plain_area(areas[code]) for code in codes if code in areas) or None


def numbered(receipt: str) -> str:
    """`W20261126-482107`: easier to read out."""
    return f"{receipt[:9]}-{receipt[9:]}" if receipt.startswith("W") else receipt


def _state(case: Case) -> str:
    if case.withdrawn is not None:
        return _WITHDRAWN if case.head is None else _WITHDRAWN_ALONE
    return _going_on(case)


def _told(case: Case) -> tuple[Happened, ...]:
    """What happened, as far as its sender is told of it: up to 撤诉, though the case went on for others."""
    events = standing_events(case.events)
    if case.withdrawn is None or case.head is not None:
        return events
    again = max((event.seq for event in events if event.tag == Tag.TAKE_UP), default=0)
    last = min(event.seq for event in events if event.tag == Tag.WITHDRAW and event.seq > again)
    return tuple(event for event in events if event.seq <= last)


def _going_on(case: Case) -> str:
    if case.state is None:
        return _STUCK if case.appeal_state == AppealState.DEAD else _WAITING
    told = _STATES.get(State(case.state), "") if case.state in set(State) else case.state
    if case.head is not None and case.head.state in set(State):
        # Archived or not: it waits for the other one.
        return f"{_STATES[State.MERGED]}{_MERGED_WITH}{_STATES.get(State(case.head.state), '')}"
    if case.state == State.FOLLOWED_UP:
        calls = [event for event in standing_events(case.events) if event.tag == Tag.FOLLOW_UP]
        rate = _RATE_HERE if case.can_rate else ""
        return f"{_NOT_REACHED}{rate}" if calls and _in_vain(calls[-1]) else told
    if answered_at_once(case):
        return _ANSWERED
    if case.state == State.DIVERTED and case.divert in set(Divert):
        return f"{told}{_DIVERTED[Divert(case.divert)]}"
    return told


def _why(case: Case) -> str | None:
    """Why this due time: as the decision spelled it, as long as it still is that one."""
    due: dict[str, Any] = case.decision.get("answer_due") or {}
    if not due:
        return None
    if due.get("at") and case.answer_by and datetime.fromisoformat(due["at"]) != case.answer_by:
        return "派单后有过改派、延期或重办，时限按最近一次计算。"
    return due.get("spelled") or None


def _urged(event: Happened) -> bool:
    """Whether it is a 催办 of this very case: neither an addition nor somebody else's case that joined it."""
    note = str((event.data.get("values") or event.data).get("note") or "")
    return event.tag == Tag.URGE and not note.startswith(ADDED)


def _in_vain(event: Happened) -> bool:
    """Whether it is a call that nobody answered."""
    values: dict[str, Any] = event.data.get("values") or event.data
    return values.get("outcome") == Outcome.UNREACHABLE


def _rated(said: str, case: Case, answer: int) -> str:
    """What was said of an answer; of one that was put right since, that it was of that."""
    of_before = "（说的是更正前的答复）" if answer in case.corrected else ""
    return f"{Satisfaction(said).label}{of_before}"


def _line(event: Happened, tables: Tables, corrected: frozenset[int]) -> Line | None:
    what = _EVENTS.get(Tag(event.tag)) if event.tag in set(Tag) else None
    if what is None:
        return None
    values: dict[str, Any] = event.data.get("values") or event.data
    unit = tables.units.get(str(values.get("unit") or event.data.get("unit") or ""))
    if event.tag in _SENT and unit is not None:
        what = f"{what}：{unit.name}"
    if event.tag in _IN_VAIN and _in_vain(event):
        what = _IN_VAIN[Tag(event.tag)]
    if event.tag == Tag.URGE and not _urged(event):
        what = "诉求人补充了情况"
    if event.id in corrected:
        # What it said was wrong, perhaps somebody else's matter: the words that count stand further down.
        return Line(event.at, f"{what}（后来更正过，以更正后的为准）")
    # Only the answer is written for the citizen; other notes are between those who handle it.
    more = str(values.get("note") or "") if event.tag in {*ANSWERS, Tag.ANSWER_NOW} else ""
    kept = more if event.tag == Tag.ANSWER_NOW else more[:_KEPT_CHARACTERS]
    return Line(event.at, what, kept or None)
