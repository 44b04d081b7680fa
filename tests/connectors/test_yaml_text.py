"""A map of thousands of brackets is refused in words, and before PyYAML spends seconds on it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from connectors.feeds.errors import FeedRefused
from connectors.feeds.json_feeds import FieldMap
from connectors.file_maps import load_map
from connectors.hotline import mapping
from connectors.hotline.mapping import MapRefused
from connectors.records import FileRefused
from connectors.yaml_text import DEEPEST, too_deep

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = ("[" * 20_000, "{" * 20_000, "a: " + "{a: [" * 10_000)


def _file(text: str, folder: Path) -> object:
    path = folder / "map.yaml"
    path.write_text(text, encoding="utf-8")
    return load_map(path)


PARSERS: list[tuple[Any, type[Exception]]] = [
    (_file, FileRefused),
    (lambda text, _: FieldMap.parse(text), FeedRefused),
    (lambda text, _: mapping.parse(text, "x"), MapRefused),
]


@pytest.mark.parametrize("text", HOSTILE, ids=["lists", "maps", "both"])
@pytest.mark.parametrize(("parse", "refusal"), PARSERS, ids=["file", "feed", "platform"])
def test_thousands_of_brackets_are_refused_at_once(
    parse: Any,  # noqa: ANN401  (two arguments each)
    refusal: type[Exception],
    text: str,
    tmp_path: Path,
) -> None:
    began = time.process_time()
    with pytest.raises(refusal, match="套得太深"):
        parse(text, tmp_path)
    # Unguarded it is 2.4 s for a quarter of this, and grows with the square.
    assert time.process_time() - began < 1


def test_what_closes_again_is_not_deep() -> None:
    assert not too_deep("[]{}" * 10_000 + "}" * 500 + "[" * DEEPEST)
    assert too_deep("[" * (DEEPEST + 1))
