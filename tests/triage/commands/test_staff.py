"""`jiesu staff …`: accounts from the terminal, passwords never as an argument, a CSV all or nothing."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from models.viewing import LOCAL
from models.vocab_citizen import CITIZEN
from models.vocab_sources import PLATFORM
from tests.triage.commands.test_run_address import free_port
from triage.cli import main
from triage.services.rewards.book import REPORTER
from triage.services.staff import accounts

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncSession

HEAD = "账号,姓名,单位,角色,统一认证,起,止\n"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """An embedded database of the test's own, with units, and cheap hashes."""
    found = {
        "JIESU_DATA_DIR": str(tmp_path / "data"), "JIESU_PASSWORD_MEMORY_KIB": "8",
        "JIESU_PASSWORD_PASSES": "1", "JIESU_PASSWORD_LANES": "1", "JIESU_LOG_LEVEL": "WARNING",
        # Where somebody runs the demo meanwhile, the usual one is taken.
        "JIESU_PORT": str(free_port()),
    }  # fmt: skip
    assert CliRunner().invoke(main, ["db", "upgrade"], env=found).exit_code == 0
    return found


def staff(env: dict[str, str], *arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(main, ["staff", *arguments], env=env, input=typed)


def test_the_first_hour_of_an_administrator(env: dict[str, str]) -> None:
    typed = "a long enough secret\n"
    assert staff(env, "add", "wang", "--name", "王某", "--role", "admin", typed=typed * 2).exit_code == 0
    made = staff(
        env, "add", "li", "--name", "李某", "--unit", "望京街道办事处", "--role", "street", "--generate"
    )
    assert re.search(r"（只显示这一次）：([a-z2-9]{4}-){3}[a-z2-9]{4}", made.output)
    listed = staff(env, "list").output
    assert "li\t李某\t望京街道办事处\t街乡承办人(望京街道办事处)\t未启用验证码" in listed
    assert listed.endswith("共 2 个账号\n")

    assert "已授予" in staff(env, "role", "li", "follow_up", "--to", "2099-12-31").output
    assert "回访员(望京街道办事处)" in staff(env, "list", "--role", "follow_up").output
    assert "已收回" in staff(env, "role", "li", "follow_up", "--withdraw").output
    token = staff(env, "token", "li", "--name", "看板", "--scope", "see_cases").output
    assert re.search(r"：jiesu_[\w-]{43}\n", token)
    beyond = staff(env, "token", "li", "--name", "x", "--scope", "staff")
    assert (beyond.exit_code, "没有这项权限" in beyond.stderr) == (1, True)
    assert "1\tjiesu_" in staff(env, "token", "li").output
    assert staff(env, "sessions", "li", "--end").output == "已结束 0 个会话\n"
    assert "已停用 li" in staff(env, "disable", "li").output
    assert staff(env, "list").output.endswith("共 1 个账号\n")
    assert "已停用" in staff(env, "list", "--all").output


def test_a_poor_password_and_an_unknown_unit_are_said(env: dict[str, str]) -> None:
    poor = staff(env, "add", "wang", "--name", "王某", typed="short\nshort\n")
    unit = staff(env, "add", "wang", "--name", "王某", "--unit", "没有", "--generate")
    assert (poor.exit_code, "至少 12 个字符" in poor.stderr) == (1, True)
    assert (unit.exit_code, "没有这个单位" in unit.stderr) == (1, True)
    assert staff(env, "list").output == "共 0 个账号\n"


def test_each_bad_line_of_a_file_is_named_and_nothing_is_made(env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "staff.csv"
    file.write_text(
        HEAD + "a1,甲,望京街道办事处,街乡承办人,,,\n"
        "B 2,乙,,clerk,,,\na3,丙,没有的街道,clerk,,,\na4,丁,,皇帝,,,\n"
        "a1,戊,,clerk,,,\na6,己,,clerk,,2026-13-01,\n短行\n",
        encoding="utf-8-sig",
    )
    told = staff(env, "import", str(file), "--commit", "--passwords", str(tmp_path / "out.csv"))
    assert told.exit_code == 1
    assert [int(n) for n in re.findall(r"第 (\d+) 行", told.stderr)] == [3, 4, 5, 6, 2, 7, 8]
    assert staff(env, "list").output == "共 0 个账号\n"


def test_a_good_file_makes_accounts_whose_passwords_only_their_owner_reads(
    env: dict[str, str], tmp_path: Path
) -> None:
    file, out = tmp_path / "staff.csv", tmp_path / "out.csv"
    lines = (
        "a1,甲,望京街道办事处,街乡承办人、follow_up,,,\n"
        "a2,乙,,supervisor,yi@example.gov.cn,2026-11-23,2099-12-31\n"
    )
    file.write_text(HEAD + lines, encoding="utf-8")
    assert "2 行都没有问题" in staff(env, "import", str(file)).output
    done = staff(env, "import", str(file), "--commit", "--passwords", str(out))
    assert "已建 2 个账号" in done.output
    assert out.stat().st_mode & 0o077 == 0
    rows = out.read_text("utf-8-sig").splitlines()
    assert re.fullmatch(r"a1,甲,([a-z2-9]{4}-){3}[a-z2-9]{4}", rows[1])
    assert rows[2] == "a2,乙,从统一认证登录"
    again = staff(env, "import", str(file), "--commit", "--passwords", str(tmp_path / "more.csv"))
    assert (again.exit_code, again.stderr.count("账号已存在")) == (1, 2)


def test_a_trial_asks_the_database_what_the_import_would_ask(env: dict[str, str], tmp_path: Path) -> None:
    file, out = tmp_path / "staff.csv", tmp_path / "out.csv"
    provider = "jia@example.gov.cn"
    taken = ("add", "a9", "--name", "甲", "--role", "clerk", "--provider", provider, "--generate")
    assert staff(env, *taken).exit_code == 0
    file.write_text(HEAD + f"a1,甲,,clerk,{provider},,\n", encoding="utf-8")
    tried = staff(env, "import", str(file))
    assert (tried.exit_code, "第 2 行：这个统一认证账号已登记给别人" in tried.stderr) == (1, True)
    refused = staff(env, "import", str(file), "--commit", "--passwords", str(out))
    assert (refused.exit_code, out.exists()) == (1, False), "the next try takes the same name"
    file.write_text(HEAD + "a1,甲,,clerk,,,\n", encoding="utf-8")
    assert "1 行都没有问题" in staff(env, "import", str(file)).output
    assert staff(env, "list").output.endswith("共 1 个账号\n")
    assert "已建 1 个账号" in staff(env, "import", str(file), "--commit", "--passwords", str(out)).output


def test_nobody_has_an_account_whose_password_could_not_be_kept(
    env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    file, out = tmp_path / "staff.csv", tmp_path / "out.csv"
    file.write_text(HEAD + "a1,甲,,clerk,,,\n", encoding="utf-8")
    with monkeypatch.context() as disk:
        disk.setattr("triage.commands.staff.os.fsync", full)
        failed = staff(env, "import", str(file), "--commit", "--passwords", str(out))
    assert (failed.exit_code, out.exists()) == (1, False)
    assert staff(env, "list").output == "共 0 个账号\n"


def test_passwords_stay_where_nobody_can_say_whether_the_accounts_were_made(
    env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(_session: AsyncSession) -> None:
        raise ConnectionError

    file, out = tmp_path / "staff.csv", tmp_path / "out.csv"
    file.write_text(HEAD + "a1,甲,,clerk,,,\n", encoding="utf-8")
    monkeypatch.setattr("sqlalchemy.ext.asyncio.AsyncSession.commit", lost)
    told = staff(env, "import", str(file), "--commit", "--passwords", str(out))
    assert (told.exit_code, "不能确定账号建好没有" in told.stderr) == (1, True)
    assert re.search(r"a1,甲,([a-z2-9]{4}-){3}[a-z2-9]{4}", out.read_text("utf-8-sig"))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"JIESU_HOST": "0.0.0.0"}, "JIESU_HOSTS"),  # noqa: S104
        ({"JIESU_HOSTS": "a.example"}, "JIESU_TLS"),
        ({"JIESU_HOSTS": "a.example", "JIESU_TLS": "true"}, "还没有能管理账号的人"),
    ],
)
def test_others_are_let_in_on_conditions_that_are_said(
    env: dict[str, str], more: dict[str, str], told: str
) -> None:
    answer = CliRunner().invoke(main, ["serve"], env={**env, **more})
    assert (answer.exit_code, told in answer.stderr) == (1, True)


@pytest.mark.parametrize("login", ["reporter", "12345"])
def test_names_that_the_system_uses_itself_are_nobodys(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch, login: str
) -> None:
    """What a reporter or the platform did could not be told from what that person did."""
    wanted = ("add", login, "--name", "王某", "--role", "clerk", "--generate")
    assert "账号名" in staff(env, *wanted).stderr
    with monkeypatch.context() as before:
        before.setattr(accounts, "RESERVED", frozenset())
        assert staff(env, *wanted).exit_code == 0
    public = {**env, "JIESU_HOSTS": "a.example", "JIESU_TLS": "true"}
    answer = CliRunner().invoke(main, ["serve"], env=public)
    assert (answer.exit_code, f"账号 {login} 用的是系统自己的名字" in answer.stderr) == (1, True)
    assert staff(env, "disable", login).exit_code == 0
    assert "还没有能管理账号的人" in CliRunner().invoke(main, ["serve"], env=public).stderr


def test_names_in_the_record_are_all_reserved() -> None:
    assert {REPORTER.login, PLATFORM, CITIZEN, LOCAL} <= accounts.RESERVED
