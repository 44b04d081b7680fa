"""docs/threats.md names tests that are there; each claim of a law is a row with a proof, or says why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8")
SECURITY = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[^`]+\.py)`", TEXT)))


def section(title: str) -> list[list[str]]:
    """The rows of the table under a heading."""
    (found,) = re.findall(rf"^## {title}.*?$(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    rows = [line.strip("| ").split(" | ") for line in found.splitlines() if line.startswith("| ")]
    return rows[1:]


@pytest.mark.parametrize("name", NAMED)
def test_every_test_that_is_named_is_there_and_tests(name: str) -> None:
    assert re.search(r"^(?:async )?def test_", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_boundary_and_every_control_point_has_its_proof() -> None:
    for row in (*section("Boundary by boundary"), *section("等保2.0")):
        assert re.fullmatch(r"`tests/[^`]+\.py`", row[-1]), row
    points = [row[0].split()[0] for row in section("等保2.0")]
    assert points == [f"8.1.4.{number}" for number in range(1, 12)]


def test_every_article_has_its_proof_or_is_not_ours() -> None:
    unproved = [row[0] for row in section("个人信息保护法") if not row[-1].startswith("`tests/")]
    assert unproved == ["第五十五条"]


def test_the_files_that_the_page_on_the_web_names_are_there() -> None:
    tests = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert {name.split("/")[-1] for name in re.findall(r"`(?:[\w/]+/)?(test_\w+\.py)`", SECURITY)} <= tests
    places = set(re.findall(r"`((?:triage|models|connectors)/[\w/]+\.py)`", SECURITY + TEXT))
    assert {place for place in places if not (ROOT / place).exists()} == set()
    assert len(places) > 8
