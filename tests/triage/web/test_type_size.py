"""大字 enlarges the root's type size: what is set in pixels would stay small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import triage.web

SHEETS = sorted((Path(triage.web.__file__).parent / "static").glob("*.css"))
#: The root itself, as it is and in 大字.
ROOT = re.compile(r"^html[^{]*\{[^}]*\}", re.MULTILINE)


@pytest.mark.parametrize("sheet", SHEETS, ids=[sheet.name for sheet in SHEETS])
def test_type_sizes_follow_the_root(sheet: Path) -> None:
    rest = ROOT.sub("", sheet.read_text(encoding="utf-8"))
    assert re.findall(r"font(?:-size)?: *[0-9.]+px", rest) == []
