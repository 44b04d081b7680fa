"""有奖举报 at the desk: one reward with its explained sum. Their queue: `queue`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.rewards import Reward, RewardEvent, RewardFile, RewardNotice, RewardOutcomeRow, RewardShare
from models.tickets import Ticket
from models.vocab_notices import NoticeState
from models.vocab_rewards import (
    Exclusion,
    Measure,
    RewardAct,
    RewardOutcome,
    RewardPost,
    RewardState,
    ShareState,
    Via,
)
from models.vocab_staff import Permission
from triage.clock import local
from triage.errors import BadInput, NoRule, NotFound, NotReady
from triage.rules.rewards import stepping
from triage.rules.rewards.amounts import yuan
from triage.rules.rewards.rows import LimitName
from triage.rules.rows import Status
from triage.services import attachments
from triage.services.rewards import acting, book, finding, outcomes, owning, recovering, telling
from triage.services.rewards.outcomes import NewOutcome
from triage.web import access, filestore
from triage.web import attachments as files
from triage.web.keys import DEPS, NAMES, VIEWER
from triage.web.rewards import common, naming
from triage.web.rewards.common import STAFF, choice, day, doer_of, fen, text, whole, wish_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from aiohttp import web
    from multidict import MultiDictProxy
    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rewards.facts import Decision

#: Steps that a button of the page takes; the others have forms or come by themselves.
_BUTTONS: Final = (
    RewardAct.VERIFY, RewardAct.REFUSE, RewardAct.UPHOLD, RewardAct.LEGAL_PASS, RewardAct.FINANCE_PASS,
    RewardAct.RETURN, RewardAct.APPROVE, RewardAct.NOTIFY, RewardAct.ATTEST, RewardAct.RECOVER,
    RewardAct.RECOVERED, RewardAct.UNRECOVERED, RewardAct.CALL_OFF, RewardAct.ARCHIVE, RewardAct.REVIVE,
)  # fmt: skip
_PART_DIGITS: Final = len(str(acting.MOST_PART))


@dataclass(frozen=True, slots=True)
class LineView:
    """One sentence of the explanation."""

    text: str
    ok: bool | None
    source: str
    status: str


@dataclass(frozen=True, slots=True)
class Button:
    """A step that may be taken now."""

    act: str
    label: str
    reason: bool


async def shown(request: web.Request) -> web.Response:
    """One reward. Raises NotFound."""
    return await _shown(request, "")


async def _shown(
    request: web.Request,
    fault: str,
    *,
    word: str = "",
    status: int = 200,
    typed: MultiDictProxy[Any] | None = None,
) -> web.Response:
    """The page; `typed` is the form that was refused, whose words are kept."""
    deps, doer = request.app[DEPS], doer_of(request)
    now = deps.clock.now()
    async with deps.db.reads() as session:
        no = request.match_info["no"][:20]
        await book.check_seen(session, request[VIEWER], no)
        reward = (await session.scalars(sa.select(Reward).where(Reward.no == no))).one()
        found = await _decided(session, request, reward)
        told = await acting.outcomes_of(session, reward.id)
        evidence = await outcomes.files_of(session, reward.id)
        parts = await book.shares_of(session, reward.id)
        message = await telling.last(session, reward.id)
        state = RewardState(reward.state)
        fits = [act for act in _BUTTONS if not await recovering.refused(session, reward, act, was=state)]
        news = await finding.news(session, deps.tables, reward, now=now)
        hints = [one["text"] for one in reward.checks]
        fault, *texts = await naming.told(session, request[VIEWER], [fault, *hints, *news])
        events = list(
            await session.scalars(
                sa.select(RewardEvent).where(RewardEvent.reward_id == reward.id).order_by(RewardEvent.seq)
            )
        )
        ticket = await session.scalar(sa.select(Ticket.no).where(Ticket.id == reward.root_ticket_id))
    today = local(now).date()
    editing = state is RewardState.CANDIDATE and RewardPost.HANDLER in doer.posts
    before = book.before(reward)
    allowed = stepping.possible(deps.tables.rewards, state, before, doer, at=today)
    view = {
        "no": reward.no, "version": reward.version, "state": state.label, "code": state.value,
        "kind": request.app[NAMES].kind(reward.kind), "reported_at": reward.reported_at,
        "real_name": reward.real_name, "insider": reward.insider, "rewarded_before": reward.rewarded_before,
        "reoffended": reward.reoffended, "reporters": reward.reporters, "ruleset": reward.ruleset or "",
        "parts": "、".join(str(part) for part in reward.parts), "exclusions": set(reward.exclusions),
        "pick": f"{reward.pick_fen / 100:.2f}" if reward.pick_fen else "", "notify_by": reward.notify_by,
        "amount": yuan(reward.amount_fen) if reward.amount_fen else None, "news": texts[len(hints) :],
        "checks": [{**one, "text": text} for one, text in zip(reward.checks, texts, strict=False)],
        "proof": [_proof(one) for one in reward.proof],
        "ticket": ticket if RewardPost.HANDLER in doer.posts else None,
        "notified_at": reward.notified_at, "message": _message(message, deps.settings.reward_sms),
        "people": [(post.label, login) for post, login in before.items() if login],
    }  # fmt: skip
    if typed is not None and "reporters" in typed:
        view |= {name: text(typed, name) for name in ("reporters", "parts", "pick", "ruleset")}
        view |= {name: name in typed for name in ("insider", "rewarded_before", "reoffended")}
        view["exclusions"] = set(typed.getall("exclusions", []))
    return common.page(
        request, "one", status=status, fault=fault, word=word, typed=typed or {}, reward=view,
        editing=editing, lines=found[0], asks=found[1], buttons=_buttons(allowed, fits),
        outcomes=[_outcome(row, [one for one in evidence if one.outcome_id == row.id]) for row in told],
        shares=[_share(request, reward, one, allowed) for one in parts],
        events=[_event(one) for one in events],
        matters=common.matters(request, reward), choices=common.choices(request),
        notify_days=deps.tables.rewards.limit(LimitName.NOTIFY, today).days,
    )  # fmt: skip


def _message(one: RewardNotice | None, on: bool) -> str:  # noqa: FBT001  (the setting)
    """What became of the text message, in words."""
    if one is None:
        return ""
    if one.state == NoticeState.WAITING and not on:
        return "短信告知已停用"
    told = telling.WORDS.get(one.code or "", NoticeState(one.state).label)
    return f"短信（只说有新的答复）：{told}"


def _buttons(allowed: tuple[Any, ...], wanted: Sequence[RewardAct]) -> list[Button]:
    acts = {row.act: row for row in allowed}
    return [Button(act.value, act.label, bool(acts[act].needs)) for act in wanted if act in acts]


async def _decided(
    session: AsyncSession, request: web.Request, reward: Reward
) -> tuple[list[LineView], str | None]:
    """The lines: as they would be now while it is a candidate, else as they were verified."""
    deps = request.app[DEPS]
    if reward.state != RewardState.CANDIDATE and reward.verdict:
        return [
            LineView(
                one["text"], one["ok"], one["source"],
                Status(one["status"]).label if one["status"] else "",
            )
            for one in reward.verdict["lines"]
        ], None  # fmt: skip
    try:
        found = await acting.decision(session, deps.tables, reward, now=deps.clock.now())
    except NoRule as error:
        return [LineView(error.detail, ok=False, source="", status="")], None
    return [
        LineView(one.text, one.ok, one.source, one.status.label if one.status else "") for one in found.lines
    ], _asks(found)


def _asks(found: Decision) -> str | None:
    if not found.eligible or found.low == found.high:
        return None
    if found.choices:
        return "、".join(yuan(one) for one in found.choices) + " 中选一"
    return f"{yuan(found.low or 0)} 至 {yuan(found.high or 0)}"


def _outcome(row: RewardOutcomeRow, evidence: list[RewardFile]) -> dict[str, Any]:
    measures = [f"{Measure(name).label} {value}" for name, value in row.measures.items()]
    return {
        "id": row.id, "label": RewardOutcome(row.outcome).label, "title": row.title,
        "document": row.document_no, "effective": row.effective_on,
        "fine": yuan(row.fine_fen) if row.fine_fen else "",
        "top": yuan(row.statutory_max_fen) if row.statutory_max_fen else "", "via": Via(row.via).label,
        "matter": row.matter or "", "measures": measures, "by": row.by, "at": row.at,
        "files": [(one.id, one.name, one.sha256) for one in evidence],
    }  # fmt: skip


def _share(request: web.Request, reward: Reward, one: RewardShare, whole: tuple[Any, ...]) -> dict[str, Any]:
    """A part; `whole`: the steps of the reward that may be taken, for one opens again with it alone."""
    deps = request.app[DEPS]
    fits = {
        RewardAct.REOPEN: any(row.act is RewardAct.REOPEN for row in whole),
        RewardAct.CONFIRM: book.to_confirm(reward, one),
    }
    allowed = stepping.possible(
        deps.tables.rewards, ShareState(one.state), book.before(reward), doer_of(request),
        at=local(deps.clock.now()).date(),
    )  # fmt: skip
    return {
        "number": one.number, "amount": yuan(one.amount_fen), "state": ShareState(one.state).label,
        "claim_by": one.claim_by, "coded": one.code_hash is not None, "claimed_at": one.claimed_at,
        "same_name": one.same_name, "unnamed": one.same_name is None and fits[RewardAct.CONFIRM],
        "paid_at": one.paid_at, "why": one.why, "reminders": one.reminders,
        "buttons": _buttons(allowed, [act for act in acting.SHARE_ACTS if fits.get(act, True)]),
    }  # fmt: skip


def _proof(one: dict[str, Any]) -> dict[str, Any]:
    """A report in its place, with its times to the second: the order may hang on one."""
    times = {
        name: local(datetime.fromisoformat(one[f"{name}_at"])).strftime("%Y-%m-%d %H:%M:%S")
        for name in ("received", "registered")
    }
    return {**one, **times}


def _event(one: RewardEvent) -> dict[str, Any]:
    return {
        "at": one.at, "label": RewardAct(one.act).label, "by": one.by or "系统", "share": one.share,
        "reason": common.reason_of(one.data),
    }  # fmt: skip


async def _trying(
    request: web.Request, work: Callable[[web.Request, MultiDictProxy[Any]], Awaitable[str]]
) -> web.Response:
    """A form of the page. Leads back to it, or shows it again with the reason and what was typed."""
    form = await request.post()
    try:
        no = await work(request, form)
    except (BadInput, NotReady, stepping.StepRefused, book.RewardChanged, NoRule) as error:
        return await _shown(request, error.detail, status=error.status, typed=form)
    return common.back(f"/desk/rewards/of/{no}")


async def stated(request: web.Request) -> web.Response:
    """What the handler states."""
    return await _trying(request, _state)


async def _state(request: web.Request, form: MultiDictProxy[Any]) -> str:
    deps = request.app[DEPS]
    known = {one.value: one for one in Exclusion}
    picked = [known[str(one)] for one in form.getall("exclusions", []) if str(one) in known]
    parts = [one for one in text(form, "parts").replace("，", "、").replace(",", "、").split("、") if one]
    if not all(one.isascii() and one.isdigit() and len(one) <= _PART_DIGITS for one in parts):
        raise BadInput(f"约定的份额应为整数，每份最多 {_PART_DIGITS} 位，用顿号分开")
    said = acting.Stated(
        ruleset=text(form, "ruleset", 40) or None, exclusions=tuple(dict.fromkeys(picked)),
        insider=text(form, "insider") == "1", rewarded_before=text(form, "rewarded_before") == "1",
        reoffended=text(form, "reoffended") == "1", reporters=whole(form, "reporters", "人数") or 1,
        parts=tuple(int(one) for one in parts), pick=fen(form, "pick", "确定的金额"),
    )  # fmt: skip
    wish = wish_of(request, form, RewardAct.VERIFY)
    async with deps.db.writes.begin() as session:
        await book.check_seen(session, request[VIEWER], wish.no)
        await acting.state(session, deps.tables, doer_of(request), wish, said, now=deps.clock.now())
    return wish.no


async def decided(request: web.Request) -> web.Response:
    """处理结果 with its evidence."""
    return await _trying(request, _decide)


async def _decide(request: web.Request, form: MultiDictProxy[Any]) -> str:
    deps = request.app[DEPS]
    wish = wish_of(request, form, RewardAct.OUTCOME)
    measures = {one: whole(form, one.value, one.label) for one in Measure if one is not Measure.FINE_YUAN}
    new = NewOutcome(
        outcome=choice(form, "outcome", RewardOutcome), title=text(form, "title"),
        document_no=text(form, "document_no"), effective_on=day(form, "effective_on", "生效日期"),
        fine=fen(form, "fine", "罚款金额"), statutory_max=fen(form, "statutory_max", "罚款上限"),
        via=choice(form, "via", Via), matter=text(form, "matter", 40) or None,
        contribution=whole(form, "contribution", "贡献"),
        measures={one: value for one, value in measures.items() if value is not None},
    )  # fmt: skip
    made = await attachments.prepare_all(files.uploads(form), files.limits_of(request), pdf=True)
    hashes = await filestore.store(request, made, sorry="附件暂时存不进去，请稍后再试。")
    async with deps.db.writes.begin() as session:
        await book.check_seen(session, request[VIEWER], wish.no)
        await outcomes.add(
            session, deps.tables, doer_of(request), wish, new, files=made, hashes=hashes,
            now=deps.clock.now(),
        )  # fmt: skip
    return wish.no


async def withdrawn(request: web.Request) -> web.Response:
    """An outcome that was entered by mistake."""
    return await _trying(request, _withdraw)


async def _withdraw(request: web.Request, form: MultiDictProxy[Any]) -> str:
    deps = request.app[DEPS]
    wish = wish_of(request, form, RewardAct.OUTCOME)
    async with deps.db.writes.begin() as session:
        await book.check_seen(session, request[VIEWER], wish.no)
        await outcomes.withdraw(
            session, deps.tables, doer_of(request), wish, whole(form, "outcome", "结果") or 0,
            now=deps.clock.now(),
        )  # fmt: skip
    return wish.no


async def acted(request: web.Request) -> web.Response:
    """A step of the whole, or of one part. A refusal is told on the page."""
    form, deps = await request.post(), request.app[DEPS]
    now, word = deps.clock.now(), ""
    try:
        wish = common.pressed(request, form, _BUTTONS)
        if wish.act is RewardAct.VERIFY:
            await common.look_again(request, wish.no)
        async with deps.db.writes.begin() as session:
            await book.check_seen(session, request[VIEWER], wish.no)
            if wish.share:
                await acting.act_share(session, deps.tables, doer_of(request), wish, now=now)
            else:
                reward = await acting.act(session, deps.tables, doer_of(request), wish, now=now)
                word = owning.hand_over(deps, reward) if wish.act is RewardAct.ATTEST else ""
    except (BadInput, stepping.StepRefused, book.RewardChanged, NoRule) as error:
        return await _shown(request, error.detail, status=error.status, typed=form)
    if word:
        return await _shown(request, "", word=word)
    return common.back(f"/desk/rewards/of/{wish.no}")


async def evidence(request: web.Request) -> web.Response:
    """A file of an outcome. Raises NotFound, NotReady."""
    number = files.file_id(request)
    async with request.app[DEPS].db.reads() as session:
        row = await session.scalar(
            sa.select(RewardFile)
            .join(RewardOutcomeRow, RewardOutcomeRow.id == RewardFile.outcome_id)
            .join(Reward, Reward.id == RewardOutcomeRow.reward_id)
            .where(
                RewardFile.id == number,
                Reward.no == request.match_info["no"][:20],
                book.seen_by(request[VIEWER]),
            )
        )
    if row is None:
        raise NotFound("没有这个附件。")
    return await filestore.serve(
        request, row.sha256, file_id=row.id, name=row.name, media_type=row.media_type
    )


ROUTES: Final = (
    access.get("/desk/rewards/of/{no}", shown, needs=STAFF),
    access.post("/desk/rewards/of/{no}/state", stated, needs=Permission.REWARD_HANDLE),
    access.post("/desk/rewards/of/{no}/outcome", decided, needs=Permission.REWARD_HANDLE),
    access.post("/desk/rewards/of/{no}/withdraw", withdrawn, needs=Permission.REWARD_HANDLE),
    access.post("/desk/rewards/of/{no}/act", acted, needs=STAFF),
    access.get("/desk/rewards/of/{no}/files/{file}", evidence, needs=STAFF),
)
