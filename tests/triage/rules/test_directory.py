"""单位通讯录: what may be written, what a telephone dials, who writes and reads whose."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

import triage.tables
from models.vocab_directory import DirectoryField as F
from models.vocab_staff import Role
from tests.factories import NOW
from triage.rules import access, directory
from triage.rules.directory import DirectoryRefused

if TYPE_CHECKING:
    from models.viewing import Viewer

TABLES = triage.tables.load()
WANGJING, ECOLOGY, XUEYUAN, CHAOYANG, HAIDIAN = "110105026", "110105-ecology", "110108010", "110105", "110108"
CITY = next(row.code for row in TABLES.units.values() if row.level.value == "city")
DESK = "bj-desk"


def viewer(role: Role, unit: str | None) -> Viewer:
    return access.viewer(TABLES, login="li", name="", roles=[role], unit_code=unit, at=date(2026, 11, 29))


def test_what_is_typed_is_kept_in_plain_form() -> None:
    typed = " ０１０－８４１２３４５６、84123457 转 801 "
    said = directory.checked({F.DUTY_PHONE: typed, F.STEWARD: "张三、李四", F.STEWARD_PHONE: "84123458"})
    assert said[F.DUTY_PHONE] == "010-84123456、84123457 转 801"
    assert (said[F.STEWARD], said[F.REMARK], set(said)) == ("张三、李四", "", set(F))


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        (F.DUTY_PHONE, "打 110", "像 010-12345678"),
        (F.DUTY_PHONE, "12", "像 010-12345678"),
        (F.DUTY_PHONE, "84123456、", "像 010-12345678"),
        (F.DUTY_PHONE, "1、2、3、4、5", "最多 4 个号码"),
        (F.DUTY_PHONE, "0" * 81, "最多 80 个字"),
        (F.OFFICE_PHONE, "1084123456", "开头的 0"),
        (F.STEWARD_PHONE, "13812345678", "不留个人手机"),
        (F.LEADER_PHONE, "+86 138 1234 5678", "不留个人手机"),
        (F.STEWARD_PHONE, "013812345678", "不留个人手机"),
        (F.STEWARD_PHONE, "0086 138 1234 5678", "不留个人手机"),
        (F.OFFICE_PHONE, "84123456、138-1234-5678", "不留个人手机"),
        (F.REMARK, "节假日打 13812345678（王五）", "不留个人手机"),
        (F.HOURS, "8:30-12:00 +86 13812345678", "不留个人手机"),
        (F.CLERK, "王五138 1234 5678", "不留个人手机"),
        (F.DUTY_PHONE, "84123456,801", "号码要写全"),
        (F.DUTY_PHONE, "84123456/57", "号码要写全"),
        (F.DUTY_PHONE, "84123456 801", "号码要写全"),
        (F.DUTY_PHONE, "84123456(801)", "号码要写全"),
        (F.DUTY_PHONE, "84123456,80101", "号码要写全"),
        (F.DUTY_PHONE, "84123456-8010101", "号码要写全"),
        (F.OFFICE_PHONE, "1084123456-801", "开头的 0"),
        (F.CLERK, "王五 84123456", "只写姓名"),
        (F.REMARK, "字" * 201, "最多 200 个字"),
        (F.HOURS, "9\0点", "不能显示"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(field: F, text: str, words: str) -> None:
    good = {F.OFFICE_PHONE: "84123456", F.STEWARD: "张三", F.LEADER: "赵六"}
    with pytest.raises(DirectoryRefused) as caught:
        directory.checked({**good, field: text})
    assert (list(caught.value.faults), words in caught.value.faults[field]) == ([field], True)
    assert field.label in caught.value.detail


def test_a_number_has_somebody_and_there_is_one_to_ring() -> None:
    with pytest.raises(DirectoryRefused) as caught:
        directory.checked({F.DUTY_PHONE: "84123456", F.LEADER_PHONE: "84123457"})
    assert list(caught.value.faults) == [F.LEADER]
    with pytest.raises(DirectoryRefused) as caught:
        directory.checked({F.STEWARD: "张三", F.STEWARD_PHONE: "84123457"})
    assert list(caught.value.faults) == [F.DUTY_PHONE]


def test_the_duty_desk_may_have_a_mobile() -> None:
    assert directory.checked({F.DUTY_PHONE: "13812345678"})[F.DUTY_PHONE] == "13812345678"


def test_what_a_telephone_dials() -> None:
    found = directory.phones("84123456、010-84123457 转 801、+86 10 84123458、12345")
    assert [one.dial for one in found] == ["01084123456", "01084123457,801", "+861084123458", "12345"]
    assert found[1].text == "010-84123457 转 801"
    for text, dial in {
        "84123456-801": "01084123456,801",
        "010-84123456 - 80101": "01084123456,80101",
        "010-8412-3456": "01084123456",
        "8412-3456": "01084123456",
        "(010)84123456": "01084123456",
        "86-10-84123456": "+861084123456",
        "0086 010 84123456 转 1": "+861084123456,1",
        "010-12345": "01012345",
        "400-810-1234": "4008101234",
        "0311-12345678-9": "031112345678,9",
        "013812345678": "13812345678",
        "110": "110",
        "+852 2123 4567": "+85221234567",
    }.items():
        said = directory.checked({F.DUTY_PHONE: text})[F.DUTY_PHONE]
        assert [one.dial for one in directory.phones(said)] == [dial], text
    # What is no mobile.
    directory.checked({F.DUTY_PHONE: "12345", F.HOURS: "15-17 84123456", F.REMARK: "工单 20261129000013"})
    assert directory.phones("") == ()


@pytest.mark.parametrize(
    ("role", "unit", "writes", "reads"),
    [
        (Role.STREET, WANGJING, {WANGJING}, {WANGJING, ECOLOGY, CHAOYANG, DESK}),
        (Role.BUREAU, ECOLOGY, {ECOLOGY}, {WANGJING, ECOLOGY, CHAOYANG, DESK}),
        (Role.BUREAU, CITY, {CITY}, {CITY, DESK}),
        # The centre keeps its district's own; its supervisor those of the district.
        (Role.BUREAU, CHAOYANG, {CHAOYANG}, {WANGJING, ECOLOGY, XUEYUAN, CHAOYANG, HAIDIAN, CITY, DESK}),
        (Role.SUPERVISOR, CHAOYANG, {WANGJING, ECOLOGY, CHAOYANG},
         {WANGJING, ECOLOGY, XUEYUAN, CHAOYANG, HAIDIAN, CITY, DESK}),
        (Role.SUPERVISOR, None, {WANGJING, ECOLOGY, XUEYUAN, CHAOYANG, HAIDIAN, CITY, DESK},
         {WANGJING, ECOLOGY, XUEYUAN, CHAOYANG, HAIDIAN, CITY, DESK}),
        (Role.CLERK, None, set(), {WANGJING, ECOLOGY, XUEYUAN, CHAOYANG, HAIDIAN, CITY, DESK}),
        (Role.ADMIN, None, set(), {DESK}),
        (Role.ADMIN, CHAOYANG, set(), {DESK}),
    ],
)  # fmt: skip
def test_who_writes_and_reads_whose(role: Role, unit: str | None, writes: set[str], reads: set[str]) -> None:
    every = (WANGJING, ECOLOGY, XUEYUAN, CHAOYANG, HAIDIAN, CITY, DESK)
    who = viewer(role, unit)
    assert {code for code in every if directory.may_write(who, code)} == writes
    assert {code for code in every if directory.reads(TABLES, who, TABLES.units[code])} == reads


def test_it_is_to_be_confirmed_after_ninety_days() -> None:
    ninety = timedelta(days=90)
    assert not directory.overdue(NOW - ninety, NOW)
    assert directory.overdue(NOW - ninety - timedelta(seconds=1), NOW)
