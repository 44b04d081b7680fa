"""The rule tables that come with the program, and the only place that reads table files.

A directory without a folder `rewards` (有奖举报) uses the packaged one.

`load()` reads this directory or a given one; the rules themselves take the `Tables` it gives.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from triage.errors import TableError
from triage.rules import building
from triage.rules.rewards.parsing import FOLDER
from triage.rules.rows import Problem, Where

if TYPE_CHECKING:
    from triage.rules.rows import Tables

HERE = Path(__file__).parent
_TABLE_SUFFIXES = frozenset({".yaml", ".yml", ".csv"})


def load(directory: Path | None = None) -> Tables:
    """The tables of the directory (default: the packaged ones).

    Raises TableError listing every problem, one a line, with file and line.
    """
    tables, problems = _build(directory or HERE)
    if tables is None:
        listed = "\n".join(str(problem) for problem in problems)
        raise TableError(f"规则表有 {len(problems)} 处问题：\n{listed}")
    return tables


def check(directory: Path | None = None) -> list[Problem]:
    """Every problem of the tables in the directory, in order of file and line; empty when they are good."""
    return _build(directory or HERE)[1]


def _build(directory: Path) -> tuple[Tables | None, list[Problem]]:
    unreadable: list[Problem] = []
    files = _read(directory, "", unreadable)
    own = directory / FOLDER
    rewards = _read(own if own.is_dir() else HERE / FOLDER, f"{FOLDER}/", unreadable)
    # A file that does not decode was there: it is reported once, as unreadable, not also as missing.
    named = {problem.where.file for problem in unreadable}
    tables, problems = building.build(files, rewards)
    problems = unreadable + [problem for problem in problems if problem.where.file not in named]
    return (None if unreadable else tables), sorted(problems, key=lambda problem: problem.where)


def _read(directory: Path, prefix: str, unreadable: list[Problem]) -> dict[str, str]:
    """The text of each table file of a directory; what cannot be read is noted."""
    files: dict[str, str] = {}
    for path in sorted(directory.glob("*")):
        if path.suffix not in _TABLE_SUFFIXES:
            continue
        name = prefix + path.name
        if not path.is_file():
            unreadable.append(Problem(Where(name, 1), "不是普通文件"))
            continue
        try:
            # With or without the byte order mark that spreadsheets write: it is no part of the header.
            files[path.name] = path.read_text(encoding="utf-8-sig")
        except OSError:
            unreadable.append(Problem(Where(name, 1), "无法读取：请核对权限"))
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            unreadable.append(Problem(Where(name, line), "不是 UTF-8 文字"))
    return files
