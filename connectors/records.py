"""Plain values that the file connector gives: a row that can be taken in, or a report of one that cannot.

Callers: `connectors.files` makes them, the import service reads them. A `BadRow` never holds a citizen's
words, name or number: it is shown on screens and written to logs.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Final

from connectors.ports import ConnectorError
from models.vocab import Channel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from models.vocab import AppealType

_SPACE: Final = re.compile(r"\s+")
_NOT_DIGIT: Final = re.compile(r"\D")
#: Marks what is hashed with place and name, should more ever count.
_PLACED: Final = "2"


class FileRefused(ConnectorError):
    """文件不能导入: the whole file (or a column map) is refused; the message says why, in Chinese."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a file is believed."""

    text_flag: int = 20_000
    """Characters of title or text above which the row is kept, with a note for staff."""
    text_max: int = 200_000
    """Characters of title, text or address above which the row is reported instead of taken in."""
    short_max: int = 200
    """Characters allowed in an id, a name, a phone or an identity number."""
    source_max: int = 120
    """Characters allowed in a source's name: what `models.appeals.Source` has room for."""
    line_max: int = 1 << 20
    """Characters (about 1 MiB) of one CSV record or one JSONL line."""
    unzipped_max: int = 1 << 30
    """Bytes a workbook may unfold to: shared texts of a workbook are held in memory."""


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class RowRecord:
    """One complaint (诉求) as a file tells it. What identifies a person is left out of `repr`."""

    line: int
    """Where the record starts: physical line (CSV, JSONL) or sheet row (XLSX), from 1."""
    text: str = field(repr=False)
    content_hash: str
    """sha256 hex of what was said, by whom and when: the key of a row that has no `external_id`.

    Of such a row where and under which name count as well.
    """
    external_id: str | None = None
    source: str | None = None
    title: str | None = field(default=None, repr=False)
    received_at: datetime | None = None
    """Aware; a time written without a zone is Asia/Shanghai."""
    channel: Channel = Channel.FILE
    appeal_type: AppealType | None = None
    address: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    id_number: str | None = field(default=None, repr=False)
    caller_area: str | None = field(default=None, repr=False)
    """登记地区: where the caller is registered; only a hint of where it happens."""
    secret: bool = False
    """是否保密: the appellant asked that the unit is not told who they are."""
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Columns that the map does not name, and values that it could not translate, under their own names."""
    former_hash: str | None = None
    """What `content_hash` was before place and name counted; None: the same."""
    notes: tuple[str, ...] = ()
    """What staff should know about this row (Chinese); the row is good all the same."""

    @property
    def key(self) -> str:
        """The value that makes a second import of the same row harmless: the id, or the content hash."""
        return self.external_id or self.content_hash


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that could not be taken in: where it is and what is wrong, without its contents."""

    file: str
    """The file's name, without folders."""
    line: int
    column: str | None
    """The column as the file names it; None when the row as a whole is at fault."""
    reason: str

    def sentence(self) -> str:
        """Say it to staff, as in ``诉求.csv 第 12 行 createdTime：无法识别的时间‘2026-13-01’``."""
        where = f"{self.file} 第 {self.line} 行"
        return f"{where} {self.column}：{self.reason}" if self.column else f"{where}：{self.reason}"


def _plain(value: str | None) -> str:
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", value or "")).strip()


def content_hash(
    *,
    title: str | None,
    text: str,
    phone: str | None,
    received_at: datetime | None,
    address: str | None = None,
    name: str | None = None,
) -> str:
    """Hash a complaint's normalised title, text, phone digits and time (sha256, 64 hex digits).

    Width of characters and runs of spaces do not count, nor does the way a phone number is punctuated; the
    time counts as an instant. Address and name are for rows that no number tells apart: without both, the
    hash is what it was before they counted. Raises ValueError when `received_at` is naive.
    """
    if received_at is not None and received_at.tzinfo is None:
        raise ValueError("received_at must be aware")
    moment = received_at.astimezone(UTC).isoformat() if received_at else ""
    digits = _NOT_DIGIT.sub("", _plain(phone))
    # A separator that cleaning removes from every value: no two different rows can join to one string.
    parts = [_plain(title), _plain(text), digits, moment]
    if address or name:
        parts += [_PLACED, _plain(address), _plain(name)]
    joined = "\x1f".join(parts)
    return hashlib.sha256(joined.encode()).hexdigest()
