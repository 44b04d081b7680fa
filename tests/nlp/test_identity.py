"""Masking of names and rooms, and the whole of masking measured on our own sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import masking
from nlp.text import mask_identity

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        ("我叫张伟，请回电", "我叫[姓名]，请回电"),
        ("联系人：李小梅 电话13800000001", "联系人：[姓名] 电话[手机号]"),
        ("此致\n敬礼！\n陈大明\n2026年", "此致\n敬礼！\n[姓名]\n2026年"),
        ("张伟先生 13800000001", "[姓名]先生 [手机号]"),
        ("家住示例小区3号楼2单元501室", "家住示例小区3号楼2单元[门牌号]"),
        ("我家在12号楼二单元四零二室，楼上五零二室吵", "我家在12号楼二单元[门牌号]，楼上五零二室吵"),
        ("住五号楼三单元六零一，噪音大", "住五号楼三单元[门牌号]，噪音大"),
        ("我住312号楼15层1503号", "我住312号楼15层[门牌号]"),
        ("我住3号楼12单元501", "我住3号楼12单元[门牌号]"),
        ("我姓孙，叫孙志强，家里被熏", "我姓[姓名]，叫[姓名]，家里被熏"),
        ("您好，我是孙志强，花家地的", "您好，我是[姓名]，花家地的"),
        ("名字：孙志强", "名字：[姓名]"),
        ("此致敬礼！市民：孙志强", "此致敬礼！市民：[姓名]"),
        ("我家在示例园5栋1201，楼上1301天天吵", "我家在示例园5栋[门牌号]，楼上1301天天吵"),
    ],
)
def test_the_speakers_name_and_room_are_masked(said: str, masked: str) -> None:
    assert mask_identity(said) == masked


@pytest.mark.parametrize(
    "said",
    [
        "物业经理周强态度差",
        "楼上602室天天装修",
        "投诉人要求处理",
        "本人通过12345反映",
        "姓名不详",
        "店铺名字：孙志强烧烤",
        "您好，我是王老师，教书的",
        "您好，我是宋家庄，东区的",
        "你好，我是高三生，要备考",
        "我姓什么不重要",
        "我住五号楼一二三单元",
        "住三单元一二三层都漏水",
        "三单元六零一天天装修",
        "[姓名]住[门牌号]",
    ],
)
def test_whom_and_what_it_is_about_stays(said: str) -> None:
    assert mask_identity(said) == said


@given(
    st.text(
        alphabet="我叫本人联系姓名张王伟李小电话138住在是您好栋单元门层室四零二0123[]，。：\n ", max_size=60
    )
)
def test_masking_twice_changes_nothing(text: str) -> None:
    once = mask_identity(text)
    assert mask_identity(once) == once


@pytest.mark.parametrize("said", ["家住号楼我是单元138", "我住3号楼5层138门138"])
def test_a_token_brings_no_further_one_about(said: str) -> None:
    once = mask_identity(said)
    assert once != said
    assert mask_identity(once) == once


def test_our_sentences_are_masked_as_well_as_it_is_published() -> None:
    """Figures of docs/nlp.md: whoever loses one has to say so there."""
    figures = masking.measure(masking.cases())
    assert figures["sentences"] >= 150
    assert figures["precision"] >= 0.99
    assert figures["recall"] >= 0.98


@pytest.mark.parametrize(
    ("name", "precision", "recall"), [("masking_fresh", 0.99, 0.94), ("masking_third", 0.97, 0.90)]
)
def test_sentences_written_apart_from_the_rules_are_masked_as_published(
    name: str, precision: float, recall: float
) -> None:
    figures = masking.measure(masking.cases(masking.CASES.with_name(f"{name}.yaml")))
    assert figures["precision"] >= precision
    assert figures["recall"] >= recall


def test_numbers_of_persons_are_all_found_in_our_sentences() -> None:
    tokens = masking.measure(masking.cases())["tokens"]
    numbers = ("身份证号", "银行卡号", "车牌号", "邮箱", "证件号", "电话号")
    assert [tokens[name]["hit"] == tokens[name]["spans"] for name in numbers] == [True] * len(numbers)


def test_a_token_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "masking.yaml"
    path.write_text("said:\n  - 我叫{名字|张伟}\n", "utf-8")
    with pytest.raises(ValueError, match="名字 is no token"):
        masking.cases(path)


def test_what_is_left_over_is_counted_and_never_shown() -> None:
    counts = masking.left_over(["电话13800000001", "车牌京A12345", "邮箱a@example.com 天气好"])
    assert (counts["mobile_before"], counts["mobile_after"]) == (1, 0)
    assert (counts["plate_before"], counts["plate_after"]) == (1, 0)
    assert (counts["texts"], counts["tokens_set"]) == (3, 3)
