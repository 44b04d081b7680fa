"""Names of parties: what is a name at all, what its spellings share, how alike two are."""

from __future__ import annotations

import pytest

from nlp.party_names import LEAST_LIKE, likeness, party_name


@pytest.mark.parametrize(
    "written",
    [
        "工地",
        "一处工地",
        "楼上邻居",
        "物业公司",
        "建筑工地",
        "快递公司",
        "底商餐馆",
        "渣土车",
        "长辛店",
        "污水处理厂",
        "朝阳区工地",
        "街道办事处",
    ],
)
def test_what_names_nobody(written: str) -> None:
    assert party_name(written) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("北京市绿泉餐饮有限公司", "绿泉餐饮公司"),
        ("绿泉餐饮有限责任公司", "北京绿泉餐饮股份有限公司"),
        ("朝阳区望京街道甲乙烤鱼店", "甲乙烤鱼店"),
        ("甲乙烤鱼店", "甲乙烤鱼店（暂停营业）"),
        ("ＡＢＣ健身房", "abc健身房"),
    ],
)
def test_spellings_of_one_form(one: str, other: str) -> None:
    a, b = party_name(one), party_name(other)
    assert a is not None
    assert b is not None
    assert a.form == b.form


def test_a_branch_is_not_its_house() -> None:
    one, other = party_name("绿泉餐饮有限公司朝阳分公司"), party_name("绿泉餐饮有限公司海淀分公司")
    assert one is not None
    assert other is not None
    assert one.form != other.form
    assert likeness(one, other, same_street=None) == (0.0, ())


def test_a_registered_name_is_one_everywhere() -> None:
    registered, shop = party_name("绿泉餐饮有限公司"), party_name("绿泉餐厅")
    assert registered is not None
    assert shop is not None
    assert (registered.legal, shop.legal) == (True, False)


@pytest.mark.parametrize(
    ("one", "other", "street", "like"),
    [
        ("绿泉烤鱼店", "绿泉餐厅", True, True),
        ("绿泉餐饮有限公司", "绿泉餐厅", True, True),
        ("绿泉餐饮有限公司", "绿泉餐厅", None, True),
        ("绿泉烤鱼店", "绿泉餐厅", False, False),
        ("绿泉烤鱼店", "红枫汽修厂", True, False),
    ],
)
def test_likeness(one: str, other: str, street: bool | None, like: bool) -> None:  # noqa: FBT001
    a, b = party_name(one), party_name(other)
    assert a is not None
    assert b is not None
    score, why = likeness(a, b, same_street=street)
    assert (score >= LEAST_LIKE) is like
    assert why
    assert likeness(b, a, same_street=street)[0] == score
