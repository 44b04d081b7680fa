"""One raw row (column names and texts) becomes a RowRecord, or a BadRow that says which column is at fault.

The three readers (CSV, XLSX, JSONL) all end here, so the same table gives the same records in any format.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from connectors.file_maps import ColumnMap, Field, normal_name
from connectors.file_text import MARK, clean
from connectors.file_times import is_clock, parse_time, shown_time, with_clock
from connectors.records import BadRow, FileRefused, Limits, RowRecord, content_hash
from models.vocab import AppealType, Channel

if TYPE_CHECKING:
    from collections.abc import Iterable

Pairs = Sequence[tuple[str, str]]
"""A row: column names and texts, in the file's order."""

HEADER_DEPTH: Final = 10
"""Rows at the top of a table among which the header is looked for (titles and remarks may stand above it)."""

_SHORT: Final = (Field.EXTERNAL_ID, Field.NAME, Field.PHONE, Field.ID_NUMBER)
_LONG: Final = (Field.TITLE, Field.TEXT, Field.ADDRESS)
_DIGITS_ONLY: Final = (Field.EXTERNAL_ID, Field.PHONE, Field.ID_NUMBER)
_FLOATED: Final = re.compile(r"(\d{4,})\.0", re.ASCII)  # a number that some program took for a fraction
_SCIENTIFIC: Final = re.compile(r"\d(?:\.\d+)?[Ee]\+\d+", re.ASCII)
_DATA_LIKE: Final = re.compile(r"\d{7}", re.ASCII)
_NO: Final = "false"
#: What is found on patrol has nobody who asked, and comes by its own page alone.
_CHANNELS: Final = {member.value: member for member in Channel if member is not Channel.PATROL}
_APPEAL_TYPES: Final = {member.value: member for member in AppealType}
_NAME_SHOWN: Final = 30
_NAMES_LISTED: Final = 40
_NAMES_HELD: Final = 10_000


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a row: the column (None: the row as a whole) and the reason, without contents."""

    column: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as a reader found it: the pairs, or the fault that kept it from reading them."""

    line: int
    content: Pairs | Fault
    notes: tuple[str, ...] = ()


class _Bad(Exception):
    """Carries a fault out of the checks of one row."""

    def __init__(self, column: str | None, reason: str) -> None:
        super().__init__(reason)
        self.fault = Fault(column, reason)


def like_data(name: str) -> bool:
    """Whether a column's name looks like a value: it may be a citizen's, and is not shown."""
    return len(name) > _NAME_SHOWN or _DATA_LIKE.search(name) is not None


def _no_time(value: str) -> str:
    shown = shown_time(value)
    why = "，只有时刻，没有日期" if is_clock(value) else ""
    return f"无法识别的时间‘{shown}’{why}" if shown else "无法识别的时间（原值不显示）"


def listed(columns: Iterable[str]) -> str:
    """List column names for a message; what looks like data is withheld: it may be a citizen's."""
    names = [clean(column) for column in columns]
    named = [name for name in names if name]
    if any(like_data(name) for name in named):
        return f"共 {len(names)} 列，第一行看起来是数据而不是表头"
    more = f" 等 {len(named)} 列" if len(named) > _NAMES_LISTED else ""
    return ("、".join(named[:_NAMES_LISTED]) or "（没有列名）") + more


