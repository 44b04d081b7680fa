"""What a move is told, read strictly: typed text in, event values out; each fault names its field.

Values are JSON: text, lists of unit codes, moments as ISO text with their offset.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from models.vocab import Divert, Field, Labelled, Level, Outcome, Satisfaction, Told, Urgency, YesNo
from models.vocab_withdrawal import WithdrawnBy, WithdrawnWhy
from triage.errors import TriageError
from triage.rules import amending
from triage.rules.calendar import BEIJING, beijing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from triage.rules.move_rows import MoveRow
    from triage.rules.rows import Tables

#: What may be chosen.
CHOICES: Final[Mapping[Field, type[Labelled]]] = {
    Field.OUTCOME: Outcome,
    Field.TOLD_CITIZEN: Told,
    Field.CONTACTED: YesNo,
    Field.SOLVED: YesNo,
    Field.SATISFACTION: Satisfaction,
    Field.DIVERT: Divert,
    Field.URGENCY: Urgency,
    Field.WITHDRAWN_BY: WithdrawnBy,
    Field.WITHDRAWN_WHY: WithdrawnWhy,
}
#: Shortest and longest text: two characters say something, four give a reason.
TEXTS: Final[Mapping[Field, tuple[int, int]]] = {
    Field.REASON: (4, 500),
    Field.CLAUSE: (3, 200),
    Field.NOTE: (2, 1000),
    Field.ATTACHMENT: (2, 200),
    Field.OTHER_TICKET: (2, 32),
}
#: Fields whose words a person wrote freely: masked before they are stored.
FREE: Final = (Field.REASON, Field.CLAUSE, Field.NOTE, Field.ATTACHMENT)
UNITS: Final = (Field.UNIT, Field.PROPOSED_UNIT)
MOST_UNITS: Final = 10
#: A slip of the pen, not a limit of the law: those are in the table.
_FURTHEST: Final = timedelta(days=3660)
_CLAUSE_WORDS: Final = ("条", "清单", "目录", "§")


class Stage(IntEnum):
    """How far a request came before it was refused: the furthest row tells why."""

    STATE = 0
    POST = 1
    OUTCOME = 2
    FACT = 3
    LIMIT = 4
    FIELD = 5


class Refusal(TriageError):
    """这一步现在不能做。"""

    code = "move_refused"
    status = 422

    def __init__(
        self,
        detail: str,
        *,
        row: MoveRow | None = None,
        field: Field | None = None,
        stage: Stage = Stage.STATE,
    ) -> None:
        """Say why, by which row, at which field."""
        super().__init__(f"{detail}（依据：{row.source}）" if row else detail)
        self.row = row
        self.field = field
        self.stage = stage


def one_break(text: str) -> str:
    """Forms send a line break as two characters, which a page's maxlength counts as one."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read(tables: Tables, row: MoveRow, raw: Mapping[str, Any], *, at: datetime) -> dict[str, Any]:
    """The values of the row's fields. Raises Refusal naming the first field that is missing or wrong."""
    found: dict[str, Any] = {}
    for field in row.fields:
        value = _one(tables, row, field, raw.get(field.value), at=at)
        if value in (None, [], ""):
            if field in row.needs:
                raise _refused(row, field, f"“{row.move.label}”必须写明{field.label}")
            continue
        found[field.value] = value
    return found


def check_spare(row: MoveRow, others: Iterable[MoveRow], raw: Mapping[str, Any]) -> None:
    """What was chosen is told or refused: no answer given beside 未接通 is thrown away without a word.

    Raises Refusal naming a field that another row of the move takes and this one does not.
    """
    for field in CHOICES:
        told = raw.get(field.value)
        if field in row.fields or told is None or not str(told).replace("\0", "").strip():
            continue
        if any(field in other.fields for other in others):
            results = "、".join(outcome.label for outcome in row.outcomes)
            where = f"结果是“{results}”" if results else "这一步"
            raise _refused(row, field, f"{where}，不能填“{field.label}”")


def _refused(row: MoveRow, field: Field, words: str) -> Refusal:
    return Refusal(words, row=row, field=field, stage=Stage.FIELD)


