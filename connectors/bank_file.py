"""The bank's files: payments out, results in. CSV in UTF-8 with a mark, the last line a checksum.

Out: 流水号,收款人,开户行,账号,金额(元),用途. In: 流水号,金额(元),结果,银行流水号,原因 (成功 or 失败).
Amounts in fen inside, in yuan with two decimals outside. The same payments give the same bytes.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

OUT: Final = ("流水号", "收款人", "开户行", "账号", "金额(元)", "用途")
IN: Final = ("流水号", "金额(元)", "结果", "银行流水号", "原因")
_MARK: Final = "\ufeff"
_END: Final = "合计"
_RESULTS: Final = {"成功": True, "失败": False}
_AMOUNT: Final = re.compile(r"(\d{1,12})\.(\d{2})", re.ASCII)
_MOST_LINES: Final = 100_000
#: A spreadsheet takes a cell that begins so for a formula.
_FORMULA: Final = tuple("=+-@\t\r")


class BadBankFile(ValueError):
    """The file is not what was agreed on; the message says where, never whose line it is."""


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment out."""

    reference: str
    name: str = field(repr=False)
    bank: str = field(repr=False)
    account: str = field(repr=False)
    fen: int


@dataclass(frozen=True, slots=True)
class Result:
    """What the bank says of one."""

    line: int
    reference: str
    fen: int
    paid: bool
    bank_reference: str
    why: str


def yuan(fen: int) -> str:
    """`1234.50`."""
    return f"{fen // 100}.{fen % 100:02d}"


def written(payments: Sequence[Payment], purpose: str) -> bytes:
    """The bank's file. Raises BadBankFile when a cell would be read as a formula."""
    rows = [(one.reference, one.name, one.bank, one.account, yuan(one.fen), purpose) for one in payments]
    for number, row in enumerate(rows, start=2):
        if any(cell.startswith(_FORMULA) for cell in row):
            raise BadBankFile(f"第 {number} 行有不能写进支付文件的字符")
    body = _lines([OUT, *rows])
    return (_MARK + body + _ending(body, len(rows), sum(one.fen for one in payments))).encode()


def _lines(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def _ending(body: str, count: int, fen: int) -> str:
    return _lines([(_END, str(count), yuan(fen), _sum_of(body))])


def _sum_of(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def results(content: bytes) -> list[Result]:
    """Read a result file, all of it or nothing. Raises BadBankFile naming the line."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadBankFile("文件不是 UTF-8 文字") from None
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        raise BadBankFile("文件不是合法的 CSV") from None
    if not rows or tuple(rows[0]) != IN:
        raise BadBankFile(f"表头应为 {','.join(IN)}")
    if len(rows) > _MOST_LINES:
        raise BadBankFile(f"最多 {_MOST_LINES} 行")
    ending = rows.pop() if rows[-1][:1] == [_END] else None
    found = [_result(number, row) for number, row in enumerate(rows[1:], start=2) if row]
    if not found:
        raise BadBankFile("文件里没有任何结果")
    seen: set[str] = set()
    for one in found:
        if one.reference in seen:
            raise BadBankFile(f"第 {one.line} 行的流水号出现两次")
        seen.add(one.reference)
    total = sum(one.fen for one in found)
    if ending is not None and ending[1:3] != [str(len(found)), yuan(total)]:
        raise BadBankFile(f"合计与明细不符：明细 {len(found)} 笔、{yuan(total)} 元")
    # As in ours the last line may hold the SHA-256 of all lines before it.
    before = text[: text.rstrip("\r\n").rfind("\n") + 1]
    if ending is not None and (told := "".join(ending[3:4]).strip()) and told.lower() != _sum_of(before):
        raise BadBankFile("合计行的校验值与内容不符，文件可能改动过")
    return found


def _result(number: int, row: list[str]) -> Result:
    if len(row) != len(IN):
        raise BadBankFile(f"第 {number} 行应有 {len(IN)} 列，实有 {len(row)} 列")
    reference, amount, result, bank_reference, why = (cell.strip().lstrip("\t'") for cell in row)
    match = _AMOUNT.fullmatch(amount)
    if match is None:
        raise BadBankFile(f"第 {number} 行的金额应形如 1234.50")
    if result not in _RESULTS:
        raise BadBankFile(f"第 {number} 行的结果只能是“成功”或“失败”")
    fen = int(match[1]) * 100 + int(match[2])
    return Result(number, reference, fen, _RESULTS[result], bank_reference[:60], why[:200])
