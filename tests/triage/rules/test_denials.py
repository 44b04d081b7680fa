"""否认与设想: words of danger that have not happened; a site's own tables of before have no such rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

import triage.tables
from tests.triage.rules.helpers import day, tables
from triage.rules.denials import happened

if TYPE_CHECKING:
    from collections.abc import Mapping

AT = day("2026-11-23")
WORDS = (("着火了", "大火", "爆炸了"), ("现在",))


def told(text: str, of: str = "escalate.flames") -> str:
    return happened(text, WORDS, tables().denials, of, AT)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("没有着火了", "没有，"),
        ("没有看见大火和爆炸了", "没有看见，和，"),
        ("没有停水、停气、大火", "没有停水、停气、大火"),
        ("没人管、着火了", "没人管、着火了"),
        ("家里没人着火了", "家里没人着火了"),
        ("主要是着火了", "主要是着火了"),
        ("要是着火了", "要是，"),
        ("怎么会着火了", "怎么会着火了"),
        ("容易着火的垃圾堆着火了", "容易着火的垃圾堆着火了"),
        ("怕着火了不敢动", "怕着火了不敢动"),
        ("怕着火了，快来人", "怕着火了，快来人"),
        ("怕死了楼上着火了", "怕死了楼上着火了"),
        ("怕大火，着火了", "怕，，着火了"),
        ("怕大火\n着火了", "怕，\n着火了"),
        ("担心堆了一年的旧木料哪天夜里大火", "担心堆了一年的旧木料哪天夜里大火"),  # too far to be meant
        ("着火了，没有水", "着火了，没有水"),
        ("哪怕大火也不停", "哪怕大火也不停"),
        ("很怕，现在大火", "很怕，现在大火"),
        ("担心大火，请尽快派人核查", "担心，，请尽快派人核查"),
        ("容易大火，请尽快派人清理", "容易，，请尽快派人清理"),
        ("怕着火了快派人来检查", "怕，快派人来检查"),
        ("会着火了，快打电话给物业", "会，，快打电话给物业"),
        ("担心着火了，请赶快叫停施工", "担心，，请赶快叫停施工"),
        ("担心大火，消防很快救了", "担心，，消防很快救了"),
        ("怕着火了，快派消防车来", "怕着火了，快派消防车来"),
        ("怕着火了快打电话叫人", "怕着火了快打电话叫人"),
        ("", ""),
    ],
)
def test_what_stands_right_behind_a_denial_is_taken_out(text: str, left: str) -> None:
    assert told(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("有人落水谁负责", "，谁负责"),
        ("有人落水摔伤了谁负责", "，摔伤了谁负责"),
        ("有人落水，谁负责", "有人落水，谁负责"),
        ("有人落水谁负责救", "有人落水谁负责救"),
        ("有人落水谁负责，快来人", "有人落水谁负责，快来人"),
        ("刚刚有人落水谁负责", "刚刚有人落水谁负责"),
        ("有人落水了没人管谁负责", "有人落水了没人管谁负责"),
        ("有人落水好几个小时了究竟应该谁负责", "有人落水好几个小时了究竟应该谁负责"),
        ("有人落水了谁负责", "有人落水了谁负责"),
        ("桥下有人落水了到底谁负责，赶紧派人", "桥下有人落水了到底谁负责，赶紧派人"),
        # Asked in general, of the past, imagined: whatever stands around it says so.
        ("请问有人落水了谁负责", "请问，了谁负责"),
        ("护栏坏了。有人落水了谁负责", "护栏坏了。，了谁负责"),
        ("有人落水了谁负责？连栏杆都没有", "，了谁负责？连栏杆都没有"),
        ("这河太滑有人落水了谁负责", "这河太滑，了谁负责"),
        ("没有人落水了谁负责", "没，了谁负责"),
    ],
)
def test_who_would_answer_for_it_is_asked_behind_the_word(text: str, left: str) -> None:
    assert happened(text, (("有人落水",),), tables().denials, "divert.rescue", AT) == left


def test_a_row_that_no_denial_names_is_asked_nothing() -> None:
    assert told("没有着火了", of="escalate.night_work_now") == "没有着火了"


def test_a_long_text_without_an_end_is_looked_at_nearby_only() -> None:
    assert told("没有" + "大火" * 20_000).count("大火") == 20_000 - 1


def test_a_sites_own_tables_may_lack_the_list(tmp_path: Path) -> None:
    for file in Path(triage.tables.__file__).parent.glob("*.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    path = tmp_path / "escalations.yaml"
    own: Mapping[str, object] = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506 (plain texts)
    path.write_text(
        yaml.safe_dump({key: value for key, value in own.items() if key != "denials"}, allow_unicode=True),
        encoding="utf-8",
    )
    assert triage.tables.check(tmp_path) == []
    assert triage.tables.load(tmp_path).denials == ()
