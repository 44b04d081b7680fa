"""专题 as they are read, and 每月一题: candidates in order with their evidence, and the decisions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from models.appeals import Appeal
from models.filters import may_see
from models.leads import Lead
from models.sums import counted_for, sums_only
from models.tickets import Ticket
from models.topics import ThemeChoice, Topic, TopicRun, TopicState, TopicText
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_topics import TextKind, ThemeDecision, TopicLevel
from nlp.text import mask_identity
from triage.errors import BadInput, NotFound, TriageError
from triage.rules.publishing import Publish, number
from triage.services import ledger
from triage.services.trends import figures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer
    from triage.rules.rows import Tables

LONGEST_REASON: Final = 300
#: Characters of a typical text that are shown, and cases listed on a topic's page.
SHOWN: Final = 160
CASES: Final = 100
#: A count that is hidden.
LESS: Final = "＜5"
_MONTH: Final = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])")


class ThemeMoved(TriageError):
    """这个候选刚被别人决定过，请刷新页面再看。"""

    code: ClassVar[str] = "theme_moved"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Line:
    """A topic in a run, with how large it was the run before and what was decided."""

    topic: Topic
    state: TopicState
    before: int | None
    choice: ThemeChoice | None


@dataclass(frozen=True, slots=True)
class Told:
    """The counts of a topic as the viewer may read them: outside the office none from 1 to 4."""

    size: str
    leads: str
    open: str
    later: str
    earlier: str
    places: tuple[str, ...]
    weeks: tuple[int | None, ...]

    @classmethod
    def of(cls, state: TopicState, *, office: bool) -> Told:
        """Those of one run. What adds up to the size is hidden together."""
        leads, _ = figures.line([state.leads, state.size - state.leads], office=office)
        later, earlier = figures.line([state.later, state.size - state.later], office=office)
        places, weeks = (
            figures.line([int(str(part[-1])) for part in parts], office=office)
            for parts in (state.places, state.weeks)
        )
        size, unfinished = (figures.shown(n, office=office) for n in (state.size, state.open))
        return cls(
            word(size), word(leads), word(unfinished), word(later), word(earlier),
            tuple(word(count) for count in places), tuple(weeks),
        )  # fmt: skip


def word(count: int | None) -> str:
    """A count, or that it is hidden."""
    return LESS if count is None else str(count)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate for 每月一题: its points and what they are made of."""

    line: Line
    points: float
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Typical:
    """A typical text, as far as the viewer may see it; `opens`: its case or lead as well."""

    what: TextKind
    ref: str
    title: str
    text: str
    opens: bool = True


@dataclass(frozen=True, slots=True)
class Whole:
    """A topic with its history and texts."""

    line: Line
    run: TopicRun
    sizes: tuple[tuple[datetime, int], ...]
    typical: tuple[Typical, ...]
    cases: tuple[tuple[str, str], ...]
    choices: tuple[ThemeChoice, ...]


async def last_run(session: AsyncSession, level: TopicLevel) -> TopicRun | None:
    """The newest run of a level."""
    found: TopicRun | None = await session.scalar(
        sa.select(TopicRun).where(TopicRun.level == level.value).order_by(TopicRun.id.desc()).limit(1)
    )
    return found


async def lines(session: AsyncSession, run: TopicRun) -> list[Line]:
    """The topics of a run, the largest first."""
    earlier, choice = aliased(TopicRun), aliased(ThemeChoice)
    older = (
        sa.select(sa.func.max(earlier.id))
        .where(earlier.level == run.level, earlier.id < run.id)
        .scalar_subquery()
    )
    before = aliased(TopicState)
    newest = sa.select(sa.func.max(choice.id)).where(choice.topic_id == Topic.id).scalar_subquery()
    rows = await session.execute(
        sa.select(Topic, TopicState, before.size, ThemeChoice)
        .join(TopicState, TopicState.topic_id == Topic.id)
        .outerjoin(before, sa.and_(before.topic_id == Topic.id, before.run_id == older))
        .outerjoin(ThemeChoice, ThemeChoice.id == newest)
        .where(TopicState.run_id == run.id)
        .order_by(TopicState.size.desc(), Topic.id)
    )
    return [Line(*row) for row in rows]


def candidates(tables: Tables, found: Sequence[Line], on: date, *, office: bool = True) -> list[Candidate]:
    """每月一题 candidates, the strongest first: problems that several districts share.

    Outside the office the evidence names no small count.

    Each part is the topic's place between none and the largest of the run, so that no unit outweighs
    another; the weights are rows of publishing.yaml.
    """
    least = number(tables.publishing, Publish.THEME_DISTRICTS, on)
    wide = [line for line in found if line.state.districts >= least]
    if not wide:
        return []
    largest = max(line.state.size for line in wide)
    widest = max(line.state.districts for line in wide)
    made = []
    for line in wide:
        s = line.state
        tickets = max(1, s.size - s.leads)
        told = Told.of(s, office=office)
        parts = (
            (Publish.THEME_SPREAD, s.districts / widest, f"涉及 {s.districts} 个区"),
            (Publish.THEME_SIZE, s.size / largest, f"{told.size} 条（其中媒体线索 {told.leads} 条）"),
            (Publish.THEME_GROWTH, s.later / s.size, f"后半期 {told.later} 条，前半期 {told.earlier} 条"),
            (Publish.THEME_OPEN, s.open / tickets, f"未办结 {told.open} 件"),
        )
        weights = [number(tables.publishing, name, on) for name, _, _ in parts]
        points = sum(w * share for w, (_, share, _) in zip(weights, parts, strict=True)) / sum(weights)
        made.append(Candidate(line, round(100 * points, 1), tuple(words for _, _, words in parts)))
    return sorted(made, key=lambda one: (-one.points, one.line.topic.id))


