"""Options of ECharts as plain JSON. No functions, no HTML: the strict content policy lets neither through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COLORS: Final = ["#0f5d57", "#b7791f", "#8a978f", "#3b6ea5", "#a23b3b", "#7a5c93", "#6b7f3a", "#c2588b"]
_TEXT: Final = {"color": "#38433d", "fontSize": 12}
#: Rich text: tooltips of HTML carry styles of their own, which the policy forbids.
_TIP: Final = {"renderMode": "richText", "confine": True}
_GRID: Final = {"left": 8, "right": 16, "top": 36, "bottom": 8, "containLabel": True}
_WEEK: Final = ["周一", "周二", "周三", "周四", "周五", "周六", "周日"]

Value = str | int | float | None


def _numbers(values: Sequence[Value]) -> list[float | int | None]:
    """What was hidden is a gap."""
    return [value if isinstance(value, int | float) else None for value in values]


def lines(
    names: Sequence[str],
    series: Mapping[str, Sequence[Value]],
    *,
    dashed: Sequence[str] = (),
    percent: bool = False,
) -> dict[str, Any]:
    """Lines over time."""
    axis: dict[str, Any] = {"type": "value", "splitLine": {"lineStyle": {"color": "#e3e7e0"}}}
    if percent:
        axis |= {"axisLabel": {"formatter": "{value}%"}, "min": 0, "max": 100}
    return {
        "color": COLORS, "textStyle": _TEXT, "grid": _GRID, "aria": {"enabled": True},
        "tooltip": {**_TIP, "trigger": "axis"}, "legend": {"top": 0, "left": 0},
        "xAxis": {"type": "category", "data": list(names), "boundaryGap": False},
        "yAxis": axis,
        "series": [
            {
                "name": name, "type": "line", "data": _numbers(values), "symbolSize": 5,
                "showSymbol": len(names) <= 1, "connectNulls": False,
                "lineStyle": {"type": "dashed" if name in dashed else "solid", "width": 2},
            }
            for name, values in series.items()
        ],
    }  # fmt: skip


def bars(names: Sequence[str], values: Sequence[Value]) -> dict[str, Any]:
    """Lying bars, the largest on top."""
    return {
        "color": COLORS, "textStyle": _TEXT, "grid": {**_GRID, "top": 8, "right": 44},
        "aria": {"enabled": True},
        "tooltip": {**_TIP, "trigger": "axis", "axisPointer": {"type": "shadow"}},
        "xAxis": {"type": "value", "splitLine": {"lineStyle": {"color": "#e3e7e0"}}},
        "yAxis": {"type": "category", "data": list(names), "inverse": True},
        "series": [{
            "type": "bar", "data": _numbers(values), "barMaxWidth": 22,
            "label": {"show": True, "position": "right"},
        }],
    }  # fmt: skip


def tree(nodes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Kinds within their parents, by area."""
    return {
        "textStyle": _TEXT, "aria": {"enabled": True}, "tooltip": dict(_TIP),
        "color": ["#0f5d57", "#b7791f", "#3b6ea5", "#6b7f3a", "#a23b3b", "#7a5c93", "#8a978f"],
        "series": [{
            "type": "treemap", "data": list(nodes), "roam": False, "nodeClick": False,
            "breadcrumb": {"show": False},
            "left": 0, "right": 0, "top": 0, "bottom": 0, "visibleMin": 1,
            "upperLabel": {"show": True, "height": 22, "color": "#fff"},
            "label": {"show": True, "formatter": "{b} {c}"},
            "levels": [{"itemStyle": {"gapWidth": 3}}, {"itemStyle": {"gapWidth": 1}}],
        }],
    }  # fmt: skip


def week(points: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Hours of the week: [hour, day, demands]."""
    most = max((point[2] for point in points), default=1)
    return {
        "textStyle": _TEXT, "aria": {"enabled": True}, "tooltip": dict(_TIP),
        "grid": {**_GRID, "top": 8, "bottom": 46},
        "xAxis": {"type": "category", "data": [f"{h}时" for h in range(24)], "splitArea": {"show": True}},
        "yAxis": {"type": "category", "data": _WEEK, "inverse": True, "splitArea": {"show": True}},
        "visualMap": {
            "min": 0, "max": most, "orient": "horizontal", "left": "center", "bottom": 0, "calculable": False,
            "inRange": {"color": ["#f1f4ef", "#8fc0a9", "#0f5d57"]},
        },
        "series": [{"type": "heatmap", "data": [list(point) for point in points], "name": "诉求"}],
    }  # fmt: skip


def areas(
    shaded: Sequence[tuple[str, str, int | None, str | None]],
    bubbles: Sequence[tuple[str, str, int, str | None]],
    district: str | None,
) -> dict[str, Any]:
    """The map: the script fetches the outlines and centres by code, and puts the values on them.

    Of each area its code, name, demands and where a press leads to.
    """
    most = max((value or 0 for _, _, value, _ in shaded), default=0) or max(
        (b[2] for b in bubbles), default=1
    )
    return {
        "textStyle": _TEXT, "aria": {"enabled": True}, "tooltip": dict(_TIP),
        "jiesuMap": district or "city",
        "visualMap": {
            "min": 0, "max": most, "seriesIndex": 0, "left": 8, "bottom": 8, "calculable": False,
            "text": ["多", "少"],
            "inRange": {"color": ["#f1f4ef", "#8fc0a9", "#0f5d57"]}, "show": bool(shaded),
        },
        "geo": {
            "map": "jiesu", "roam": True, "label": {"show": False},
            "itemStyle": {"areaColor": "#fff", "borderColor": "#8a978f"},
            "emphasis": {"label": {"show": True}},
        },
        "series": [
            {"type": "map", "geoIndex": 0, "name": "诉求", "data": [
                {"name": name or code, "value": value, "link": link}
                for code, name, value, link in shaded if code
            ]},
            {"type": "scatter", "coordinateSystem": "geo", "name": "街道乡镇诉求", "data": [
                {"name": name, "code": code, "value": value, "link": link}
                for code, name, value, link in bubbles
            ], "itemStyle": {"color": "#b7791f", "opacity": 0.75, "borderColor": "#fff"}},
        ],
    }  # fmt: skip
