"""Every command in a fenced `sh` block of README and docs is run, or stands here with the reason why not."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
import yaml
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
    "install -": "makes folders of the host's for the user of the containers; asks for root",
    "cp .env.example": "read by tests/docs/test_compose.py",
    "jiesu open311 check": "run against our server in tests/triage/web/open311/test_conformance.py",
    ". .venv/bin/activate": "these tests run in the environment already",
    "printf": "writes the file that stands in FILES",
    "jiesu ticket explain": "asks for a number of the demo; run in tests/triage/commands/test_admin.py",
    "python -m tests.docs": "writes pictures and pages; the pages are held by test_docs.py",
}
#: What a page takes for given before its first command.
BEFORE = {"README.md": "jiesu db upgrade", "docs/backup.md": "jiesu db upgrade"}
#: Where its commands write, beside the folder they run in.
PLACES = ("/secure", "/backups")
FILES = {
    "accounts.csv": "账号,姓名,单位,角色\nli,李某,110105026,street\n",
    "appeals.csv": "编号,内容\n1,望京街道工地夜间施工噪声大\n",
}


def commands() -> Iterator[tuple[str, str]]:
    """(page, command) of every line of every block."""
    for page in PAGES:
        name = str(page.relative_to(ROOT))
        if name.startswith(PAST):
            continue
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            for line in joined(block).splitlines():
                command = re.sub(r"\s+#.*$", "", line).strip()
                yield from [(name, command)] * bool(command)


def joined(block: str) -> str:
    """A block with its continued lines in one."""
    return re.sub(r"\\\n\s*", "", block)


ANY = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPTION = re.compile(r"(?<![\w-])--[a-z-]+")
INLINE = re.compile(r"`(jiesu [^`]+)`")

FOUND = [(page, command) for page, command in commands() if not command.startswith(tuple(NOT_RUN))]
OURS = [(page, command) for page, command in FOUND if command.startswith(("jiesu ", "export "))]
MADE = [command for _, command in FOUND if command.startswith("make ")]


def test_every_command_is_ours_or_makes_or_has_its_reason() -> None:
    assert [one for one in FOUND if not one[1].startswith(("jiesu ", "make ", "export "))] == []
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
        mine = [command for where, command in OURS if where == page]
        for command in [*filter(None, [BEFORE.get(page)]), *mine]:
            name, *arguments = shlex.split(placed(command, tmp_path))
            if_export = {"export": dict(one.split("=", 1) for one in arguments if "=" in one)}
            for setting, value in if_export.get(name, {}).items():
                monkeypatch.setenv(setting, value)
            # Who is asked for a password gives one, twice; who is to be disabled is there.
            asked = {"jiesu": arguments}.get(name, ["--help"])
            done = runner.invoke(cli, asked, input=typed)
            ran += 1
            failed += [f"{page}: {command}\n{done.output[-500:]}"] * (done.exit_code != 0)
    assert failed == []
    assert ran == len(OURS) + len(BEFORE)


def placed(command: str, folder: Path) -> str:
    """A command that writes below `folder` what it would write elsewhere."""
    for place in PLACES:
        (folder / place[1:]).mkdir(exist_ok=True)
        command = command.replace(f"{place}/", f"{folder}{place}/")
    return command


def pages() -> list[tuple[str, str]]:
    """(name, text) of every page that tells of now."""
    found = ((str(page.relative_to(ROOT)), page.read_text(encoding="utf-8")) for page in PAGES)
    return [(name, text) for name, text in found if not name.startswith(PAST)]


def test_no_block_hides_a_command_from_these_tests() -> None:
    """What is to be typed stands in a block marked `sh`; docs/commands.md shows how each is called."""
    hidden = [
        (name, line)
        for name, text in pages()
        for marked, block in ANY.findall(text)
        for line in block.splitlines() * (marked != "sh")
        if re.match(r"(?:jiesu|make|docker|python3?) ", line)
    ]
    assert hidden == []


def unknown(command: str) -> str | None:
    """What of a command in a sentence is not there: a word where a command should be, or an option."""
    found: click.Command = cli
    words = re.split(r"\s+", command)[1:]
    while isinstance(found, click.Group):
        several = words[0].split("|") if words else []
        # `jiesu keys …` speaks of the group.
        if not words or words[0] == "…":
            return None
        if set(several) - set(found.commands):
            return words[0]
        found, words = found.commands[several[0]], words[1:]
    known = {"--help", "-h", *(option for one in found.params for option in (*one.opts, *one.secondary_opts))}
    return next((one for one in OPTION.findall(" ".join(words)) if one not in known), None)


def test_every_command_in_a_sentence_is_there_with_its_options() -> None:
    spoken = [(name, command) for name, text in pages() for command in INLINE.findall(text)]
    assert len(spoken) > 100
    assert [(name, one, wrong) for name, one in spoken if (wrong := unknown(one))] == []


RUN = re.compile(r"docker compose run(?: --rm| -T| --no-deps| -[ve] \S+)* ([a-z]+) (.+)")


def test_what_compose_runs_is_a_command_of_ours_in_a_service_of_ours() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    runs = [command for _, command in commands() if command.startswith("docker compose run")]
    told = [found.groups() for found in map(RUN.fullmatch, runs) if found]
    assert len(told) == len(runs) > 5
    assert {service for service, _ in told} <= set(services)
    assert [command for _, command in told if unknown(f"jiesu {command}")] == []


def test_what_is_run_with_python_is_a_module() -> None:
    spoken = {one for _, text in pages() for one in re.findall(r"python -m ([a-z_.]+[a-z_])", text)}
    assert {one for one in spoken if importlib.util.find_spec(one) is None} == set()
    assert len(spoken) > 5