async def whole(session: AsyncSession, viewer: Viewer, topic_id: int) -> Whole:
    """A topic as its last run found it. Raises NotFound."""
    topic = await session.get(Topic, topic_id)
    if topic is None:
        raise NotFound("没有这个专题。")
    run = await session.get_one(TopicRun, topic.last_run_id)
    (line,) = [line for line in await lines(session, run) if line.topic.id == topic_id]
    sizes = await session.execute(
        sa.select(TopicRun.at, TopicState.size)
        .join(TopicRun, TopicRun.id == TopicState.run_id)
        .where(TopicState.topic_id == topic_id)
        .order_by(TopicRun.id.desc())
        .limit(30)
    )
    cases = await session.execute(
        sa.select(Ticket.no, Ticket.title)
        .join(TopicText, sa.and_(TopicText.ref == Ticket.id, TopicText.kind == TextKind.TICKET.value))
        .where(TopicText.topic_id == topic_id, may_see(viewer))
        .order_by(Ticket.received_at.desc(), Ticket.id.desc())
        .limit(CASES)
    )
    choices = await session.scalars(
        sa.select(ThemeChoice).where(ThemeChoice.topic_id == topic_id).order_by(ThemeChoice.id.desc())
    )
    return Whole(
        line=line,
        run=run,
        sizes=tuple((row.at, row.size) for row in sizes)[::-1],
        typical=await _typical(session, viewer, line.state),
        cases=tuple((row.no, row.title) for row in cases),
        choices=tuple(choices),
    )


async def _typical(session: AsyncSession, viewer: Viewer, state: TopicState) -> tuple[Typical, ...]:
    """The middle texts that the viewer may see, masked as they are stored.

    Whoever is told sums alone reads them masked once more, without the case: rules of masking may have grown.
    """
    blind = sums_only(viewer)
    refs = {(str(kind), int(str(ref))) for kind, ref in state.typical}
    tickets = await session.execute(
        sa.select(Ticket.no, Ticket.title, Appeal.text)
        .join(Appeal, Appeal.id == Ticket.appeal_id)
        .where(
            Ticket.id.in_([ref for kind, ref in refs if kind == TextKind.TICKET.value]),
            counted_for(viewer),
        )
        .order_by(Ticket.id)
    )
    leads = await session.execute(
        sa.select(Lead.id, Lead.title, Lead.text)
        .where(Lead.id.in_([ref for kind, ref in refs if kind == TextKind.LEAD.value]))
        .order_by(Lead.id)
    )
    return (
        *(
            Typical(TextKind.TICKET, "", mask_identity(r.title), mask_identity(r.text)[:SHOWN], opens=False)
            if blind
            else Typical(TextKind.TICKET, r.no, r.title, r.text[:SHOWN])
            for r in tickets
        ),
        *(Typical(TextKind.LEAD, str(r.id), r.title or "（无标题）", r.text[:SHOWN]) for r in leads),
    )


async def decide(
    session: AsyncSession,
    topic_id: int,
    decision: ThemeDecision,
    *,
    seen: int,
    month: str | None,
    reason: str,
    by: str,
    now: datetime,
) -> None:
    """选中, 搁置 or 撤回决定, in the caller's transaction; `seen` is the choice that was shown (0: none).

    Raises NotFound, BadInput, ThemeMoved.
    """
    topic = await session.scalar(sa.select(Topic).where(Topic.id == topic_id).with_for_update())
    if topic is None:
        raise NotFound("没有这个专题。")
    newest: ThemeChoice | None = await session.scalar(
        sa.select(ThemeChoice)
        .where(ThemeChoice.topic_id == topic_id)
        .order_by(ThemeChoice.id.desc())
        .limit(1)
    )
    if (newest.id if newest else 0) != seen:
        raise ThemeMoved
    told = reason.replace("\0", "").strip()
    if not told or len(told) > LONGEST_REASON:
        raise BadInput(f"请写明理由，最多 {LONGEST_REASON} 个字")
    told = mask_identity(told)
    if decision is ThemeDecision.CHOSEN and (month is None or not _MONTH.fullmatch(month)):
        raise BadInput("选中要写明是哪个月的题，形如 2026-12")
    standing = newest is not None and newest.decision != ThemeDecision.WITHDRAWN.value
    if (decision is ThemeDecision.WITHDRAWN) is not standing:
        raise BadInput("先撤回已有的决定，再作新的决定" if standing else "还没有可以撤回的决定")
    ledger.write(
        session, who=by, act=LedgerAct.THEME_DECIDED, now=now, new=decision.value, reason=told,
        subject=ledger.Subject(SubjectKind.TOPIC, str(topic_id)),
    )  # fmt: skip
    session.add(
        ThemeChoice(
            topic_id=topic_id, run_id=topic.last_run_id, decision=decision.value,
            month=month if decision is ThemeDecision.CHOSEN else None, reason=told, by=by, at=now,
        )
    )  # fmt: skip
    await session.flush()
