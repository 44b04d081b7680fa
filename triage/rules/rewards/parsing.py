"""Parser of `triage/tables/rewards/*.yaml`; money is written in yuan and kept in fen."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, TypeVar

from models.vocab_rewards import (
    Exclusion,
    Formula,
    Measure,
    RateOf,
    RewardAct,
    RewardOutcome,
    RewardPost,
    RewardState,
    ShareState,
    Via,
)
from triage.rules.clock_parsing import dated_rows
from triage.rules.reading import Record, read_yaml
from triage.rules.rewards import checks
from triage.rules.rewards.rows import (
    FEN,
    WHOLE,
    AwardRow,
    BoundName,
    BoundRow,
    CandidateRow,
    Condition,
    ConditionRow,
    EntitlementRow,
    ExclusionRow,
    FirstRow,
    InsiderRow,
    LimitName,
    LimitRow,
    Need,
    RewardTable,
    Ruleset,
    SelectionRow,
    StepRow,
    Subject,
    When,
)
from triage.rules.rows import Problem, Reward, Status, Where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.vocab import Labelled
    from triage.rules.rows import KindRow

    LabelT = TypeVar("LabelT", bound=Labelled)

FOLDER: Final = "rewards"
COMMON: Final = "common.yaml"
STEPS: Final = "steps.yaml"
_SAME: Final = "same"
_VERSION_LENGTH: Final = 12
#: What a step may ask for.
_NEEDS: Final = ("reason",)


def reward_table(
    files: Mapping[str, str], kinds: Mapping[str, KindRow], problems: list[Problem]
) -> RewardTable:
    """The table of these files (name within the folder → text); faults are noted in `problems`."""
    tops: dict[str, Record] = {}
    problems.extend(
        Problem(Where(f"{FOLDER}/{name}", 1), "缺少这个文件") for name in (COMMON, STEPS) if name not in files
    )
    before = len(problems)
    for name, text in sorted(files.items()):
        top = read_yaml(f"{FOLDER}/{name}", text, problems)
        if top is not None:
            top.optional("about")
            tops[name] = top
    common, steps = tops.pop(COMMON, None), tops.pop(STEPS, None)
    rulesets = [_ruleset(top, name) for name, top in tops.items()]
    table = RewardTable(
        version=_version(files),
        rulesets={row.id: row for row in rulesets if row is not None},
        steps=() if steps is None else dated_rows(steps, "rows", _step),
        **({} if common is None else _common(common)),
    )
    for top in (common, steps):
        if top is not None:
            top.done()
    if len(problems) == before and common is not None:
        checks.check(table, kinds, problems)
    return table


def _version(files: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0{files[name]}".encode())
    return digest.hexdigest()[:_VERSION_LENGTH]


def _common(top: Record) -> dict[str, Any]:
    return {
        "selection": dated_rows(top, "selection", _selection),
        "candidates": dated_rows(top, "candidates", _candidate),
        "first": dated_rows(top, "first", _first),
        "conditions": dated_rows(top, "conditions", _condition),
        "limits": dated_rows(top, "limits", _limit),
        "bounds": dated_rows(top, "bounds", _bound),
        "exclusions": dated_rows(top, "exclusions", _exclusion),
        "entitlements": dated_rows(top, "entitlements", _entitlement),
    }


def _selection(r: Record) -> SelectionRow:
    return SelectionRow(r.text("id"), *r.dated(), r.where, title=r.text("title"), ruleset=r.text("ruleset"))


def _candidate(r: Record) -> CandidateRow:
    return CandidateRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"),
        appeal_types=r.words("appeal_types", required=True), confidential=r.flag("confidential"),
        kinds=tuple(_members(r, "kinds", Reward)), states=r.words("states", required=True),
    )  # fmt: skip


def _first(r: Record) -> FirstRow:
    return FirstRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"),
        shortest_words=r.whole("shortest_words"), needs=_labels(r, "needs", Need),
    )  # fmt: skip


def _condition(r: Record) -> ConditionRow:
    return ConditionRow(
        r.text("id"), *r.dated(), r.where,
        title=r.text("title"), name=r.choice("name", Condition), value=r.flag("value"),
    )  # fmt: skip


def _limit(r: Record) -> LimitRow:
    return LimitRow(
        r.text("id"), *r.dated(), r.where,
        title=r.text("title"), name=r.choice("name", LimitName), days=r.whole("days"),
    )  # fmt: skip


def _bound(r: Record) -> BoundRow:
    return BoundRow(
        r.text("id"), *r.dated(), r.where,
        title=r.text("title"), name=r.choice("name", BoundName), value=r.whole("value"),
    )  # fmt: skip


def _exclusion(r: Record) -> ExclusionRow:
    return ExclusionRow(
        r.text("id"), *r.dated(), r.where,
        exclusion=r.choice("exclusion", Exclusion), recover=r.flag("recover"),
    )  # fmt: skip


def _entitlement(r: Record) -> EntitlementRow:
    parents, kinds = r.words("parents"), r.words("kinds")
    if bool(parents) == bool(kinds):
        r.fault("“parents”和“kinds”应写其中一个")
    return EntitlementRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), parents=parents, kinds=kinds,
        rewarded=r.flag("rewarded"), real_name=r.flag("real_name"), payer=r.optional("payer"),
    )  # fmt: skip


def _ruleset(top: Record, name: str) -> Ruleset | None:
    first, last, source, status = top.dated()
    own = top.text("id")
    if f"{own}.yaml" != name:
        top.fault(f"编号“{own}”与文件名不一致", "id")
    inherited = _Inherited(first, last, source, status)
    found = Ruleset(
        own, first, last, source, status, top.where, title=top.text("title"), city=top.text("city"),
        anonymous=top.flag("anonymous"), most=_money(top, "most"),
        awards=tuple(_awards(top, inherited)),
        insiders=tuple(_insiders(top, inherited)),
    )  # fmt: skip
    return found if top.done() else None


class _Inherited:
    """Dates, source and status of a rule set: its rows have them unless they say otherwise."""

    def __init__(self, first: Any, last: Any, source: str, status: Status) -> None:  # noqa: ANN401  (dates)
        self._own = first, last, source, status

    def of(self, r: Record) -> tuple[Any, Any, str, Status]:
        """What a row has."""
        first, last, source, status = self._own
        if r.optional("source"):
            source, status = r.text("source"), r.choice("status", Status)
        return first, last, source, status


def _awards(top: Record, inherited: _Inherited) -> list[AwardRow]:
    made = [(r, _award(r, inherited)) for r in top.records("awards")]
    return [row for r, row in made if r.done()]


def _award(r: Record, inherited: _Inherited) -> AwardRow:
    formula = r.choice("formula", Formula)
    row = AwardRow(
        r.text("id"), *inherited.of(r), r.where, title=r.text("title"),
        outcomes=_labels(r, "outcomes", RewardOutcome, required=False),
        via=r.choice("via", Via) if r.optional("via") else Via.REPORT,
        matter=r.optional("matter"), contribution=_maybe(r, "contribution"),
        when=tuple(_when(one) for one in (r.records("when") if "when" in r.values else ())),
        formula=formula, rate_of=r.choice("rate_of", RateOf) if r.optional("rate_of") else None,
        rate=_maybe(r, "rate"), rate_most=_maybe(r, "rate_most"), least=_money(r, "least"),
        most=_money(r, "most"), choices=_choices(r),
    )  # fmt: skip
    wanted = {
        Formula.RATE: ("rate", "rate_of"), Formula.FIXED: ("least",), Formula.BAND: ("most",),
        Formula.RATE_BAND: ("rate", "rate_most", "rate_of"), Formula.CHOICE: ("choices",),
    }[formula]  # fmt: skip
    for name in wanted:
        if not getattr(row, name):
            r.fault(f"“{formula.label}”要写“{name}”", "formula")
    for share in (row.rate, row.rate_most):
        if share is not None and share > WHOLE:
            r.fault(f"比例写万分之几，最多 {WHOLE}：{share}", "rate")
    if row.least and row.most and row.least > row.most:
        r.fault("下限高于上限", "most")
    return row


def _when(r: Record) -> When:
    found = When(r.choice("measure", Measure), r.whole("from"), _maybe(r, "below"))
    if found.below is not None and found.below <= found.least:
        r.fault("“below”应大于“from”", "below")
    r.done()
    return found


def _insiders(top: Record, inherited: _Inherited) -> list[InsiderRow]:
    if "insiders" not in top.values:
        return []
    rows = []
    for r in top.records("insiders"):
        row = InsiderRow(
            r.text("id"), *inherited.of(r), r.where, title=r.text("title"),
            percent=_maybe(r, "percent"), most=_money(r, "most"), upper=r.flag("upper"),
        )  # fmt: skip
        if (row.percent is None) != row.upper:
            r.fault("“percent”和“upper”应写其中一个")
        if r.done():
            rows.append(row)
    return rows


def _step(r: Record) -> StepRow:
    subject = r.choice("subject", Subject)
    states: type[RewardState | ShareState] = RewardState if subject is Subject.REWARD else ShareState
    goal = r.text("to")
    needs = r.words("needs")
    for need in needs:
        if need not in _NEEDS:
            r.fault(f"不认识的必填项：{need}", "needs")
    return StepRow(
        r.text("id"), *r.dated(), r.where, act=r.choice("act", RewardAct), subject=subject,
        sources=_labels(r, "from", states),
        goal=None if goal == _SAME else r.choice("to", states),
        who=_labels(r, "who", RewardPost), needs=needs,
        apart=_labels(r, "apart", RewardPost, required=False),
    )  # fmt: skip


def _labels(r: Record, name: str, kind: type[LabelT], *, required: bool = True) -> tuple[LabelT, ...]:
    return tuple(_members(r, name, kind, required=required))


def _members(r: Record, name: str, kind: Any, *, required: bool = True) -> list[Any]:  # noqa: ANN401  (enums)
    words = r.words(name, required=required)
    known = {member.value: member for member in kind}
    for word in words:
        if word not in known:
            r.fault(f"“{name}”只能是 {'、'.join(known)}：{word}", name)
    return [known[word] for word in words if word in known]


def _maybe(r: Record, name: str) -> int | None:
    return None if r.optional(name) is None else r.whole(name)


def _money(r: Record, name: str) -> int | None:
    yuan = _maybe(r, name)
    return None if yuan is None else yuan * FEN


def _choices(r: Record) -> tuple[int, ...]:
    found = []
    for word in r.words("choices"):
        if not (word.isascii() and word.isdigit() and int(word)):
            r.fault(f"“choices”应为正整数（元）：{word}", "choices")
            continue
        found.append(int(word) * FEN)
    if found != sorted(found):
        r.fault("“choices”应从小到大", "choices")
    return tuple(found)
