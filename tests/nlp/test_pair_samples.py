"""Groups of appeals of our own: what they say is one matter, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nlp.training.pair_samples import FOR_WEIGHING, HELD, SAMPLES, read_samples

if TYPE_CHECKING:
    from pathlib import Path

GROUP = {
    "group": 7,
    "a": {"title": "", "text": "杏林里后门的垃圾一周没有清运"},
    "b": {"title": "还是没人来收垃圾", "text": ""},
    "c": {"title": "", "text": "槐安里后门的垃圾一周没有清运"},
    "d": {"title": "", "text": "杏林里后门的路灯坏了"},
    "e": {"title": "", "text": "对面杏林里后门的垃圾臭到我们楼上"},
    "e_same": True,
}


def written(folder: Path, *groups: dict[str, object]) -> Path:
    path = folder / "groups.jsonl"
    path.write_text("".join(json.dumps(group, ensure_ascii=False) + "\n" for group in groups), "utf-8")
    return path


def test_a_group_gives_seven_pairs(tmp_path: Path) -> None:
    texts, pairs = read_samples(written(tmp_path, GROUP))
    assert {pair.group for pair in pairs} == {7}
    assert texts["samples|7b"] == {"title": "还是没人来收垃圾", "text": "", "time": "2026-11-2"}
    same = {pair.a[-1] + pair.b[-1] for pair in pairs if pair.same}
    two = {pair.a[-1] + pair.b[-1] for pair in pairs if not pair.same}
    assert same == {"ab", "ae", "be"}
    assert two == {"ac", "ad", "bc", "bd"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"e_same": "yes"}, "line 2.*e_same"),
        ({"f": 1}, "line 2.*e_same"),
        ({"group": 7}, "line 2: .*already"),
        ({"c": {"title": " ", "text": ""}}, "line 2: c: empty"),
        ({"c": {"title": "无文"}}, "line 2: 'text'"),
        ({"c": 3}, "line 2: "),
        ({"group": "8"}, "line 2: group: a whole number"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, change: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_samples(written(tmp_path, GROUP, {**GROUP, "group": 8, **change}))


def test_a_broken_line_is_named_and_odd_characters_end_none(tmp_path: Path) -> None:
    path = written(tmp_path, {**GROUP, "a": {"title": " ", "text": "垃圾\u2028没有清运"}})
    assert len(read_samples(path)[0]) == 5
    path.write_text(path.read_text("utf-8") + "{", "utf-8")
    with pytest.raises(ValueError, match="line 2"):
        read_samples(path)


def test_ours_are_as_many_as_the_figures_say_and_none_is_in_two_files() -> None:
    files = [read_samples(path) for path in (SAMPLES, FOR_WEIGHING, HELD)]
    assert [len(pairs) for _, pairs in files] == [2940, 1470, 1610]
    names = [name for texts, _ in files for name in texts]
    assert len(set(names)) == len(names)
    said = [f"{row['title']}\n{row['text']}" for texts, _ in files for row in texts.values()]
    assert len(set(said)) == len(said)
