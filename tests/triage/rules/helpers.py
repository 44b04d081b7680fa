"""Reads the cases of tests/cases: their keys are Chinese, so that a lawyer can read and write them."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

import triage.tables
from triage.rules.calendar import BEIJING

if TYPE_CHECKING:
    from triage.rules.rows import Tables

CASES: Final = Path(__file__).parents[2] / "cases"


def cases(name: str) -> list[dict[str, Any]]:
    """The cases of a file; dates stay text, as written."""
    loaded = yaml.load((CASES / name).read_text("utf-8"), Loader=_Plain)  # noqa: S506  (a SafeLoader)
    return [dict(case) for case in loaded]


def name_of(case: dict[str, Any]) -> str:
    """The case's own name, for pytest."""
    return str(case["案例"])


def day(text: str) -> date:
    """2026-11-23."""
    return date.fromisoformat(text)


def moment(text: str) -> datetime:
    """2026-11-23 08:05, Beijing time."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=BEIJING)


@cache
def tables() -> Tables:
    """The packaged tables, loaded once."""
    return triage.tables.load()


class _Plain(yaml.SafeLoader):
    """A SafeLoader that leaves dates as they are written."""


_Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
