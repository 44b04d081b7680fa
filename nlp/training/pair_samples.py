"""Groups of appeals that we wrote ourselves, and the pairs they give: `pair_samples.jsonl`.

`pair_samples_weighing.jsonl` holds groups that no net learns, for the trees that weigh it, and
`pair_samples_held.jsonl` those that nothing learns from (`make bench-repeats`, tests). A group
tells of one matter (`a`) what found pairs seldom show side by side: the same matter from another caller in
other words (`b`), another place, party or source (`c`, half of them in much the same words), another trouble
at the same place (`d`), and a hard one either way (`e`, `e_same`). In two groups of three `c` is liker to `a`
than `b` is: words alone mislead. Called by `nlp.training.pair_net`, `nlp.training.repeats` and
`bench.repeats`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

SAMPLES: Final = Path(__file__).with_name("pair_samples.jsonl")
FOR_WEIGHING: Final = Path(__file__).with_name("pair_samples_weighing.jsonl")
HELD: Final = Path(__file__).with_name("pair_samples_held.jsonl")
_APPEALS: Final = "abcde"
#: Appeals of ours get days within two weeks, for tickets have them.
_DAYS: Final = 11


class Sample(NamedTuple):
    """Two appeals by the names that `read_samples` gives them, and whether they are one matter."""

    a: str
    b: str
    same: bool
    group: int
    """Its group's number: no fold divides one."""


def read_samples(path: Path = SAMPLES) -> tuple[dict[str, dict[str, Any]], list[Sample]]:
    """The appeals (`title`, `text`, `time`) by name, and their pairs.

    Raises ValueError naming file and line.
    """
    texts: dict[str, dict[str, Any]] = {}
    pairs: list[Sample] = []
    # Not splitlines: texts may hold U+2028 and other characters that it takes for the end of a line.
    for number, line in enumerate(path.read_text(encoding="utf-8").rstrip("\n").split("\n"), start=1):
        try:
            told, found = _group(json.loads(line))
        except (ValueError, KeyError, TypeError) as fault:
            raise ValueError(f"{path.name}, line {number}: {fault}") from fault
        if not texts.keys().isdisjoint(told):
            raise ValueError(f"{path.name}, line {number}: the group is there already")
        for name, row in told.items():
            texts[name] = {**row, "time": f"2026-11-{1 + len(texts) % _DAYS}"}
        pairs += found
    return texts, pairs


def _group(row: dict[str, Any]) -> tuple[dict[str, dict[str, Any]], list[Sample]]:
    """The appeals and pairs of one group."""
    if {*row} != {"group", "e_same", *_APPEALS} or not isinstance(row["e_same"], bool):
        raise ValueError("a group has group, a to e, and e_same (true or false)")
    group = row["group"]
    if type(group) is not int:
        raise ValueError("group: a whole number")
    names = {key: f"samples|{group}{key}" for key in _APPEALS}
    told = {name: {"title": row[key]["title"], "text": row[key]["text"]} for key, name in names.items()}
    for key, name in names.items():
        if not (told[name]["title"] + told[name]["text"]).strip():
            raise ValueError(f"{key}: empty")
    same = {"ab": True, "ac": False, "ad": False, "ae": row["e_same"], "bc": False, "bd": False}
    same["be"] = row["e_same"]
    return told, [Sample(names[pair[0]], names[pair[1]], is_same, group) for pair, is_same in same.items()]
