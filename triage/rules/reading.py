"""From the text of a table file to records with lines; each getter notes what is wrong and goes on.

YAML scalars are taken as written (no booleans, dates or numbers guessed), duplicate keys are refused, and
so are keys nobody asked for. A getter that finds a fault gives a harmless value; `Record.sound` then says
that no row may be made from the record.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

import yaml

from triage.rules.rows import Problem, Status, Where

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Choice = TypeVar("Choice", bound=StrEnum)

_ISO_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
#: libyaml where the wheel has it: the same nodes, ten times sooner.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS: Final = frozenset({"", "~", "null"})


@dataclass(slots=True)
class Record:
    """Named values with the line each was written on; notes faults into `problems`."""

    where: Where
    values: Mapping[str, object]
    lines: Mapping[str, int]
    problems: list[Problem]
    asked: set[str] = field(default_factory=set)
    sound: bool = True

    def fault(self, message: str, name: str | None = None) -> None:
        """Note a problem at the line of the key `name`, or of the record."""
        line = self.lines.get(name, self.where.line) if name else self.where.line
        self.problems.append(Problem(Where(self.where.file, line), message))
        self.sound = False

    def optional(self, name: str) -> str | None:
        """The text of a key that may be absent or empty."""
        self.asked.add(name)
        value = self.values.get(name)
        if value is None or isinstance(value, str):
            return value or None
        self.fault(f"“{name}”应为文字", name)
        return None

    def text(self, name: str) -> str:
        """The text of a key that must be there."""
        value = self.optional(name)
        if value is None:
            self.fault(f"缺少“{name}”", name)
        return value or ""

    def day(self, name: str) -> date:
        """An ISO date that must be there."""
        value = self.optional(name)
        if value is None:
            self.fault(f"缺少日期“{name}”", name)
            return date.min
        return self._iso(name, value) or date.min

    def last_day(self, name: str) -> date | None:
        """An ISO date; absent = open."""
        value = self.optional(name)
        return None if value is None else self._iso(name, value)

    def _iso(self, name: str, value: str) -> date | None:
        try:
            if _ISO_DAY.fullmatch(value):
                return date.fromisoformat(value)
        except ValueError:
            pass  # reported below, with the wrongly shaped ones
        self.fault(f"“{name}”不是 ISO 日期（应形如 2026-11-23）：{value}", name)
        return None

    def whole(self, name: str) -> int:
        """A whole number of at least 1."""
        value = self.text(name)
        if value and not (value.isascii() and value.isdigit() and int(value) > 0):
            self.fault(f"“{name}”应为正整数：{value}", name)
            return 1
        return int(value or 1)

    def choice(self, name: str, choices: type[Choice]) -> Choice:
        """A member of an enum, by its stored value."""
        value = self.text(name)
        allowed = [member.value for member in choices]
        if value and value not in allowed:
            self.fault(f"“{name}”只能是 {'、'.join(allowed)}：{value}", name)
        return choices(value) if value in allowed else next(iter(choices))

    def flag(self, name: str) -> bool:
        """`yes` or `no`; absent = no."""
        value = self.optional(name) or "no"
        if value not in {"yes", "no"}:
            self.fault(f"“{name}”只能是 yes 或 no：{value}", name)
        return value == "yes"

    def words(self, name: str, *, required: bool = False) -> tuple[str, ...]:
        """A list of texts without repeats."""
        self.asked.add(name)
        value = self.values.get(name)
        found = _texts([] if value is None else value)
        if found is None:
            self.fault(f"“{name}”应为文字的列表", name)
            return ()
        if len(set(found)) != len(found):
            self.fault(f"“{name}”里有重复的词", name)
        if required and not found:
            self.fault(f"缺少“{name}”", name)
        return found

    def groups(self, name: str) -> tuple[tuple[str, ...], ...]:
        """A list of lists of texts: one word of each group must be found."""
        self.asked.add(name)
        value = self.values.get(name)
        if value is None:
            return ()
        found = [_texts(item) for item in value] if isinstance(value, list) else []
        good = tuple(group for group in found if group)
        if not isinstance(value, list) or len(good) != len(value):
            self.fault(f"“{name}”应为词组的列表，每组至少一个词", name)
        return good

    def records(self, name: str) -> tuple[Record, ...]:
        """A list of records; faults inside them are noted like any other."""
        self.asked.add(name)
        value = self.values.get(name)
        if not isinstance(value, list) or not all(isinstance(item, Record) for item in value):
            self.fault(f"“{name}”应为条目的列表", name)
            return ()
        return tuple(value)

    def mapping(self, name: str) -> Record | None:
        """A record that may be absent; call `done` on it too."""
        self.asked.add(name)
        value = self.values.get(name)
        if value is None or isinstance(value, Record):
            return value
        self.fault(f"“{name}”应为映射", name)
        return None

    def dated(self) -> tuple[date, date | None, str, Status]:
        """What every row has: valid_from, valid_to, source, status. Refuses an end before the start."""
        first, last = self.day("valid_from"), self.last_day("valid_to")
        if last is not None and last < first:
            self.fault(f"valid_to {last} 早于 valid_from {first}", "valid_to")
        return first, last, self.text("source"), self.choice("status", Status)

    def done(self) -> bool:
        """Note the keys nobody asked for; whether a row may be made."""
        for name in self.values:
            if name not in self.asked:
                self.fault(f"不认识的键“{name}”", name)
        return self.sound


def _texts(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list):
        return None
    texts = tuple(item for item in value if isinstance(item, str) and item)
    return texts if len(texts) == len(value) else None


def read_yaml(file: str, text: str, problems: list[Problem]) -> Record | None:
    """The record at the top of a YAML file; None (and a problem) when there is none."""
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.append(
            Problem(Where(file, mark.line + 1 if mark else 1), f"不是合法的 YAML：{error.problem}")
        )
        return None
    except yaml.YAMLError as error:
        problems.append(Problem(Where(file, 1), f"不是合法的 YAML：{error}"))
        return None
    value = _value(file, node, problems) if node is not None else None
    if not isinstance(value, Record):
        problems.append(Problem(Where(file, 1), "文件最外层应为映射"))
        return None
    return value


def _value(file: str, node: yaml.Node, problems: list[Problem]) -> object:
    if isinstance(node, yaml.ScalarNode):
        return None if node.style is None and node.value in _NULLS else node.value
    if isinstance(node, yaml.SequenceNode):
        return [_value(file, item, problems) for item in node.value]
    values: dict[str, object] = {}
    lines: dict[str, int] = {}
    where = Where(file, node.start_mark.line + 1)
    for key, item in node.value:
        line = key.start_mark.line + 1
        name = str(key.value)
        if name in values:
            problems.append(Problem(Where(file, line), f"键“{name}”写了两次"))
        values[name], lines[name] = _value(file, item, problems), line
    return Record(where, values, lines, problems)


def read_csv(file: str, text: str, columns: Sequence[str], problems: list[Problem]) -> Iterator[Record]:
    """The records of a CSV file whose header must be exactly `columns`; lines starting with # are notes."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    try:
        for cells in reader:
            where = Where(file, reader.line_num)
            if not cells or cells[0].startswith("#"):
                continue
            if header is None:
                header = cells
                if header != list(columns):
                    problems.append(Problem(where, f"表头应为 {','.join(columns)}"))
                    return
            elif len(cells) != len(columns):
                problems.append(Problem(where, f"应有 {len(columns)} 列，实有 {len(cells)} 列"))
            else:
                values = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
                yield Record(where, values, {}, problems)
    except csv.Error as error:
        problems.append(Problem(Where(file, reader.line_num), f"不是合法的 CSV：{error}"))
    if header is None:
        problems.append(Problem(Where(file, 1), "文件是空的"))
