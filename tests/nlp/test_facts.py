"""Who and when: verbatim spans, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.facts import Facts, Span, joined_facts, read_facts
from nlp.text import normalize
from nlp.types import Head


def read(source: str, title_length: int = 0) -> Facts:
    return read_facts(source, normalize(source), title_length)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("工地每天凌晨五点开始打桩", "每天凌晨五点开始"),
        ("酒吧从晚上9点持续到凌晨2点放音乐", "从晚上9点持续到凌晨2点"),
        ("2018年4月29日有人倒垃圾", "2018年4月29日"),
        ("这家店每天7:00-23:00放喇叭", "每天7:00-23:00"),
        ("最近一段时间总有臭味", "最近一段时间"),
        ("机器日夜轰鸣", "日夜"),
        ("工地２４小时施工", "２４小时"),
        ("工地晚10点还在施工", "晚10点"),
        ("周一至周五早8点到晚6点施工", "周一至周五早8点到晚6点"),
        ("楼下广场舞每天晚7点到9点", "每天晚7点到9点"),
        ("一大早六点半绕着喊", "一大早六点半"),
        ("最晚10点关门", "10点"),
        ("它营业早九晚八，很吵", "早九晚八"),
        ("昨晚10点至今晨两点施工", "昨晚10点至今晨两点"),
        ("晚七点到夜里一点射钉枪响", "晚七点到夜里一点"),
        ("夜里一点声音都没有", "夜里"),
        ("喇叭从早七点喊到晚九点", "从早七点喊到晚九点"),
        ("酒吧夜场22:00-次日6:00营业", "22:00-次日6:00"),
        ("工地凌晨2点10个工人敲钢筋", "凌晨2点"),
        ("晚上八点二十五个老太太跳舞", "晚上八点"),
        ("夜里11点50多人喝酒", "夜里11点"),
        ("晚上8点50分贝", "晚上8点"),
        ("每晚9点30家里都是油烟", "每晚9点30"),
        ("渣土车半夜两点到五点一辆接一辆", "半夜两点到五点"),
    ],
)
def test_reads_when(text: str, when: str) -> None:
    assert read(text).when_text(text) == when


@pytest.mark.parametrize("text", ["早点解决", "早一点睡", "早1点睡", "晚一点再来"])
def test_sooner_and_later_are_no_clock_times(text: str) -> None:
    assert read(text).when is None


def test_a_rhythm_is_preferred_to_a_date() -> None:
    text = "2019年搬来这里，楼下每晚十点放音乐"
    assert read(text).when_text(text) == "每晚十点"


@pytest.mark.parametrize(
    ("text", "party"),
    [
        ("投诉老张烧烤店油烟大", "老张烧烤店"),
        ("举报某区的示例化工有限公司偷排", "示例化工有限公司"),
        ("示范路的搅拌站扬尘很大", "搅拌站"),
    ],
)
def test_reads_the_party(text: str, party: str) -> None:
    assert read(text).party_text(text) == party


@pytest.mark.parametrize("text", ["", "好吵", "😀😀", "太臭了！"])
def test_says_nothing_when_nothing_is_said(text: str) -> None:
    facts = read(text)
    assert facts == Facts()
    assert facts.evidence(text) == ()


def test_evidence_carries_the_spans() -> None:
    text = "投诉老张烧烤店每天半夜营业"
    found = {item.head: text[item.start : item.end] for item in read(text).evidence(text)}
    assert found == {Head.PARTY: "老张烧烤店", Head.WHEN: "每天半夜"}


def test_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="offsets"):
        read_facts("甲乙", "甲", 0)


@given(st.text(alphabet="每天晚上点1290半到至从的公司店厂投诉，。 \n", max_size=120))
def test_spans_lie_within_the_text(text: str) -> None:
    facts = read(text)
    spans = [span for span in (facts.party, facts.when) if span]
    assert all(0 <= span.start < span.end <= len(text) for span in spans)


def joined(text: str, *, party: str | None = None, when: str | None = None) -> tuple[str | None, str | None]:
    """Both facts when a model saw these pieces of the text."""
    seen = [
        Span(text.index(piece), text.index(piece) + len(piece)) if piece else None for piece in (party, when)
    ]
    facts = joined_facts(normalize(text), read(text), party=seen[0], when=seen[1])
    return facts.party_text(text), facts.when_text(text)


@pytest.mark.parametrize(
    ("text", "piece", "whole"),
    [
        ("楼下的老王烧烤店每天很吵", "店", "老王烧烤店"),
        ("示例化工有限公司偷排，旁边还有一家面馆", "化工", "示例化工有限公司"),
        ("隔壁的阿强俱乐部放音乐", "阿强俱乐部", "阿强俱乐部"),
        ("烧烤店油烟大，又有人说某", "某", "烧烤店"),
    ],
)
def test_a_piece_of_a_name_is_told_whole(text: str, piece: str, whole: str) -> None:
    assert joined(text, party=piece)[0] == whole


def test_a_piece_of_a_time_is_told_whole() -> None:
    assert joined("工地每天凌晨五点打桩", when="凌晨")[1] == "每天凌晨五点"
    assert joined("工地每天凌晨五点打桩", when="天凌")[1] == "每天凌晨五点"


@pytest.mark.parametrize(
    ("text", "piece", "when"),
    [
        ("我家在12号楼二单元四零二室，天天被熏", "12", "天天"),
        ("住五号楼三单元六零一，噪音大", "单元六零一", None),
        ("车尾号三个七，没走", "三个七", None),
        ("一天三趟，半夜也来", "一天", "半夜"),
        ("工地每天凌晨五点打桩", "工地", "每天凌晨五点"),
        ("下雨后有臭味，上午才散", "下雨后", "下雨后"),
        ("稻田从十月初烧起", "从十月初", "从十月初"),
        ("这里从两周前冒烟", "从两周前", "从两周前"),
    ],
)
def test_what_no_rule_knows_is_a_time_only_where_it_looks_like_one(
    text: str, piece: str, when: str | None
) -> None:
    assert joined(text, when=piece)[1] == when


def test_without_a_second_opinion_the_rules_stand() -> None:
    assert joined("投诉老张烧烤店每天半夜营业") == ("老张烧烤店", "每天半夜")


@pytest.mark.parametrize(
    ("text", "party"),
    [
        ("反对在小区旁建加油站", "加油站"),
        ("广场很大", None),
        ("小区门口的物业费太高", None),
        ("示范花园物业不管垃圾", "示范花园物业"),
    ],
)
def test_a_place_is_no_party_and_a_verb_no_part_of_a_name(text: str, party: str | None) -> None:
    assert read(text).party_text(text) == party


@pytest.mark.parametrize(
    ("text", "party", "when"),
    [
        ("昨晚10点至今天凌晨2点工地施工噪音", "工地", "昨晚10点至今天凌晨2点"),
        ("望京工地每晚打桩，噪音大", "望京工地", "每晚"),
    ],
)
def test_words_of_time_are_no_part_of_a_name(text: str, party: str, when: str) -> None:
    facts = read_facts(text, normalize(text), 0)
    assert (facts.party_text(text), facts.when_text(text)) == (party, when)
