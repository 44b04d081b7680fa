"""If it is not documented, it does not build."""

from __future__ import annotations

import ast
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


def test_the_map_of_the_pages_has_every_page() -> None:
    told = (DOCS / "README.md").read_text(encoding="utf-8")
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md") if page.parent.name != "changes"}
    manual = {page for page in pages if page.startswith("用户手册/")} - {"用户手册/README.md"}
    assert {page for page in pages - manual if f"]({page})" not in told} == {"README.md"}


SNIPPET = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = [
    (str(page.relative_to(ROOT)), block)
    for page in sorted(DOCS.rglob("*.md"))
    for block in SNIPPET.findall(page.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("page", "block"), PYTHON, ids=[page for page, _ in PYTHON])
def test_python_on_a_page_is_python(page: str, block: str) -> None:
    compile(block, page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_the_import_page_reads_a_file_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = [block for page, block in PYTHON if page == "docs/import.md"]
    monkeypatch.chdir(tmp_path)
    rows = ("编号,标题,内容,时间", "1,施工,夜间施工噪声,2026-11-23 08:05", "2,施工,夜间施工,2026-13-01")
    (tmp_path / "诉求.csv").write_text("\n".join(rows), encoding="utf-8")
    exec(compile(block, "docs/import.md", "exec"), {})  # noqa: S102  (of our own page)
    reason, read, bad = capsys.readouterr().out.splitlines()
    assert "普通表格" in reason
    assert read.startswith("2 1 ")
    assert bad == "诉求.csv 第 3 行 时间：无法识别的时间‘2026-13-01’"


def test_no_python_file_is_too_long_to_read() -> None:
    files = [
        p
        for top in ("models", "nlp", "connectors", "triage", "tests", "bench")
        for p in (ROOT / top).rglob("*.py")
    ]
    assert {
        str(p): n for p in files if (n := len(Path(p).read_text(encoding="utf-8").splitlines())) > 400
    } == {}
