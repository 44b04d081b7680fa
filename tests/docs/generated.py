"""The pages of docs/ that are made from the code: `python -m tests.docs.generated` writes them.

A test holds the written pages to what this gives, so they cannot fall behind.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import Final

import click

import models
from models import vocab
from tests.docs import access_matrix, lifecycle
from triage.cli import main as cli
from triage.settings import Settings

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"

#: Where the enums stand.
#: `models/vocab.py` and its subjects, `models/vocab_*.py`.
VOCABULARIES: Final = tuple(
    importlib.import_module(f"models.{module.name}")
    for module in pkgutil.iter_modules(models.__path__)
    if module.name.startswith("vocab")
)

TERMS: Final = (
    ("appeal", "诉求"),
    ("appellant", "诉求人"),
    ("ticket", "工单"),
    ("reading", "识别结果"),
    ("unit", "承办单位"),
    ("street", "街乡镇"),
    ("bureau", "委办局"),
    ("dispatch", "派单"),
    ("catalogue", "派单目录"),
    ("divert", "分流"),
    ("hand over", "转办"),
    ("dispatch_by, answer_by", "派单时限，办理时限"),
    ("first receiver", "首接负责"),
    ("lead, assist, cc", "主办，协办，抄送"),
    ("patrol", "巡查（自建工单，未诉先办）"),
    ("keeper", "经办人"),
    ("remark", "内部备注"),
    ("shift note, relieve", "交接班，接班"),
    ("own figures", "本单位数据"),
)


def glossary() -> str:
    """docs/glossary.md: terms, then every enum of the vocabulary."""
    lines = ["# Glossary 术语", "", "Made from `models/vocab*.py`; one English word per Chinese term.", ""]
    lines += ["| code | 中文 |", "|---|---|", *(f"| {english} | {chinese} |" for english, chinese in TERMS)]
    kinds = {
        (kind.__name__, kind.__module__): kind
        for module in VOCABULARIES
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, vocab.Labelled) and kind is not vocab.Labelled
    }
    names = [name for name, _ in kinds]
    for (name, module), kind in sorted(kinds.items()):
        about = f" ({module})" if names.count(name) > 1 else ""
        lines += [
            "",
            f"## {name}{about}",
            "",
            inspect.getdoc(kind) or "",
            "",
            "| value | 中文 |",
            "|---|---|",
        ]
        lines += [f"| `{member.value}` | {member.label} |" for member in kind]
    return "\n".join(lines) + "\n"


def settings() -> str:
    """docs/settings.md: every setting with its default and help."""
    lines = [
        "# Settings 设置",
        "",
        "Read from the environment by `triage/settings.py`, and nowhere else.",
        "A value that is empty or of blanks sets nothing; of the keys and the addresses of database and",
        "Redis it is refused. Blanks around a value are no part of it. What is of no use without another",
        "setting is refused by every process: `JIESU_SMS_URL` without `JIESU_SMS_SECRET`, `JIESU_WECOM_CORP`",
        "without secret and agent, `JIESU_SMTP_URL` without `JIESU_SMTP_FROM`.",
        "",
    ]
    for name, field in Settings.model_fields.items():
        default = "（不设）" if field.default is None else f"`{field.default}`"
        lines += [f"## JIESU_{name.upper()}", "", f"{field.description}。默认 {default}。", ""]
    return "\n".join(lines).rstrip() + "\n"


def commands() -> str:
    """docs/commands.md: its beginning as it is written, then the help of every command."""
    head, _, _ = (DOCS / "commands.md").read_text(encoding="utf-8").partition("\n## ")
    lines = [*head.splitlines(), ""]

    def describe(command: click.Command, path: str) -> None:
        if command.hidden:
            return
        # Inherited where a command really runs; click keeps the first help option that it made.
        context = click.Context(
            command,
            info_name=path,
            max_content_width=100,
            terminal_width=100,
            help_option_names=cli.context_settings["help_option_names"],
        )
        if isinstance(command, click.Group):
            for name in sorted(command.commands):
                describe(command.commands[name], f"{path} {name}")
            return
        lines.extend([f"## {path}", "", "```", command.get_help(context), "```", ""])

    describe(cli, "jiesu")
    return "\n".join(lines).rstrip() + "\n"


PAGES: Final = {
    "glossary.md": glossary,
    "settings.md": settings,
    "commands.md": commands,
    "rules/lifecycle.md": lifecycle.page,
    "access-matrix.md": access_matrix.page,
}


def main() -> None:
    """Write the pages."""
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
