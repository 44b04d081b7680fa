"""Labelled complaints as targets: what the gold files, hand-written samples and corrections have in common.

A row is a JSON object with `text`, optional `title`, and any of `environmental`, `kind`, `kind2`,
`appeal_type`, `urgency`, `party`, `when`, `places` (verbatim spans), `sure`, `second` (other annotators'
answers), `again` (what one of us answered who read it later, the label unseen: it counts half, so that what
readers differ on is taught as doubtful; joined from `read_again.jsonl` by `id`). A label that is absent
teaches its head nothing.
"""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from models.vocab import AppealType, Urgency
from nlp.text import normalize
from nlp.types import source_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

APPEAL_TYPES: Final = tuple(item.value for item in AppealType)
URGENCIES: Final = tuple(item.value for item in Urgency)
HERE: Final = Path(__file__).parent
#: Written by us, for kinds that real texts seldom tell of.
SAMPLES: Final = HERE / "samples.jsonl"
#: Our labels of public texts that are not part of the repository: ids and codes, no text.
LABELS: Final = HERE / "labels.jsonl"
#: Answers of readers who saw a text that has a label, and not the label: ids and codes, no text.
AGAIN: Final = HERE / "read_again.jsonl"
HELD_OUT_OF: Final = 12
SPANS: Final = ("place", "party", "when")
#: What a doubtful label weighs beside a sure one.
UNSURE: Final = 0.7
#: What an answer of `read_again.jsonl` counts beside the label.
READ_AGAIN: Final = 0.5
#: The second kind's part of the target, when a text has two.
SECOND_KIND: Final = 0.25
#: Line breaks of a spreadsheet as some exports write them; seven characters, so that offsets hold.
_CARRIAGE: Final = "_x000D_"


class BadExample(ValueError):
    """A labelled row is malformed; the message names file, line and field."""


@dataclass(frozen=True, slots=True)
class Example:
    """One text with its targets: shares that add up to one per head, empty where nothing is taught."""

    source: str
    environmental: float | None
    kinds: dict[str, float] = field(default_factory=dict)
    appeal_types: dict[str, float] = field(default_factory=dict)
    urgencies: dict[str, float] = field(default_factory=dict)
    spans: tuple[tuple[str, int, int], ...] = ()
    tagged: bool = False
    weight: float = 1.0


def read_examples(paths: Iterable[Path], kinds: Collection[str] | None = None) -> list[Example]:
    """The examples of JSONL files, in order. Raises BadExample, also on a kind that is none of `kinds`."""
    found = []
    later = read_again()
    for path in paths:
        for number, row in _json_lines(path):
            try:
                if kinds is not None:
                    _refuse_others(row, kinds)
                found.append(as_example(_joined(row, later)))
            except (ValueError, KeyError, TypeError) as fault:
                raise BadExample(f"{path.name}, line {number}: {fault}") from fault
    return found


def labelled_texts(texts: Path) -> list[dict[str, Any]]:
    """Rows of our own labels (`labels.jsonl`, which holds no text) joined with the texts they are about.

    `texts` is a folder of JSONL files with `id`, `title`, `text`, searched in all depths. A label whose text
    is not there is passed over. Raises BadExample on a line that is no JSON object.
    """
    labels = {row["id"]: row for _, row in _json_lines(LABELS)}
    later = read_again()
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(texts.rglob("*.jsonl")):
        for _, row in _json_lines(path):
            label = _of(row, labels)
            if label is not None:
                found.setdefault(
                    row["id"], _joined({"title": row.get("title"), "text": row.get("text"), **label}, later)
                )
    return [found[key] for key in sorted(found)]


def _refuse_others(row: dict[str, Any], kinds: Collection[str]) -> None:
    """Raises ValueError on a kind that is not known: it would be learned as none."""
    for answer in (row, *(row.get("second") or ())):
        for name in ("kind", "kind2"):
            if answer.get(name) and answer[name] not in kinds:
                raise ValueError(f"{name}: {answer[name]!r} is no kind of the table")


def read_again() -> dict[str, dict[str, Any]]:
    """What readers answered who saw a labelled text without its label, by the text's id.

    Raises BadExample naming the line that has no id, one that was there before, or no answer as labels are.
    """
    found: dict[str, dict[str, Any]] = {}
    for number, row in _json_lines(AGAIN):
        name = row.get("id")
        if not isinstance(name, str) or not name or name in found:
            raise BadExample(f"{AGAIN.name}, line {number}: id: {name!r} is missing or stands there twice")
        try:
            as_example({**row, "text": ""})
        except (ValueError, KeyError, TypeError) as fault:
            raise BadExample(f"{AGAIN.name}, line {number}: {fault}") from fault
        found[name] = row
    return found


