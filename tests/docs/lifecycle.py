"""docs/rules/lifecycle.md, made from the table of moves: the diagram cannot say what the table does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import triage.tables
from models.vocab import CLOSED_STATES, TAG_OF, Move, State
from triage.rules.move_rows import Fact, Goal, Limits, MoveRow

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD: Final = """# 工单的一生 (the life of a ticket)

Made from `moves.yaml` by `python -m tests.docs.generated`; do not edit.

One row of the table is one allowed move: who may make it, from which states, what it must be told,
which event it writes, which clocks it starts and stops. `triage/rules/moves.py` reads nothing else;
`triage/rules/replay.py` turns the events back into the ticket, and the stored row is always that
replay.

- The citizen's clock (办理时限) starts at the first 派单 and never starts anew by 异议, 改派, 仲裁 or
  二次派单. Not signing stops nothing.
- 二次派单 (`triage/rules/second_dispatch.py`): a ticket that a district's government leads (区政府, not
  an office like 经开区管委会) goes to a street or bureau of that district. Whoever assisted or was called
  (吹哨, 提级) goes on, and may report in before the new unit signs; the district is copied (of a 保密 case
  a copy sees nothing, so there is no way back either). An objection of the new unit is ruled on as any
  other, by the desk. Once: what a street or bureau leads is not passed on.
- 更正反馈 and 退回补充 (`triage/rules/amending.py`): before anybody was rung (`rung`) the unit puts its
  feedback right, which moves no clock, or the desk sends it back for more, once a round, with a short
  limit of the unit's alone: the citizen's (`answer_by`) stays, and the clock that the first feedback
  stopped says whether it was in time, and is back (`answer_kept`) with the next one. The event of 退回补充
  has `lack` (id and title of the row) beside its values.
  重办 follows what a citizen said, 退回补充 what the desk read.
- A clock that a move does not name goes on; the event still lists it under `keep`.
- 延期, 挂账, 剔除, 吹哨, 提级, 督办, 催办 and the flag lie beside the state: a ticket can be 办理中
  with a wish waiting.
- 撤诉 ends what nobody else waits for. Where others do (`shared`) the state stays, and the clock of this
  caller's 回访 rests until 取消撤诉, which leads to where the case stood, its clocks as if they had never
  stopped.
- 撤销 takes back one's own last move within the row's minutes; the event stays, and names the event
  that it undoes.
- A ticket from before the moves first gets an event 接续办理 (`ticket:adopted`) that says where it
  stood.

