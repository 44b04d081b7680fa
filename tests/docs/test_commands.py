"""Every command in a fenced `sh` block of README and docs is run, or stands here with the reason why not."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner

from triage.cli import main as cli

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: Pages that tell of the past.
PAST = ("docs/changes/", "docs/adr/")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

#: What a command is asked for, and by how it begins why it is not run here.
NOT_RUN = {
    "docker compose": "there is no container engine; tests/docs/test_compose.py reads the files",
    "cp .env.example": "read by tests/docs/test_compose.py",
    "jiesu open311 check": "run against our server in tests/triage/web/open311/test_conformance.py",
    "python -m tests.docs": "writes pictures and pages; the pages are held by test_docs.py",
}
FILES = {
    "accounts.csv": "账号,姓名,单位,角色\nli,李某,110105026,street\n",
    "appeals.csv": "编号,内容,时间\n1,望京街道工地夜间施工噪声大,2026-11-23 08:05\n",
}


def commands() -> Iterator[tuple[str, str]]:
    """(page, command) of every line of every block."""
    for page in PAGES:
        name = str(page.relative_to(ROOT))
        if name.startswith(PAST):
            continue
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            for line in block.splitlines():
                command = re.sub(r"\s+#.*$", "", line).strip()
                yield from [(name, command)] * bool(command)


FOUND = [(page, command) for page, command in commands() if not command.startswith(tuple(NOT_RUN))]
OURS = [(page, command) for page, command in FOUND if command.startswith("jiesu ")]
MADE = [command for _, command in FOUND if command.startswith("make ")]


def test_every_command_is_ours_or_makes_or_has_its_reason() -> None:
    assert [one for one in FOUND if not one[1].startswith(("jiesu ", "make "))] == []
    assert len(OURS) >= 20
    every = [command for _, command in commands()]
    assert [reason for reason in NOT_RUN if not any(one.startswith(reason) for one in every)] == []


def test_what_is_made_is_a_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    assert {command.split()[1] for command in MADE} <= targets
    written = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert set(re.findall(r"`make ([a-z0-9-]+)", written)) <= targets


def test_the_commands_of_each_page_work_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JIESU_PASSWORD_MEMORY_KIB", "64")
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    runner, typed = CliRunner(), "long enough 4 all\n" * 2
    failed = []
    ran = 0
    for page in dict.fromkeys(page for page, _ in OURS):
        monkeypatch.setenv("JIESU_DATA_DIR", str(tmp_path / page.replace("/", "-")))
        (tmp_path / "passwords.csv").unlink(missing_ok=True)
        for command in (command for where, command in OURS if where == page):
            # Who is asked for a password gives one, twice; who is to be disabled is there.
            done = runner.invoke(cli, shlex.split(command)[1:], input=typed)
            ran += 1
            failed += [f"{page}: {command}\n{done.output[-500:]}"] * (done.exit_code != 0)
    assert failed == []
    assert ran == len(OURS)