def _joined(row: dict[str, Any], later: dict[str, dict[str, Any]]) -> dict[str, Any]:
    answer = _of(row, later)
    return row if answer is None else {**row, "again": answer}


def _of(row: dict[str, Any], known: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """What is known of a row by its id; a row of somebody else's may have none, or one that is no string."""
    name = row.get("id")
    return known.get(name) if isinstance(name, str) else None


def is_held_out(row: dict[str, Any]) -> bool:
    """Whether a labelled text is for calibration, never for learning: one in twelve, by its id alone."""
    return zlib.crc32(row["id"].encode()) % HELD_OUT_OF == 0


def _json_lines(path: Path) -> Iterable[tuple[int, dict[str, Any]]]:
    """The objects of a file, with their lines. Raises BadExample on a line that is none."""
    # Not splitlines: citizens write U+2028 and other characters that it takes for the end of a line.
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if line.strip():
            try:
                row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            except UnicodeDecodeError as fault:
                raise BadExample(f"{path.name}, line {number}: no UTF-8 text") from fault
            except ValueError as fault:
                raise BadExample(f"{path.name}, line {number}: {fault}") from fault
            if not isinstance(row, dict):
                raise BadExample(f"{path.name}, line {number}: no object")
            yield number, row


def as_example(row: dict[str, Any]) -> Example:
    """One labelled row as targets. Raises ValueError or KeyError naming what is wrong."""
    source = normalize(source_text(row.get("title") or None, row["text"] or "")).replace(
        _CARRIAGE.lower(), " " * len(_CARRIAGE)
    )
    later = row.get("again")
    if later is not None and not isinstance(later, dict):
        raise ValueError("again: no object")
    answers = [
        (row, 1.0),
        *(
            ({"environmental": bool(o["env"]), "appeal_type": o["type"], **o}, 1.0)
            for o in row.get("second") or ()
        ),
        *([(later, READ_AGAIN)] if later is not None else []),
    ]
    environmental = _shares(
        [
            ({str(bool(answer["environmental"])): 1.0}, weight)
            for answer, weight in answers
            if answer.get("environmental") is not None
        ]
    )
    return Example(
        source=source,
        environmental=environmental.get("True", 0.0) if environmental else None,
        kinds=_shares([(_kinds(answer), weight) for answer, weight in answers if answer.get("kind")]),
        appeal_types=_labelled(answers, "appeal_type", APPEAL_TYPES),
        urgencies=_labelled(answers, "urgency", URGENCIES),
        spans=tuple(_spans(source, row)),
        tagged="places" in row or "party" in row or "when" in row,
        weight=1.0 if row.get("sure", True) else UNSURE,
    )


def _labelled(
    answers: Sequence[tuple[dict[str, Any], float]], head: str, known: Sequence[str]
) -> dict[str, float]:
    """The target of a head with one answer each."""
    return _shares(
        [({_one_of(answer[head], known): 1.0}, weight) for answer, weight in answers if answer.get(head)]
    )


def _kinds(answer: dict[str, Any]) -> dict[str, float]:
    first, second = answer["kind"], answer.get("kind2")
    if not second or second == first:
        return {first: 1.0}
    return {first: 1.0 - SECOND_KIND, second: SECOND_KIND}


def _one_of(value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise ValueError(f"{value!r} is none of {'、'.join(known)}")
    return value


def _shares(answers: Sequence[tuple[dict[str, float], float]]) -> dict[str, float]:
    """The weighted mean of several annotators' targets."""
    total: dict[str, float] = defaultdict(float)
    weights = sum(weight for _, weight in answers)
    for answer, weight in answers:
        for name, share in answer.items():
            total[name] += share * weight / weights
    return dict(total)


def _spans(source: str, row: dict[str, Any]) -> Iterable[tuple[str, int, int]]:
    """Where the labelled words stand: the first place, since the same words mean the same thing again."""
    said = [("place", text) for text in row.get("places") or ()]
    said += [(name, row[name]) for name in ("party", "when") if row.get(name)]
    taken: list[tuple[int, int]] = []
    for name, text in said:
        words = normalize(text)
        start = source.find(words) if words else -1
        if start >= 0 and all(end <= start or start + len(words) <= begin for begin, end in taken):
            taken.append((start, start + len(words)))
            yield name, start, start + len(words)