## Events
The event of a move is `ticket:` and the move's name. Two are older than the moves and keep their names:
`dispatch` 派单 writes `ticket:dispatched`, `divert` 分流 writes `ticket:diverted`. Registration by the
system is `appeal:received` (诉求登记); `accept` 受理 is a person taking back what was diverted,
handed over or answered at once. `ticket:joined` is the other ticket's side of `merge` 合并. Data of a
move's event: `move`, `row`, `table_version`, `version`, `post`, `by_unit`, `from`, `to`, `values`,
`clocks` (`start` with due time and rule, `stop`, `keep`), `units` where the ticket goes to a unit,
`undo_until`, for 撤诉 `withdrawn` (who asked, why), and for 撤销 `undoes` (the event's number) and `undone`
(its move).

"""


def page() -> str:
    """The whole page."""
    rows = triage.tables.load().moves.rows
    parts = [*_diagram(rows), "", *_states(rows), "", *_moves(rows), "", *_each(rows)]
    return HEAD + "\n".join(parts).rstrip() + "\n"


def _diagram(rows: Sequence[MoveRow]) -> list[str]:
    """Moves that change the state; several between two states share an arrow."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for source in row.sources:
            for goal in _goals(row, source):
                label = row.move.label + (f"（{row.outcomes[0].label}）" if row.outcomes else "")
                known = arrows.setdefault((source.value, goal.value), [])
                known += [label] * (label not in known)
    lines = ["## 状态图", "", "```mermaid", "stateDiagram-v2"]
    lines += [f"  {state.value} : {state.label}" for state in State]
    lines += ["  [*] --> review", "  [*] --> dispatched", "  [*] --> handed_over"]
    lines += [f"  {source} --> {goal} : {'、'.join(labels)}" for (source, goal), labels in arrows.items()]
    return [*lines, "  archived --> [*]", "```"]


def _goals(row: MoveRow, source: State) -> tuple[State, ...]:
    if row.move is Move.TAKE_UP:
        return (State.REVIEW, State.DISPATCHED, State.HANDLING) if source is State.CLOSED else ()
    if row.goal is Goal.BEFORE:
        return (State.DISPATCHED, State.SIGNED)
    return () if isinstance(row.goal, Goal) or row.goal is source else (row.goal,)


def _states(rows: Sequence[MoveRow]) -> list[str]:
    lines = ["## 状态", "", "| 状态 | 值 | 未结 | 可以做 |", "|---|---|---|---|"]
    for state in State:
        can = dict.fromkeys(row.move.label for row in rows if state in row.sources)
        still = "" if state in CLOSED_STATES else "是"
        lines.append(f"| {state.label} | `{state.value}` | {still} | {'、'.join(can)} |")
    return lines


def _moves(rows: Sequence[MoveRow]) -> list[str]:
    lines = ["## 操作", "", "| 操作 | 值 | 事件 | 岗位 | 必填 | 时限 |", "|---|---|---|---|---|---|"]
    for move in Move:
        mine = [row for row in rows if row.move is move]
        posts = dict.fromkeys(post.label for row in mine for post in row.who)
        needs = dict.fromkeys(field.label for row in mine for field in row.needs)
        clocks = dict.fromkeys(
            f"{word}{clock.label}"
            for row in mine
            for word, named in (("起算", row.clocks.start), ("停止", row.clocks.stop))
            for clock in named
        )
        lines.append(
            f"| {move.label} | `{move.value}` | `{TAG_OF[move].value}` | {'、'.join(posts)} "
            f"| {'、'.join(needs)} | {'；'.join(clocks)} |"
        )
    return lines


def _each(rows: Sequence[MoveRow]) -> list[str]:
    lines = ["## 逐条", ""]
    for row in rows:
        lines += [f"### {row.move.label} `{row.id}`", "", f"{row.hint}。", ""]
        lines.append(f"- 从：{'、'.join(state.label for state in row.sources)}")
        lines.append(f"- 到：{_goal(row)}；岗位：{'、'.join(post.label for post in row.who)}{_parts(row)}")
        for name, fields in (("必填", row.needs), ("可填", row.allows), ("结果", row.outcomes)):
            lines += [f"- {name}：{'、'.join(field.label for field in fields)}"] * bool(fields)
        lines += [f"- 诉求类型：只限{'、'.join(kind.label for kind in row.types)}"] * bool(row.types)
        for name, facts in (("前提", row.requires), ("不得", row.forbids)):
            lines += [f"- {name}：{'、'.join(_fact(fact) for fact in facts)}"] * bool(facts)
        lines += [f"- 限制：{'；'.join(_limits(row.limits))}"] * (row.limits != Limits())
        for name, clocks in (("起算", row.clocks.start), ("停止", row.clocks.stop)):
            lines += [f"- {name}：{'、'.join(clock.label for clock in clocks)}"] * bool(clocks)
        lines += [f"- 本人 {row.undo_minutes} 分钟内可撤销"] * (row.undo_minutes is not None)
        lines += [f"- {row.source}（{row.status.value}，自 {row.valid_from}；{'、'.join(row.rules)}）", ""]
    return lines


def _goal(row: MoveRow) -> str:
    if row.move is Move.TAKE_UP:
        return "撤诉之前的状态"
    if isinstance(row.goal, Goal):
        return {Goal.SAME: "不变", Goal.BEFORE: "提异议之前的状态"}[row.goal]
    return row.goal.label


def _parts(row: MoveRow) -> str:
    return f"（{'、'.join(part.label for part in row.parts)}）" if row.parts else ""


def _fact(fact: Fact) -> str:
    return f"`{fact.value}`"


def _limits(limits: Limits) -> list[str]:
    """Each limit that is set, in words."""
    words = {
        "times": "最多 {} 次",
        "objections_below": "此前退单少于 {} 次",
        "objections_from": "此前退单已有 {} 次",
        "review_hours": "{} 小时内审核",
        "before_due": "到期前",
        "after_due": "办理时限期满后",
        "unreachable_below": "此前连续未接通少于 {} 次",
        "unreachable_from": "此前连续未接通已有 {} 次",
        "gap_hours": "距上一次至少 {} 小时",
        "at_most_original": "不超过原时限",
        "until_days": "期限在 {} 天内",
        "answer_percent": "时限为原等级的 {}%",
        "note_at_least": "情况说明至少 {} 个字",
        "within_hours": "撤诉后 {} 小时之内",
    }
    found = []
    if limits.urgencies:
        found.append(f"只限 {'、'.join(limits.urgencies)}")
    if limits.window_hours:
        hours = "、".join(f"{urgency.value} {hours}" for urgency, hours in limits.window_hours.items())
        found.append(f"收到派单后（小时）：{hours}")
    if limits.answer_hours:
        hours = "、".join(f"{urgency.value} {hours}" for urgency, hours in limits.answer_hours.items())
        found.append(f"小时数：{hours}")
    if limits.whys:
        found.append(f"撤诉原因只能是{'、'.join(why.label for why in limits.whys)}")
    found += [said.format(value) for name, said in words.items() if (value := getattr(limits, name))]
    return found
