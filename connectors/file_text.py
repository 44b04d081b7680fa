"""Bytes to lines: which encoding a file has and why, and its physical lines one by one.

A byte that does not decode becomes MARK instead of ending the read, so that it spoils only its own row.
"""

from __future__ import annotations

import codecs
import io
import re
import unicodedata
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TextIO

from connectors.records import FileRefused

if TYPE_CHECKING:
    from pathlib import Path

MARK: Final = "\udcff"
"""Stands for bytes that do not decode: a lone surrogate, which no decoder gives by itself."""
_ON_ERROR: Final = "jiesu.mark"
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16 LE"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16 BE"),
)
_HEAD_BYTES: Final = 4096
_LINE_BYTES: Final = 1 << 20
# Controls other than tab and newline, signs that turn the writing direction, the BOM, lone surrogates. None
# is a sign that a person writes, and each breaks something further on (Postgres, terminals, JSON).
_CONTROL: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
# Categories without ink (formats as the zero-width space, separators), and letters and marks without any.
_UNSEEN_CATEGORIES: Final = frozenset({"Cf", "Cc", "Zs", "Zl", "Zp"})
_UNSEEN: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe0e\ufe0f\uffa0")
_RETURNS: Final = re.compile("\r\n?")


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return MARK, error.end


codecs.register_error(_ON_ERROR, _mark)


@dataclass(frozen=True, slots=True)
class EncodingGuess:
    """An encoding (a Python codec name) and the reason, in Chinese, why it was chosen."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """One physical line without its line ending. `text` is None when the line was too long to keep."""

    number: int
    text: str | None


def clean(value: str) -> str:
    """Drop control characters, make every newline LF and strip the ends. The words stay as written.

    What leaves nothing to see, as a lone zero-width space, is empty: nobody said anything there.
    """
    kept = _CONTROL.sub("", _RETURNS.sub("\n", value)).strip()
    return "" if all(_unseen(sign) for sign in kept) else kept


def _unseen(sign: str) -> bool:
    return sign in _UNSEEN or unicodedata.category(sign) in _UNSEEN_CATEGORIES


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _vote(path: Path) -> tuple[int, int, int]:
    """Count the lines with bytes above 127: all, those that are UTF-8, those that are GB18030."""
    foreign = utf8 = gb = 0
    with path.open("rb") as stream:
        while line := stream.readline(_LINE_BYTES):
            # A piece of a giant line may be cut inside a character, and the line is refused later anyway.
            if line.isascii() or len(line) == _LINE_BYTES:
                continue
            foreign += 1
            utf8 += _decodes(line, "utf-8")
            gb += _decodes(line, "gb18030")
    return foreign, utf8, gb


def detect_encoding(path: Path) -> EncodingGuess:
    """Find a text file's encoding: BOM, then UTF-8, then GB18030 (which contains GBK and GB2312).

    The whole file is looked at, in constant memory. A file is UTF-8 when every line is, or when at least half
    of the lines that are not ASCII are: Chinese text in GBK almost never passes for UTF-8, so a few broken
    bytes must not turn a good UTF-8 file into nonsense. Raises FileRefused when neither fits.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    for bom, name, label in _BOMS:
        if head.startswith(bom):
            return EncodingGuess(name, f"文件以 {label} 的 BOM 开头")
    if head.count(0) * 4 > len(head):
        raise FileRefused(
            f"文件 {path.name}：含有大量 NUL 字节，可能是没有 BOM 的 UTF-16；"
            "请指定编码 utf-16-le 或 utf-16-be，或另存为 UTF-8"
        )
    foreign, utf8, gb = _vote(path)
    if utf8 == foreign:
        return EncodingGuess("utf-8", "没有 BOM，全部内容符合 UTF-8")
    if utf8 * 2 >= foreign:
        return EncodingGuess(
            "utf-8", f"没有 BOM，{foreign} 个含中文的行中 {utf8} 行符合 UTF-8，其余行有坏字节"
        )
    if gb * 2 >= foreign:
        return EncodingGuess(
            "gb18030", f"没有 BOM，不符合 UTF-8；{foreign} 个含中文的行中 {gb} 行符合 GB18030"
        )
    raise FileRefused(
        f"文件 {path.name}：无法识别编码（{foreign} 个含非 ASCII 字符的行中，UTF-8 只符合 {utf8} 行，"
        f"GB18030 只符合 {gb} 行）；请另存为 UTF-8 或指定编码"
    )


