"""Administrator's commands in a process of their own: nothing that a test imported helps them."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def jiesu(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `jiesu …` on a data directory."""
    return subprocess.run(
        [sys.executable, "-m", "triage.cli", *arguments],
        env={**os.environ, "JIESU_DATA_DIR": str(data_dir)},
        capture_output=True,
        check=False,
        text=True,
    )


def test_the_schema_is_checked_before_and_after_the_upgrade(tmp_path: Path) -> None:
    before = jiesu(tmp_path, "db", "check")
    upgraded = jiesu(tmp_path, "db", "upgrade")
    after = jiesu(tmp_path, "db", "check")
    assert (before.returncode, upgraded.returncode, after.returncode) == (1, 0, 0)
    assert "jiesu db upgrade" in before.stdout
    assert "最新" in after.stdout
    with sqlite3.connect(tmp_path / "jiesu.db") as connection:
        connection.execute("DELETE FROM unit WHERE code = '110105026'")
    connection.close()
    lacking = jiesu(tmp_path, "db", "check")
    assert lacking.returncode == 1
    assert "规则表里有 1 个承办单位数据库里还没有（如 110105026）" in lacking.stdout
    jiesu(tmp_path, "db", "upgrade")
    assert jiesu(tmp_path, "db", "check").returncode == 0


def test_one_migration_is_taken_back_only_when_it_is_meant(tmp_path: Path) -> None:
    empty = jiesu(tmp_path, "db", "downgrade", "--commit")
    assert (empty.returncode, "没有可退的一步" in empty.stderr) == (1, True)
    jiesu(tmp_path, "db", "upgrade")
    told = jiesu(tmp_path, "db", "downgrade")
    assert told.stdout.startswith("将退回一步：")
    assert "内容会丢失" in told.stdout
    assert "没有改动" in told.stdout
    assert jiesu(tmp_path, "db", "check").returncode == 0
    back = jiesu(tmp_path, "db", "downgrade", "--commit")
    assert (back.returncode, back.stdout.startswith("已退回一步：")) == (0, True)
    assert "jiesu db upgrade" in jiesu(tmp_path, "db", "check").stdout
    assert jiesu(tmp_path, "db", "upgrade").returncode == 0
    assert jiesu(tmp_path, "db", "check").returncode == 0


def test_old_code_says_whether_it_works_on_a_newer_schema(tmp_path: Path) -> None:
    jiesu(tmp_path, "db", "upgrade")
    with sqlite3.connect(tmp_path / "jiesu.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    works = jiesu(tmp_path, "db", "check")
    assert (works.returncode, "本程序在上面能用" in works.stdout) == (0, True)
    assert "没有可退的一步" in jiesu(tmp_path, "db", "downgrade", "--commit").stderr
    assert jiesu(tmp_path, "audit", "verify").returncode == 0
    with sqlite3.connect(tmp_path / "jiesu.db") as connection:
        connection.execute("UPDATE unit SET name = '新版本的名称'")
    connection.close()
    kept = jiesu(tmp_path, "db", "upgrade")
    assert (kept.returncode, kept.stderr) == (0, "")
    assert kept.stdout.startswith("数据库结构 9999 比本程序的 ")
    assert kept.stdout.endswith("本程序在上面能用，没有改动\n")
    with sqlite3.connect(tmp_path / "jiesu.db") as connection:
        names = connection.execute("SELECT DISTINCT name FROM unit").fetchall()
        assert names == [("新版本的名称",)]
    connection.close()
    with sqlite3.connect(tmp_path / "jiesu.db") as connection:
        connection.execute("UPDATE schema_floor SET code_from = '9998'")
    connection.close()
    beyond = jiesu(tmp_path, "db", "check")
    assert (beyond.returncode, "已太旧" in beyond.stdout) == (1, True)
    for refused in (jiesu(tmp_path, "audit", "verify"), jiesu(tmp_path, "db", "upgrade")):
        assert refused.returncode == 1
        assert refused.stderr.startswith("错误：数据库结构是 9999，本程序（")
        assert refused.stderr.endswith("）已太旧：请换新版本的程序\n")


def test_an_unknown_ticket_is_one_sentence_and_status_1(tmp_path: Path) -> None:
    jiesu(tmp_path, "db", "upgrade")
    answer = jiesu(tmp_path, "ticket", "explain", "20990101-00000001")
    assert answer.returncode == 1
    assert answer.stderr.startswith("错误：没有编号为 20990101-00000001 的工单")


def test_importing_into_an_old_schema_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "1", "text": "河水发黑发臭"}\n', encoding="utf-8")
    refused = jiesu(tmp_path, "appeal", "import", str(path))
    jiesu(tmp_path, "db", "upgrade")
    taken = jiesu(tmp_path, "appeal", "import", str(path))
    again = jiesu(tmp_path, "appeal", "import", str(path))
    assert (refused.returncode, taken.returncode, again.returncode) == (1, 0, 0)
    assert "jiesu db upgrade" in refused.stderr
    assert "新入库 1" in taken.stdout
    assert "新入库 0，已有 1" in again.stdout


def test_bad_tables_are_named_by_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "deadlines.yaml").write_text("rows: nonsense\n", encoding="utf-8")
    answer = jiesu(tmp_path, "tables", "check", str(tmp_path))
    assert answer.returncode == 1
    assert "deadlines.yaml" in answer.stdout


def test_what_was_given_up_is_listed_and_put_back(tmp_path: Path) -> None:
    jiesu(tmp_path, "db", "upgrade")
    rows = tmp_path / "one.jsonl"
    rows.write_text('{"id": "X-1", "text": "路边焚烧垃圾"}\n', encoding="utf-8")
    assert jiesu(tmp_path, "appeal", "import", str(rows)).returncode == 0
    with sqlite3.connect(tmp_path / "jiesu.db") as connection:
        connection.execute("UPDATE appeal SET state = 'dead', attempts = 3")
        connection.execute("DELETE FROM outbox")
    connection.close()
    listed = jiesu(tmp_path, "appeal", "retry", "--dry-run")
    done = jiesu(tmp_path, "appeal", "retry")
    again = jiesu(tmp_path, "appeal", "retry")
    assert listed.stdout == "诉求 1（原编号 X-1）：原因未记录\n处理失败的诉求 1 条。没有改动。\n"
    assert "已放回 1 条" in done.stdout
    assert "已放回 0 条" in again.stdout


def test_a_month_without_objections_is_told_in_words_and_as_json(tmp_path: Path) -> None:
    jiesu(tmp_path, "db", "upgrade")
    words = jiesu(tmp_path, "tables", "objections", "--month", "2026-11")
    assert (words.returncode, words.stdout) == (0, "2026-11：退单 0 次，成立 0，不成立 0，待审 0\n")
    told = json.loads(jiesu(tmp_path, "tables", "objections", "--month", "2026-11", "--json").stdout)
    assert (told["month"], told["raised"], told["rows"]) == ("2026-11", 0, [])
    wrong = jiesu(tmp_path, "tables", "objections", "--month", "2026")
    assert (wrong.returncode, wrong.stderr) == (1, "错误：月份应形如 2026-11\n")
