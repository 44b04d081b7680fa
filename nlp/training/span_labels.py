"""Our labels of who (被反映对象) and when in public texts: ids and places, no text (`span_labels.jsonl`).

Each line: `id` of a text, `of` the length of its source text (`nlp.types.source_text`), and `party` and
`when` as [start, end) in it, where the text has one. Knows the file and folders of texts; gives the rows that
`nlp.training.spans` learns from, which alone calls it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlp import evaluation
from nlp.spans import NAMES
from nlp.training.examples import BadExample
from nlp.types import source_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FILE: Final = Path(__file__).parent / "span_labels.jsonl"


def labelled(texts: Iterable[Path], labels: Path = FILE) -> list[dict[str, Any]]:
    """The labelled texts that these JSONL files hold, as rows of `id`, `title`, `text`, `party`, `when`.

    A label whose text is not there, or is of another length than the one that was read, is passed over.
    Raises BadExample naming the line of a label that is malformed.
    """
    wanted = _labels(labels)
    found: dict[str, dict[str, Any]] = {}
    for path in texts:
        for row in evaluation.rows(path):
            name, text = row.get("id"), row.get("text")
            if not isinstance(name, str) or not isinstance(text, str) or name not in wanted or name in found:
                continue
            title = row.get("title") or None
            source = source_text(title, text)
            if len(source) == wanted[name]["of"]:
                found[name] = {"id": name, "title": title, "text": text, **_words(source, wanted[name])}
    return [found[name] for name in sorted(found)]


def _words(source: str, label: dict[str, Any]) -> dict[str, str]:
    """What each name's words are; a name that the label lacks has none in the text."""
    return {name: source[slice(*label[name])] for name in NAMES if name in label}


def _labels(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(evaluation.rows(path), start=1):
        name, length = row.get("id"), row.get("of")
        if not isinstance(name, str) or name in found:
            raise BadExample(f"{path.name}, line {number}: id: {name!r} is missing or stands there twice")
        if not isinstance(length, int):
            raise BadExample(f"{path.name}, line {number}: of: {length!r} is no length")
        for span in NAMES:
            if span in row and not _lies_within(row[span], length):
                raise BadExample(f"{path.name}, line {number}: {span}: {row[span]!r} is no part of the text")
        found[name] = row
    return found


def _lies_within(span: Any, length: int) -> bool:  # noqa: ANN401  (a JSON value)
    return (
        isinstance(span, list)
        and [type(end) for end in span] == [int, int]
        and 0 <= span[0] < span[1] <= length
    )


def files_of(places: Sequence[Path]) -> list[Path]:
    """The JSONL files that are given or lie in the folders given, in order."""
    return sorted(
        path for place in places for path in (place.rglob("*.jsonl") if place.is_dir() else [place])
    )
