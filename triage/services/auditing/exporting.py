"""导出审计台账: entries as lines of JSON (whole: others can follow the chain) or as a CSV for people."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

import orjson

from models.ledger import CHAINED
from models.vocab_ledger import LedgerAct, SubjectKind
from triage.clock import local

if TYPE_CHECKING:
    from models.ledger import LedgerRow

FORMATS: Final = ("jsonl", "csv")
_HEAD: Final = (
    "序号",
    "时间",
    "人员",
    "来自",
    "动作",
    "对象",
    "对象编号",
    "工单编号",
    "原值",
    "新值",
    "理由",
    "其他",
    "哈希",
)
_ACTS: Final = {act.value: act.label for act in LedgerAct}
_KINDS: Final = {kind.value: kind.label for kind in SubjectKind}
#: What a spreadsheet would take for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def act_label(act: str) -> str:
    """The words for an act; an act of another version as it stands."""
    return _ACTS.get(act, act)


def kind_label(kind: str) -> str:
    """The words for a kind of subject."""
    return _KINDS.get(kind, kind)


def head(form: str) -> str:
    """What stands before the entries: a header with the mark that spreadsheets want, or nothing."""
    return "\ufeff" + _csv_line(_HEAD) if form == "csv" else ""


def line(row: LedgerRow, form: str) -> str:
    """One entry, its line break included."""
    if form == "jsonl":
        told = {name: getattr(row, name) for name in CHAINED}
        told |= {"previous": row.previous.hex(), "hash": row.hash.hex()}
        return orjson.dumps(told).decode() + "\n"
    return _csv_line(
        (
            str(row.seq), local(row.at).strftime("%Y-%m-%d %H:%M:%S"), row.who, row.origin or "",
            act_label(row.act), kind_label(row.subject_kind), row.subject, row.case_no or "", row.old or "",
            row.new or "", row.reason or "", facts(row), row.hash.hex(),
        )
    )  # fmt: skip


def facts(row: LedgerRow) -> str:
    """The further facts in one line."""
    return "；".join(
        f"{name}={'、'.join(value) if isinstance(value, list) else value}"
        for name, value in row.detail.items()
    )


def _csv_line(cells: tuple[str, ...]) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return stream.getvalue()
