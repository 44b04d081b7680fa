"""Pages ask `filestore` for the store of files: so its trouble is logged, and said, one way."""

from __future__ import annotations

from pathlib import Path

import triage.web

WEB = Path(triage.web.__path__[0])


def test_no_page_meets_the_store_by_itself() -> None:
    words = ("StoreDown", "FileMissing", ".store_all(", "app[FILES].")
    meets = {
        str(page.relative_to(WEB))
        for page in WEB.rglob("*.py")
        if any(word in page.read_text(encoding="utf-8") for word in words)
    }
    assert meets == {"filestore.py"}
