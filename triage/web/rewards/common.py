"""What the pages of 有奖举报 share: who acts as what, forms read strictly, the vault."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final, TypeVar

from aiohttp import web

from models.vocab_rewards import Exclusion, Measure, RewardAct, RewardOutcome, RewardPost, RewardState, Via
from models.vocab_staff import Permission
from triage.clock import local
from triage.errors import BadInput, NoRule
from triage.rules.rewards.amounts import yuan
from triage.rules.rewards.stepping import Doer, StepRefused
from triage.services.rewards import acting, book, finding
from triage.services.rewards.book import Wish
from triage.services.rewards.keys import RewardKeys
from triage.web import guard
from triage.web.desk import render
from triage.web.keys import DEPS, VIEWER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.rewards import Reward
    from models.vocab import Labelled

    LabelT = TypeVar("LabelT", bound=Labelled)

KEYS: Final = web.AppKey("reward_keys", RewardKeys)
#: Whoever may open the pages of the staff.
STAFF: Final = (
    Permission.REWARD_HANDLE, Permission.REWARD_REVIEW, Permission.REWARD_APPROVE, Permission.REWARD_PAY
)  # fmt: skip
_POSTS: Final = {
    Permission.REWARD_HANDLE: (RewardPost.HANDLER,),
    Permission.REWARD_REVIEW: (RewardPost.LEGAL, RewardPost.FINANCE),
    Permission.REWARD_APPROVE: (RewardPost.HEAD,),
    Permission.REWARD_PAY: (RewardPost.PAYER,),
}
_MOST_DIGITS: Final = 12
_LONGEST: Final = 500


def doer_of(request: web.Request) -> Doer:
    """Who asks, as what they may act. Legal and finance are one permission and two people."""
    viewer = request[VIEWER]
    posts = [post for permission, given in _POSTS.items() if viewer.may(permission) for post in given]
    return Doer(viewer.login, tuple(posts))


def text(form: Mapping[str, Any], name: str, longest: int = _LONGEST) -> str:
    """A field as text. Raises BadInput when it is a file or too long."""
    value = form.get(name) or ""
    if not isinstance(value, str):
        raise BadInput("表单内容无法读取")
    value = value.replace("\0", "").strip()
    if len(value) > longest:
        raise BadInput(f"最多 {longest} 个字")
    return value


def whole(form: Mapping[str, Any], name: str, label: str) -> int | None:
    """A whole number; None when the field is empty. Raises BadInput."""
    told = text(form, name)
    if not told:
        return None
    if not (told.isascii() and told.isdigit() and len(told) <= _MOST_DIGITS):
        raise BadInput(f"{label}应为整数")
    return int(told)


def fen(form: Mapping[str, Any], name: str, label: str) -> int | None:
    """Yuan with at most two decimals, as fen; None when the field is empty. Raises BadInput."""
    told = text(form, name).replace(",", "").replace("，", "")
    if not told:
        return None
    yuan, _, rest = told.partition(".")
    good = (yuan + rest).isascii() and (yuan + rest).isdigit() and yuan and len(rest) <= len("00")
    if not good or len(yuan) > _MOST_DIGITS:
        raise BadInput(f"{label}应是金额，形如 1234.50")
    return int(yuan) * 100 + int((rest + "00")[:2])


def day(form: Mapping[str, Any], name: str, label: str) -> date | None:
    """A date; None when the field is empty. Raises BadInput."""
    told = text(form, name)
    try:
        return date.fromisoformat(told) if told else None
    except ValueError:
        raise BadInput(f"{label}应是日期，形如 2026-11-26") from None


def choice(form: Mapping[str, Any], name: str, kind: type[LabelT]) -> LabelT:
    """A member of an enum. Raises BadInput."""
    told = text(form, name)
    known = {member.value: member for member in kind}
    if told not in known:
        raise BadInput(f"请选择：{'、'.join(member.label for member in kind)}")
    return known[told]


def wish_of(request: web.Request, form: Mapping[str, Any], act: RewardAct | None = None) -> Wish:
    """The step that a form asks for. Raises BadInput."""
    return Wish(
        no=request.match_info["no"][:20], act=act or choice(form, "act", RewardAct),
        version=whole(form, "version", "版本") or 0, reason=text(form, "reason"),
        share=whole(form, "share", "份"),
        recovery=book.Recovery(
            fen(form, "returned", "追回的金额") or 0, day(form, "returned_on", "退回日期"),
            text(form, "returned_by", 100),
        ),
    )  # fmt: skip


def pressed(request: web.Request, form: Mapping[str, Any], buttons: Sequence[RewardAct]) -> Wish:
    """The step of a button, of one part one of `SHARE_ACTS`. Raises BadInput, StepRefused."""
    wish = wish_of(request, form)
    if wish.act not in (acting.SHARE_ACTS if wish.share else buttons):
        raise StepRefused("这一步不在这里办")
    return wish


def reason_of(data: Mapping[str, Any]) -> str:
    """Why, and what came back, as an event tells it."""
    told = str(data.get("reason", ""))
    if "returned" in data:
        told += f"（退回 {yuan(data['returned'])}，{data['on']}，{data['document']}）"
    return told


async def look_again(request: web.Request, no: str) -> None:
    """What changed of a candidate since is kept before it is verified: that is refused for it, and shows it.

    Raises NotFound, StepRefused.
    """
    deps = request.app[DEPS]
    async with deps.db.writes.begin() as session:
        await book.check_seen(session, request[VIEWER], no)
        reward = await book.locked(session, no)
        if reward.state == RewardState.CANDIDATE:
            await finding.again(session, deps.tables, reward, now=deps.clock.now())


def matters(request: web.Request, reward: Reward) -> tuple[str, ...]:
    """The matters that the reward's rules know."""
    try:
        rules = request.app[DEPS].tables.rewards.ruleset(local(reward.reported_at).date(), reward.ruleset)
    except NoRule:
        return ()
    return rules.matters


def choices(request: web.Request) -> dict[str, Any]:
    """What the forms of a reward's page offer."""
    return {
        "rulesets": [(r.id, r.title) for r in request.app[DEPS].tables.rewards.rulesets.values()],
        "exclusions": [(one.value, one.label) for one in Exclusion],
        "outcomes": [(one.value, one.label) for one in RewardOutcome],
        "via": [(one.value, one.label) for one in Via],
        "measures": [(one.value, one.label) for one in Measure if one is not Measure.FINE_YUAN],
    }


def page(request: web.Request, template: str, *, status: int = 200, **values: Any) -> web.Response:  # noqa: ANN401
    """A page of the desk with its token."""
    token = guard.token_of(request)
    response = render(request, f"rewards/{template}.html", status=status, token=token, **values)
    guard.keep(response, token)
    return response


def back(path: str) -> web.Response:
    """Go on by GET: a reload sends nothing twice."""
    return web.Response(status=303, headers={"Location": path})