class Columns(Protocol):
    """The columns that a reader of tables looks for: a `ColumnMap`, or `file_tables.PlainColumns`."""

    def find(self, column: str) -> object | None:
        """Anything but None for a column that is wanted."""
        ...

    def recognised(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Those of the columns that are wanted."""
        ...

    def missing(self, columns: Sequence[str]) -> Sequence[str]:
        """The required ones that none of the columns serves."""
        ...

    def accepted(self, name: str) -> tuple[str, ...]:
        """The spellings of a wanted one."""
        ...


def require(column_map: Columns, columns: Sequence[str], file: str) -> None:
    """Raise FileRefused unless every required field has a column; the message lists what was found."""
    gone = column_map.missing(columns)
    if gone:
        wanted = "；".join(f"“{field}”（{'、'.join(column_map.accepted(field))}）" for field in gone)
        raise FileRefused(f"文件 {file}：缺少必需的列 {wanted}。文件里的列：{listed(columns)}")


def header_names(cells: Iterable[str]) -> tuple[str, ...]:
    """Make header cells into distinct column names: empty ones get their place, repeated ones a number."""
    names: list[str] = []
    seen: dict[str, int] = {}
    for place, cell in enumerate(cells, start=1):
        name = " ".join(clean(cell).split()) or f"第{place}列"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return tuple(names)


def check_repeats(column_map: Columns, columns: Sequence[str], file: str) -> None:
    """Raise FileRefused when a column that the map uses stands twice: which one is meant cannot be known."""
    for column in columns:
        base, _, number = column.rpartition("#")
        if number.isdecimal() and base in columns and column_map.find(base):
            raise FileRefused(f"文件 {file}：列“{base}”出现了不止一次，无法判断用哪一列")


class RowMaker:
    """Turns raw rows of one file into records, by one column map."""

    def __init__(self, file: str, column_map: ColumnMap, limits: Limits) -> None:
        self._file = file
        self._map = column_map
        self._limits = limits
        self._known: dict[str, tuple[Field, int] | None] = {}

    def make(self, raw: RawRow) -> RowRecord | BadRow:
        """Give the record of a raw row, or the report of why there is none."""
        if isinstance(raw.content, Fault):
            return BadRow(self._file, raw.line, raw.content.column, raw.content.reason)
        try:
            return self._record(raw.line, raw.content, list(raw.notes))
        except _Bad as bad:
            return BadRow(self._file, raw.line, bad.fault.column, bad.fault.reason)

    def _find(self, column: str) -> tuple[Field, int] | None:
        if column not in self._known:
            if len(self._known) >= _NAMES_HELD:  # JSONL can bring new keys with every line
                self._known.clear()
            self._known[column] = self._map.find(column)
        return self._known[column]

    def _sort(self, pairs: Pairs) -> tuple[dict[Field, tuple[str, str]], dict[str, str]]:
        """Split a row into fields (column and value) and the rest."""
        held: dict[Field, tuple[int, str, str]] = {}
        extra: dict[str, str] = {}
        times: list[tuple[int, str, str]] = []
        for column, raw in pairs:
            if MARK in raw:
                raise _Bad(column, "有无法解码的字节")
            if "\x00" in raw:
                raise _Bad(column, "含有 NUL 字节，数据可能已损坏")
            value = clean(raw)
            if not value:
                continue
            hit = self._find(column)
            if hit is None:
                extra[column] = value
                continue
            field, rank = hit
            times += [(rank, column, value)] * (field is Field.RECEIVED_AT)
            before = held.get(field)
            if before is not None and self._stays(field, before, (rank, column, value)):
                extra[column] = value
                continue
            if before is not None:
                extra[before[1]] = before[2]
            held[field] = (rank, column, value)
        self._join_times(held, times, extra)
        return {field: (column, value) for field, (_, column, value) in held.items()}, extra

    def _stays(self, field: Field, before: tuple[int, str, str], later: tuple[int, str, str]) -> bool:
        """Whether the value that came first stays: by rank; of 保密 and 匿名 one that is no 否 is enough."""
        if field is Field.SECRET:
            words = self._map.values[field]
            no, later_no = (words.get(normal_name(value)) == _NO for _, _, value in (before, later))
            if no != later_no:
                return later_no
        return before[0] <= later[0]

    def _join_times(
        self,
        held: dict[Field, tuple[int, str, str]],
        times: list[tuple[int, str, str]],
        extra: dict[str, str],
    ) -> None:
        """Put 日期 and 时间 together where the column that comes first holds nothing but a time of day."""
        if len(times) > 1 and is_clock(held[Field.RECEIVED_AT][2]):
            rank, column, clock = held[Field.RECEIVED_AT]
            for _, other, day in sorted(times):
                if joined := with_clock(day, clock, self._map.time_formats):
                    held[Field.RECEIVED_AT] = (rank, column, joined)
                    extra.pop(other, None)
                    return

    def _check_lengths(self, found: dict[Field, tuple[str, str]]) -> None:
        limits = self._limits
        for fields, most in (
            (_SHORT, limits.short_max),
            ((Field.SOURCE,), limits.source_max),
            (_LONG, limits.text_max),
        ):
            for field in fields:
                column, value = found.get(field, ("", ""))
                if len(value) > most:
                    raise _Bad(column, f"有 {len(value)} 个字符，超过上限 {most}")

    def _digits(
        self, found: dict[Field, tuple[str, str]], extra: dict[str, str], notes: list[str]
    ) -> dict[Field, str | None]:
        """Mend ids and phones that passed through a spreadsheet; one that lost digits is no id any more."""
        plain: dict[Field, str | None] = dict.fromkeys(_DIGITS_ONLY)
        for field in _DIGITS_ONLY:
            column, value = found.get(field, ("", ""))
            if _SCIENTIFIC.fullmatch(value):
                extra[column] = value
                notes.append(f"列“{column}”是科学计数法，末位数字已丢失，未作为编号或号码使用")
                continue
            whole = _FLOATED.fullmatch(value)
            plain[field] = (whole.group(1) if whole else value) or None
        return plain

    def _translated(
        self, field: Field, found: dict[Field, tuple[str, str]], extra: dict[str, str], notes: list[str]
    ) -> str | None:
        """Give our word for a foreign one. An unknown one is kept aside: None without a value, "" unknown."""
        if field not in found:
            return None
        column, value = found[field]
        ours = self._map.values[field].get(normal_name(value))
        if ours is None:
            extra[column] = value
            notes.append(f"列“{column}”的值不在对照表中，已原样保留")
            return ""
        return ours

    def _record(self, line: int, pairs: Pairs, notes: list[str]) -> RowRecord:
        found, extra = self._sort(pairs)
        self._check_lengths(found)
        text = found.get(Field.TEXT, ("", ""))[1]
        title = found.get(Field.TITLE, ("", ""))[1] or None
        if not text and not title:
            # What the reader noticed may be why: a formula without a result, a merged cell.
            why = f"（{'；'.join(notes)}）" if notes else ""
            raise _Bad(self._empty_column(pairs), f"内容和标题都是空的{why}")
        if max(len(text), len(title or "")) > self._limits.text_flag:
            notes.append(f"文字超过 {self._limits.text_flag} 个字符")
        received_at = None
        if Field.RECEIVED_AT in found:
            column, value = found[Field.RECEIVED_AT]
            received_at = parse_time(value, self._map.time_formats)
            if received_at is None:
                raise _Bad(column, _no_time(value))
        numbers = self._digits(found, extra, notes)
        channel = self._translated(Field.CHANNEL, found, extra, notes)
        appeal_type = self._translated(Field.APPEAL_TYPE, found, extra, notes)
        secret = self._translated(Field.SECRET, found, extra, notes)
        defaults = self._map.defaults
        channel = channel or defaults.get(Field.CHANNEL) or Channel.FILE.value
        # An unknown word gives no type, not the default one: it did say something.
        appeal_type = defaults.get(Field.APPEAL_TYPE) if appeal_type is None else appeal_type
        secret = defaults.get(Field.SECRET, _NO) if secret is None else secret
        phone, number = numbers[Field.PHONE], numbers[Field.EXTERNAL_ID]
        address, name = (found.get(field, ("", None))[1] for field in (Field.ADDRESS, Field.NAME))
        plain_hash = content_hash(title=title, text=text, phone=phone, received_at=received_at)
        # Two citizens at two places may well say the same words on the same day: no number tells them apart.
        # Where a phone does, neither counts: a case keeps its own when its name is hidden (保密) later.
        placed = not number and not phone and (address or name)
        return RowRecord(
            line=line,
            text=text,
            content_hash=content_hash(
                title=title, text=text, phone=phone, received_at=received_at, address=address, name=name
            )
            if placed
            else plain_hash,
            former_hash=plain_hash if placed else None,
            external_id=number,
            source=found[Field.SOURCE][1] if Field.SOURCE in found else defaults.get(Field.SOURCE),
            title=title,
            received_at=received_at,
            channel=_CHANNELS[channel],
            appeal_type=_APPEAL_TYPES[appeal_type] if appeal_type else None,
            address=address,
            name=name,
            phone=phone,
            id_number=numbers[Field.ID_NUMBER],
            caller_area=found[Field.CALLER_AREA][1] if Field.CALLER_AREA in found else None,
            # A word we do not know in 是否保密 may well mean yes: revealing someone cannot be undone.
            secret=secret != _NO,
            extra=extra,
            notes=tuple(notes),
        )

    def _empty_column(self, pairs: Pairs) -> str | None:
        """Name the text column of the row, or None when the row has none (JSONL)."""
        served = [
            (hit[1], column) for column, _ in pairs if (hit := self._find(column)) and hit[0] is Field.TEXT
        ]
        return min(served)[1] if served else None
