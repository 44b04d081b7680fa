"""What the desk is asked for in the benchmark: what staff do all day, and what is known to be hard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triage.rules.rows import Tables


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of question with variants that are asked in turn."""

    name: str
    addresses: tuple[str, ...]


def _each(pattern: str, values: Sequence[object]) -> tuple[str, ...]:
    return tuple(pattern.format(value) for value in values)


def list_cases(tables: Tables) -> list[Case]:
    """The list and its filters, alone and together."""
    units = _units(tables)
    districts = _districts(tables)
    kinds = sorted(tables.kinds)
    return [
        Case("list_open", ("/desk",)),
        Case(
            "list_states",
            _each("/desk?state={}", ["review", "dispatched", "diverted", "handed_over", "all"]),
        ),
        Case("filter_unit", _each("/desk?unit={}", units)),
        Case("filter_district", _each("/desk?district={}", districts)),
        Case("filter_kind", _each("/desk?kind={}", kinds)),
        Case("filter_urgency", _each("/desk?urgency={}", ["U1", "U2", "U3", "U4"])),
        Case("filter_due", _each("/desk?due={}", ["2h", "today", "overdue"])),
        Case("filter_review", ("/desk?review=1",)),
        Case(
            "combo_district_kind",
            tuple(f"/desk?district={d}&kind={k}" for d in districts[::3] for k in kinds[::9]),
        ),
        Case("combo_unit_urgency", _each("/desk?urgency=U1&unit={}", units)),
        Case(
            "combo_all",
            tuple(
                f"/desk?state=review&urgency=U2&district={d}&kind={k}"
                for d in districts[::4]
                for k in kinds[::12]
            ),
        ),
        Case("combo_all_states_unit", _each("/desk?state=all&unit={}", units)),
        Case(
            "combo_closed",
            tuple(
                f"/desk?state={state}&{narrow}"
                for state in ("handed_over", "diverted", "all")
                for narrow in (f"district={districts[4]}", f"kind={kinds[5]}", "urgency=U1", "urgency=U3")
            ),
        ),
        Case(
            "combo_due",
            tuple(
                f"/desk?due={due}&{narrow}"
                for due in ("2h", "today", "overdue")
                for narrow in (
                    f"unit={units[3]}",
                    f"district={districts[4]}",
                    f"kind={kinds[5]}",
                    "urgency=U4",
                )
            ),
        ),
    ]


def search_cases(tables: Tables, rows: int) -> list[Case]:
    """Words, rare and common, together, as phrases, with filters; numbers; what is not there."""
    units = _units(tables)
    districts = _districts(tables)
    return [
        Case("search_common", _each("/desk?q={}", ["小区", "噪声", "工地", "处理", "请", "号院"])),
        Case("search_middling", _each("/desk?q={}", ["望京", "蓝", "水泵", "魏公村", "狗叫"])),
        Case("search_rare", _each("/desk?q={}", ["磷化氢", "石棉瓦", "铅酸电瓶", "铯一三七"])),
        Case(
            "search_none",
            _each("/desk?q={}", ["没有的词组", "磷化氢 石棉瓦 蓝藻暴发", "zzzz", "狗叫和黑烟和狗叫"]),
        ),
        Case(
            "search_phrase",
            _each(
                "/desk?q={}",
                ["刺鼻气味", "整栋楼都受影响", "反映多次没有结果", "小区里狗叫", "天刚亮施工噪声，不敢开窗"],
            ),
        ),
        Case(
            "search_two_words",
            _each("/desk?q={}", ["望京 狗叫", "噪声 河水发绿", "方庄 焦糊味", "磷化氢 小区"]),
        ),
        Case(
            "search_two_common",
            _each("/desk?q={}", ["小区 处理", "噪声 扬尘", "工地 噪声 处理", "整栋楼都受影响 请尽快处理"]),
        ),
        Case("search_filtered", _each("/desk?q=噪声&unit={}", units)),
        Case(
            "search_state_unit",
            tuple(
                f"/desk?state={state}&unit={unit}&q={word}"
                for state, word in (("review", "噪声"), ("dispatched", "刺鼻气味"), ("all", "小区 处理"))
                for unit in units[::3]
            ),
        ),
        Case("search_rare_filtered", _each("/desk?q=磷化氢&district={}", districts)),
        Case(
            "search_closed",
            tuple(
                f"/desk?state={state}&q={word}"
                for state in ("handed_over", "diverted", "review")
                for word in ("小区", "刺鼻气味", "磷化氢", "望京 狗叫")
            ),
        ),
        Case(
            "search_all_states",
            _each("/desk?state=all&q={}", ["小区", "磷化氢", "望京 狗叫", "整栋楼都受影响"]),
        ),
        Case("search_due", _each("/desk?due=today&q={}", ["小区", "刺鼻气味", "磷化氢"])),
        Case("search_number", _each("/desk?q={}", [f"20260101-{rows // 2:08d}", rows // 3, 7, "B-77"])),
        Case("search_day", _each("/desk?state={}&q=20260301", ["all", "open", "handed_over"])),
    ]


def _units(tables: Tables) -> list[str]:
    return sorted(tables.units)[20:400:25]


def _districts(tables: Tables) -> list[str]:
    return [code for code, unit in sorted(tables.units.items()) if code == unit.district_code]
