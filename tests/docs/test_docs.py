"""If it is not documented, it does not build."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.generated import DOCS, PAGES

ROOT = DOCS.parent


@pytest.mark.parametrize("name", sorted(PAGES))
def test_generated_pages_are_current(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name]()


@pytest.mark.parametrize(
    "page", sorted(["README.md", *(str(p.relative_to(ROOT)) for p in DOCS.rglob("*.md"))])
)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []


@pytest.mark.parametrize(
    "table", sorted(p.name for p in (ROOT / "triage" / "tables").glob("*.[yc][as][mv]*"))
)
def test_every_rule_table_is_described(table: str) -> None:
    pages = "\n".join(p.read_text(encoding="utf-8") for p in (DOCS / "rules").glob("*.md"))
    assert f"`{table}`" in pages


def test_no_python_file_is_too_long_to_read() -> None:
    files = [
        p
        for top in ("models", "nlp", "connectors", "triage", "tests", "bench")
        for p in (ROOT / top).rglob("*.py")
    ]
    assert {
        str(p): n for p in files if (n := len(Path(p).read_text(encoding="utf-8").splitlines())) > 400
    } == {}
