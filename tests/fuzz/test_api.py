"""The whole API, as its document describes it, by the cases that its schemas give; more by `make fuzz`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.fuzz import api
from triage.web.openapi import document

if TYPE_CHECKING:
    from pathlib import Path

_METHODS = {"get", "post", "put", "patch", "delete"}


async def test_every_answer_is_one_that_the_document_describes(tmp_path: Path) -> None:
    status, out = await api.run(tmp_path, examples=1, phases=("coverage",))
    assert status == 0, out
    # All but the address of the document itself, which schemathesis only loads.
    operations = -1 + sum(len(path.keys() & _METHODS) for path in document()["paths"].values())
    assert re.search(rf"Tested: +{operations}\b", out) is not None
    cases = re.search(r"([\d,]+) generated, ([\d,]+) passed", out)
    assert cases is not None
    assert cases[1] == cases[2]
