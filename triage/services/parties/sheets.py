"""点穴式执法的备选名单: parties as a sheet for an inspection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.office_xlsx import Cell, Column, Sheet
from triage.clock import show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from triage.services.parties.listing import PartyLine


def sheet(
    lines: Sequence[PartyLine],
    named: Mapping[int, Sequence[str]],
    places: Mapping[str, str],
    *,
    since: datetime,
    now: datetime,
    whole: bool = True,
) -> Sheet:
    """What inspectors pick from, without a word of those who complained; not `whole`: there are more."""
    rows: list[list[Cell]] = [
        [
            at,
            line.name,
            "、".join(dict.fromkeys(named.get(line.id, ()))),
            places.get(line.district or "", "未明"),
            places.get(line.street or "", "未明"),
            line.cases,
            line.open,
            show(line.last)[:10],
        ]
        for at, line in enumerate(lines, start=1)
    ]
    cut = () if whole else (f"符合条件的对象不止这些：这里是件数最多的 {len(lines)} 个。",)
    return Sheet(
        name="检查备选名单",
        title="被反映对象检查备选名单",
        period=f"统计时间：{show(since)[:10]} 至 {show(now)[:10]}",
        measure="单位：件",
        columns=(
            Column("序号", width=7),
            Column("被反映对象", width=30, left=True),
            Column("诉求中的写法", width=40, left=True),
            Column("区", width=12),
            Column("街道（乡镇）", width=18),
            Column("诉求件数", width=10),
            Column("未结件数", width=10),
            Column("最近一次", width=13),
        ),
        rows=rows,
        total=["合计", "", "", "", "", sum(r.cases for r in lines), sum(r.open for r in lines), ""],
        notes=("件数为诉求中提到该对象的工单数，未经核查，不等于查证属实。", "名单不含诉求人信息。", *cut),
        made=f"生成时间：{show(now)}",
    )
