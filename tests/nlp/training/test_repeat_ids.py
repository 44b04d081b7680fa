"""Public texts are named by their ids; what names several of them names none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nlp.training.repeats import CITIES, read_texts

if TYPE_CHECKING:
    from pathlib import Path


def test_an_id_that_several_texts_have_names_none(tmp_path: Path) -> None:
    for name in (name for city in CITIES for name in city):
        path = tmp_path / f"{name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        rows = [{"id": "1", "text": "一"}, {"id": "", "text": "二"}, {"id": "", "text": "三"}]
        path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    names = {key.split("|")[1] for key in read_texts(tmp_path)}
    assert names == {"1"}