def _one(tables: Tables, row: MoveRow, field: Field, raw: object, *, at: datetime) -> Any:  # noqa: ANN401  (JSON)
    if field is Field.ASSIST:
        return _units(tables, row, raw, at=at)
    if raw is None:
        return None
    if not isinstance(raw, str):
        raise _refused(row, field, f"{field.label}应为文字")
    # NUL stands in no text, and PostgreSQL refuses it.
    text = one_break(raw.replace("\0", "")).strip()
    if not text:
        return None
    if field is Field.UNTIL:
        return _moment(row, text, at=at)
    if field is Field.LACK:
        _lack(tables, row, text, at=at)
    elif field in CHOICES:
        _choice(row, field, text)
    elif field in UNITS:
        _unit(tables, row, field, text, at=at)
    else:
        _text(tables, row, field, text)
    return text


def _choice(row: MoveRow, field: Field, text: str) -> None:
    known = {member.value: member.label for member in CHOICES[field]}
    if text not in known:
        raise _refused(row, field, f"{field.label}只能是：{'、'.join(known.values())}")


def _lack(tables: Tables, row: MoveRow, text: str, *, at: datetime) -> None:
    known = amending.lacks(tables, beijing(at).date())
    if all(one.id != text for one in known):
        names = "、".join(one.title for one in known) or "（表里没有，请管理员在 snippets.yaml 里补上 lacks）"
        raise _refused(row, Field.LACK, f"{Field.LACK.label}只能是：{names}")


def _text(tables: Tables, row: MoveRow, field: Field, text: str) -> None:
    least, most = TEXTS[field]
    if len(text) < least:
        raise _refused(row, field, f"{field.label}太短：至少 {least} 个字")
    if len(text) > most:
        raise _refused(row, field, f"{field.label}过长：最多 {most} 个字")
    if field is Field.CLAUSE and not _names_a_clause(tables, text):
        example = "写明条款（如“条例第12条”）或派单目录、职责清单的条目编号"
        raise _refused(row, field, f"看不出依据哪一条：请{example}")


def _names_a_clause(tables: Tables, text: str) -> bool:
    return any(word in text for word in _CLAUSE_WORDS) or any(
        row.id == text for row in (*tables.catalogue, *tables.reclaimed)
    )


def _moment(row: MoveRow, text: str, *, at: datetime) -> str:
    """A moment after now; Beijing time unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _refused(row, Field.UNTIL, "期限应是日期和时刻，形如 2026-11-30T17:00") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=BEIJING)
    if moment <= at:
        raise _refused(row, Field.UNTIL, "期限已经过去，应晚于现在")
    if moment > at + _FURTHEST:
        raise _refused(row, Field.UNTIL, f"期限太远：最多 {_FURTHEST.days} 天")
    return beijing(moment).isoformat()


def _unit(tables: Tables, row: MoveRow, field: Field, code: str, *, at: datetime) -> None:
    unit = tables.units.get(code)
    if unit is None:
        raise _refused(row, field, f"单位名录里没有“{code[:40]}”：请从列表里选，或写全称")
    if not unit.holds(beijing(at).date()):
        raise _refused(row, field, f"{unit.name}已不在现行单位名录里")
    if unit.level is Level.DESK:
        raise _refused(row, field, f"{unit.name}不是承办单位")


def _units(tables: Tables, row: MoveRow, raw: object, *, at: datetime) -> list[str]:
    """Several units, as a list or as one text with commas."""
    if raw is None:
        return []
    parts = raw.replace("，", ",").split(",") if isinstance(raw, str) else raw
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise _refused(row, Field.ASSIST, f"{Field.ASSIST.label}应为单位编码的列表")
    codes = list(dict.fromkeys(part.strip() for part in parts if part.strip()))
    if len(codes) > MOST_UNITS:
        raise _refused(row, Field.ASSIST, f"{Field.ASSIST.label}最多 {MOST_UNITS} 个")
    for code in codes:
        _unit(tables, row, Field.ASSIST, code, at=at)
    return codes