def chosen_encoding(path: Path, encoding: str | None) -> EncodingGuess:
    """Take the encoding that a person named, or detect it. Raises FileRefused for a name Python lacks."""
    if encoding is None:
        return detect_encoding(path)
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)
    except LookupError as missing:  # unknown, or not a text encoding
        raise FileRefused(f"文件 {path.name}：不认识编码‘{encoding}’") from missing
    return EncodingGuess("utf-8-sig" if name == "utf-8" else name, "由使用者指定")


def blame_encoding(path: Path, encoding: str) -> None:
    """Raise FileRefused when the start of a file is mostly not in an encoding.

    To be asked when its columns are not found: their names do not decode then either.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    try:
        # Not final: the last character may be cut off.
        text = codecs.getincrementaldecoder(encoding)(_ON_ERROR).decode(head)
    except UnicodeError:
        return  # no error handler is asked there (UTF-16 without its BOM); reading says so
    foreign = [sign for sign in text if not sign.isascii()]
    if foreign.count(MARK) * 2 > len(foreign):
        raise FileRefused(
            f"文件 {path.name}：内容不是编码 {encoding}；请去掉 --encoding 让程序判断，或换一个编码"
        )


def open_text(path: Path, encoding: str) -> TextIO:
    """Open for `Lines`: undecodable bytes become MARK, line endings (LF, CRLF, CR) stay."""
    return path.open(encoding=encoding, errors=_ON_ERROR, newline="")


class Lines:
    """Physical lines in order; lines may be pushed back, to be read again."""

    def __init__(self, stream: TextIO, *, longest: int) -> None:
        self._stream = stream
        self._longest = longest
        self._number = 0
        self._back: deque[Line] = deque()
        self._carry = ""

    @classmethod
    def of(cls, lines: list[Line], *, longest: int) -> Lines:
        """Make lines of lines that were already taken elsewhere."""
        made = cls(io.StringIO(), longest=longest)
        made.push_back(lines)
        return made

    def take(self) -> Line | None:
        """Give the next line, or None at the end. A line of more than `longest` characters has no text.

        Raises FileRefused when the stream's encoding cannot be applied at all.
        """
        if self._back:
            return self._back.popleft()
        size = self._longest + 2
        text, self._carry = self._carry, ""
        if text not in {"\n", "\r"}:
            text += self._read(size)
        if not text:
            return None
        self._number += 1
        kept = text.rstrip("\r\n")
        if len(kept) <= self._longest:
            return Line(self._number, kept)
        self._skip_rest(text, size)
        return Line(self._number, None)

    def _read(self, size: int) -> str:
        try:
            return self._stream.readline(size)
        except UnicodeError as error:  # what no error handler is asked about, as UTF-16 without its BOM
            encoding = self._stream.encoding
            raise FileRefused(f"无法按编码 {encoding} 读取文件；请另存为 UTF-8 或指定别的编码") from error

    def _skip_rest(self, text: str, size: int) -> None:
        """Read on to the end of a line whose first piece is `text`."""
        while text and not text.endswith(("\n", "\r")):
            text = self._read(size)
        if text.endswith("\r") and len(text) >= size:  # maybe cut between the CR and the LF
            after = self._stream.read(1)
            self._carry = "" if after == "\n" else after

    def push_back(self, lines: list[Line]) -> None:
        """Put lines back, in the order they were taken."""
        self._back.extendleft(reversed(lines))
