"""`jiesu month`: close, show and export in a process of their own."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import openpyxl

from tests.triage.commands.test_admin import jiesu

if TYPE_CHECKING:
    from pathlib import Path


def _one_ticket(path: Path) -> None:
    """A ticket that was diverted in January 2026, written straight into the database."""
    with sqlite3.connect(path / "jiesu.db") as db:
        db.execute("INSERT INTO source(key, name, created_at) VALUES ('t', '测试', '2026-01-05 00:00:00')")
        db.execute(
            "INSERT INTO appeal(source_id, dedupe_key, content_hash, text, channel, confidential,"
            " received_at, stored_at, state, attempts) VALUES (1, 'x', 'x', '已经起诉的噪声问题', 'phone', 0,"
            " '2026-01-05 00:00:00', '2026-01-05 00:00:00', 'done', 1)"
        )
        db.execute(
            "INSERT INTO ticket(no, appeal_id, version, state, title, environmental, kind, appeal_type,"
            " urgency, flagged, received_at, opened_at, table_version, decision) VALUES"
            " ('20260105-00000001', 1, 1, 'diverted', '噪声', 1, 'NOI-01', '投诉', 'U3', 0,"
            " '2026-01-05 00:00:00', '2026-01-05 00:00:00', 'x', '{}')"
        )
        db.execute(
            "INSERT INTO ticket_event(ticket_id, seq, at, tag, data) VALUES"
            " (1, 1, '2026-01-05 01:00:00', 'ticket:diverted', '{\"reason\": \"已进入诉讼\"}')"
        )
    db.close()


def test_a_month_is_closed_shown_and_exported(tmp_path: Path) -> None:
    jiesu(tmp_path, "db", "upgrade")
    _one_ticket(tmp_path)
    closed = jiesu(tmp_path, "month", "close", "2026-01")
    again = jiesu(tmp_path, "month", "close", "2026-01")
    shown = jiesu(tmp_path, "month", "show", "2026-01", "--rate", "response")
    book = tmp_path / "2026-01.xlsx"
    exported = jiesu(tmp_path, "month", "export", "2026-01", str(book))
    assert (closed.returncode, again.returncode, shown.returncode, exported.returncode) == (0, 0, 0, 0)
    assert "2026-01 已发布第 1 版，校验码 " in closed.stdout
    assert "合计：考核 0 件，响应率 —（0/0，不计入 1）" in closed.stdout
    assert "数字没有变化，仍是第 1 版" in again.stdout
    assert "不计入 1 件：20260105-00000001（已进入诉讼）" in shown.stdout
    assert openpyxl.load_workbook(book)["不计入明细"]["B4"].value == "20260105-00000001"


def test_what_cannot_be_closed_or_shown_is_said_in_words(tmp_path: Path) -> None:
    jiesu(tmp_path, "db", "upgrade")
    for arguments, told in (
        (("close", "2026-1x"), "月份应形如 2026-10"),
        (("close", "2099-01"), "2099-01 还没有结束"),
        (("show", "2026-01"), "2026-01 没有发布过"),
        (("show", "2026-01", "--by", "unit", "--rate", "response"), "请用 --key 写明是哪一行"),
    ):
        answer = jiesu(tmp_path, "month", *arguments)
        assert answer.returncode == 1
        assert answer.stderr.startswith("错误：")
        assert told in answer.stderr


def test_what_is_due_is_listed_by_unit(tmp_path: Path) -> None:
    jiesu(tmp_path, "db", "upgrade")
    _one_ticket(tmp_path)
    with sqlite3.connect(tmp_path / "jiesu.db") as db:
        db.execute("UPDATE ticket SET due_at = '2026-01-06 00:00:00', unit_code = '110105026'")
    db.close()
    answer = jiesu(tmp_path, "ticket", "due", "--within", "2")
    assert answer.stdout == (
        "望京街道办事处：已超期 1 件，2 小时内到期 0 件，最早 2026-01-06 08:00\n"
        "共已超期 1 件，2 小时内到期 0 件\n"
    )
