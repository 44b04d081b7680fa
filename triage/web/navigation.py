"""The desk's sections: which exist, who may open them, and which one a page belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models.vocab_staff import Permission
from triage.web import guard
from triage.web.keys import VIEWER

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from models.viewing import Viewer


@dataclass(frozen=True, slots=True)
class Section:
    """One entry: its page, its words, one of the permissions it needs, and where its other pages stand."""

    address: str
    label: str
    needs: tuple[Permission, ...]
    below: tuple[str, ...] = ()
    also: Callable[[Viewer], bool] | None = None
    """What else is asked of who opens it."""

    def opens(self, viewer: Viewer) -> bool:
        """Whether somebody may open it and finds something there."""
        return viewer.may(*self.needs) and (self.also is None or self.also(viewer))

    def holds(self, path: str) -> int:
        """How well a page belongs here: the length of what they share; 0, not at all."""
        roots = (self.address, *self.below)
        return max((len(r) for r in roots if path == r or path.startswith(f"{r}/")), default=0)


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as a page shows it. `current`: `page` is this page, `true` a page of that section."""

    address: str
    label: str
    current: str | None


def has_own(viewer: Viewer) -> bool:
    """Whether 本单位数据 is offered: to who handles cases and sees them, for a unit. As its routes ask."""
    return viewer.may(Permission.HANDLE) and viewer.may(Permission.SEE_CASES) and bool(viewer.scope.own)


SECTIONS: Final = (
    Section("/desk", "工单", (Permission.SEE_CASES,), ("/desk/tickets", "/desk/files", "/desk/callers")),
    Section("/desk/review", "审核台", (Permission.INTAKE,)),
    Section("/desk/followup", "回访台", (Permission.FOLLOW_UP,)),
    Section("/desk/register", "登记诉求", (Permission.INTAKE,)),
    Section("/desk/handover", "交接班", (Permission.INTAKE, Permission.FOLLOW_UP)),
    Section("/desk/patrol", "巡查上报", (Permission.HANDLE,)),
    Section("/desk/map", "在办地图", (Permission.SEE_CASES,)),
    Section("/desk/due", "到期清单", (Permission.SEE_CASES,)),
    Section("/desk/contacts", "通讯录", (Permission.SEE_CASES,)),
    Section("/desk/own", "本单位数据", (Permission.HANDLE,), also=has_own),
    Section("/desk/repeats", "同一事项", (Permission.SEE_CASES,), ("/desk/compare",)),
    Section("/desk/incidents", "突发事件", (Permission.SEE_CASES,)),
    Section("/desk/bulk", "批量办理记录", (Permission.BULK,)),
    # An analyst's day begins with the trends.
    Section("/desk/trends", "态势", (Permission.TRENDS,)),
    Section("/desk/signals", "态势信号", (Permission.TRENDS,)),
    Section("/desk/topics", "专题", (Permission.TRENDS,)),
    Section("/desk/parties", "被反映对象", (Permission.TRENDS, Permission.HANDLE)),
    Section("/desk/leads", "媒体线索", (Permission.LEADS,)),
    Section(
        "/desk/rewards",
        "有奖举报",
        (
            Permission.REWARD_HANDLE,
            Permission.REWARD_REVIEW,
            Permission.REWARD_APPROVE,
            Permission.REWARD_PAY,
        ),
    ),
    Section("/desk/reports", "报告", (Permission.REPORTS,)),
    Section("/desk/calls", "吹哨与督办", (Permission.SUPERVISE, Permission.REPORTS)),
    Section("/desk/month", "三率", (Permission.REPORTS,)),
    Section("/desk/objections", "退单分析", (Permission.REPORTS,)),
    Section("/desk/notices", "外发通知", (Permission.NOTICES,)),
    Section("/desk/places", "点选词典", (Permission.CORRECT,)),
    Section("/desk/dead", "处理失败", (Permission.INTAKE,)),
    Section("/desk/sources", "来源", (Permission.SOURCES,)),
    Section("/desk/numbers", "回拨", (Permission.SOURCES,)),
    Section("/desk/staff", "账号", (Permission.STAFF,)),
    Section("/desk/audit", "审计台账", (Permission.AUDIT,)),
)


#: Whose day begins elsewhere than at their first section.
_BEGINS: Final = (
    (Permission.INTAKE, "/desk/review"),
    (Permission.HANDLE, "/desk/due"),
    (Permission.FOLLOW_UP, "/desk/followup"),
)


def links(viewer: Viewer | None, path: str) -> tuple[Link, ...]:
    """What the viewer may open, the present section marked; nothing for whoever has not signed in."""
    if viewer is None:
        return ()
    here = max(SECTIONS, key=lambda section: section.holds(path))
    found = []
    for section in SECTIONS:
        if section.opens(viewer):
            child = section is here and section.holds(path) > 0
            current = "page" if section.address == path else "true" if child else None
            found.append(Link(section.address, section.label, current))
    return tuple(found)


def links_of(request: web.Request) -> tuple[Link, ...]:
    """The same for a request."""
    return links(request.get(VIEWER), request.path)


@dataclass(frozen=True, slots=True)
class Who:
    """The person of a page's head, and what its 退出 needs."""

    name: str
    field: str
    token: str


def around(request: web.Request) -> dict[str, Any]:
    """What every page of the desk has around it: the sections, and who is signed in."""
    viewer = request.get(VIEWER)
    # Signed in, a browser has a token; without one the page offers the account's page alone.
    who = (
        Who(viewer.name or viewer.login, guard.FIELD, request.cookies.get(guard.COOKIE, ""))
        if viewer
        else None
    )
    return {"nav": links_of(request), "who": who, "home": home(viewer, request.path)}


def home(viewer: Viewer | None, path: str) -> Link:
    """Where the way back leads, as a page names it: to what this person may open, never to a refusal."""
    address = (first_page(viewer) or "/me") if viewer else "/desk"
    label = next((s.label for s in SECTIONS if s.address == address), "我的账号")
    return Link(address, "列表" if address == "/desk" else label, "page" if address == path else None)


def begins(viewer: Viewer) -> str | None:
    """Where somebody's day begins: at what is to be done next, not at the list of everything."""
    return next((address for need, address in _BEGINS if viewer.may(need)), first_page(viewer))


def first_page(viewer: Viewer) -> str | None:
    """The first section somebody may open: there the way back leads."""
    return next((section.address for section in SECTIONS if section.opens(viewer)), None)
