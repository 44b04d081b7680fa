"""平台所记: the platform's own deadline, grade and 督办, and nothing that a citizen said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.hotline import mapping
from connectors.hotline.orders import read_order

NOW = datetime(2026, 11, 26, 4, tzinfo=UTC)
ROW: dict[str, Any] = {
    "orderNum": "BJ1", "createdTime": "2026-11-23 10:00:00", "majorContent": "夜里施工。",
    "orderState": "待办",
}  # fmt: skip


def facts(**more: Any) -> dict[str, str]:  # noqa: ANN401  (JSON of a platform)
    return dict(read_order(mapping.load("wide_table"), ROW | more, now=NOW).facts)


def test_what_the_platform_notes_is_read() -> None:
    told = {
        "deadlineDate": "2026-11-30 10:00:00", "handleDays": 7, "pilotLight": "红灯", "isSupervise": True,
        "isJoint": "是", "isHardOrder": "1", "oldOrderNum": "BJ0",
    }  # fmt: skip
    assert facts(**told) == {
        "deadline": "2026-11-30T10:00:00+08:00", "days": "7", "grade": "红灯", "supervised": "1",
        "joint": "1", "hard": "1", "former": "BJ0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("deadlineDate", "尽快"),
        ("deadlineDate", ""),
        ("handleDays", "13900000001"),
        ("pilotLight", "请联系张先生，电话在备注里"),
        ("pilotLight", "13900000001"),
        ("oldOrderNum", "见 备注"),
        ("oldOrderNum", ["BJ0"]),
        ("isSupervise", "否"),
        ("isSupervise", False),
        ("isSupervise", "张某反映"),
    ],
)
def test_what_looks_like_something_else_is_left_out(name: str, value: object) -> None:
    assert facts(**{name: value}) == {}
