"""A city's own tickets as training texts: a CSV, XLSX or JSONL export, and a YAML table of its words.

    schema: jiesu-city/1
    columns: plain                 # a column map of `jiesu appeal import`: its name, or a file beside it
    category: [污染类型, 问题分类]   # the columns with the city's category; the first not empty counts
    kinds:
      施工噪声: NOI-01
      物业纠纷: not_environmental
      其他: skip

Here and not in `nlp`: that knows no connectors. Words are masked before anything else sees them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from connectors import files
from connectors.records import BadRow
from nlp.training.examples import is_held_out
from triage.errors import BadInput
from triage.rules.reading import Record, read_yaml
from triage.rules.rows import Problem, Where
from triage.services.intake import mask

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from connectors.files import ColumnMap
    from connectors.records import RowRecord

SCHEMA: Final = "jiesu-city/1"
NOT_ENVIRONMENTAL: Final = "not_environmental"
SKIP: Final = "skip"
#: Bad rows and unknown categories that are told one by one.
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class CityMap:
    """How to read a city's export."""

    columns: ColumnMap
    category: tuple[str, ...]
    kinds: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CityTexts:
    """Labelled rows of an export: to learn from and held out, and what was left out, in words."""

    learned: tuple[dict[str, Any], ...]
    held_out: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]


def load_map(path: Path, kinds: Collection[str]) -> CityMap:
    """Read the table. Raises BadInput naming every line and field that is wrong."""
    problems: list[Problem] = []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        raise BadInput(f"{path.name}：不能读取（{fault}）") from None
    top = read_yaml(path.name, text, problems)
    found = _table(top, path, kinds) if top is not None else None
    if problems or found is None:
        raise BadInput("；".join(str(problem) for problem in sorted(problems, key=lambda item: item.where)))
    return found


def _table(top: Record, path: Path, kinds: Collection[str]) -> CityMap | None:
    if (schema := top.text("schema")) != SCHEMA:
        top.fault(f"schema 应为 {SCHEMA}：{schema}", "schema")
    top.asked.add("kinds")
    meanings = top.values.get("kinds")
    if not isinstance(meanings, Record) or not meanings.values:
        top.fault("“kinds”应为“本市类别: 种类编码”的映射", "kinds")
        meanings = Record(Where(path.name, 1), {}, {}, top.problems)
    known: dict[str, str] = {}
    for name in meanings.values:
        code = meanings.text(name)
        if code not in (NOT_ENVIRONMENTAL, SKIP) and code not in kinds:
            meanings.fault(f"“{name}”：没有这个种类 {code}（另可写 {NOT_ENVIRONMENTAL} 或 {SKIP}）", name)
        known[name.strip()] = code
    category = top.words("category", required=True)
    columns = _columns(top, path)
    return CityMap(columns, category, known) if top.done() and columns is not None else None


def _columns(top: Record, path: Path) -> ColumnMap | None:
    """The column map: one beside the table before one that is shipped."""
    name = top.text("columns")
    beside = path.parent / name
    try:
        return files.load_map(beside if name and beside.is_file() else name)
    except files.FileRefused as refusal:
        top.fault(str(refusal), "columns")
        return None


def read(path: Path, city: CityMap, *, sheet: str | None = None) -> CityTexts:
    """The labelled rows of an export. Raises BadInput naming categories that the table does not know."""
    rows: list[dict[str, Any]] = []
    bad: list[str] = []
    unknown: Counter[str] = Counter()
    first_line: dict[str, int] = {}
    skipped = empty = secret = 0
    for record in _records(path, city, sheet):
        if isinstance(record, BadRow):
            bad.append(record.sentence())
            continue
        if record.secret:
            secret += 1
            continue
        said = next(
            (record.extra[name].strip() for name in _own(record, city) if record.extra[name].strip()), ""
        )
        code = city.kinds.get(said)
        if not said:
            empty += 1
        elif code is None:
            unknown[said] += 1
            first_line.setdefault(said, record.line)
        elif code == SKIP:
            skipped += 1
        else:
            rows.append(_row(record, code))
    if unknown:
        told = "；".join(
            f"“{name}”（{count} 行，先见于第 {first_line[name]} 行）"
            for name, count in unknown.most_common(_SHOWN)
        )
        raise BadInput(f"{path.name} 的{'、'.join(city.category)}列有对照表里没有的类别：{told}")
    if not rows:
        raise BadInput(
            f"{path.name}：没有可用的行（读不了 {len(bad)} 行，没有类别 {empty} 行，不用 {skipped} 行，"
            f"要求保密 {secret} 行）"
        )
    used = f"用 {len(rows)} 行，没有类别 {empty} 行，对照表说不用 {skipped} 行，要求保密、没有用 {secret} 行"
    notes = [f"{path.name}：{used}", *bad[:_SHOWN]]
    if len(bad) > _SHOWN:
        notes.append(f"……另有 {len(bad) - _SHOWN} 行读不了")
    return CityTexts(
        learned=tuple(row for row in rows if not is_held_out(row)),
        held_out=tuple(row for row in rows if is_held_out(row)),
        notes=tuple(notes),
    )


def _records(path: Path, city: CityMap, sheet: str | None) -> Iterator[RowRecord | BadRow]:
    try:
        yield from files.read_file(path, city.columns, sheet=sheet)
    except files.FileRefused as refusal:
        raise BadInput(str(refusal)) from None


def _own(record: RowRecord, city: CityMap) -> list[str]:
    """The category columns that the row has, as the file spells them."""
    spelled = {name.strip(): name for name in record.extra}
    return [spelled[name] for name in city.category if name in spelled]


def _row(record: RowRecord, code: str) -> dict[str, Any]:
    """One row as a labelled text; what the city does not say is no label."""
    words = f"{record.text}\n地址：{record.address}" if record.address else record.text
    # As on intake: the name that stands in a column of its own is masked in the words as well.
    masked = mask(words, name=record.name)
    title = mask(record.title, name=record.name) if record.title else None
    # By its words, not its number: the same text twice is learned from or held out, never both.
    key = hashlib.sha256(f"{title or ''}\n{masked}".encode()).hexdigest()[:16]
    row: dict[str, Any] = {
        "id": f"city-{key}",
        "title": title,
        "text": masked,
        "environmental": code != NOT_ENVIRONMENTAL,
    }
    if code != NOT_ENVIRONMENTAL:
        row["kind"] = code
    if record.appeal_type is not None:
        row["appeal_type"] = record.appeal_type.value
    return row
