"""处理失败的诉求: what was given up after its last try, why, and the button that runs it again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

from triage import logs
from triage.clock import show
from triage.errors import BadInput
from triage.services import retrying
from triage.services.identities.showing import shown_text
from triage.web import guard
from triage.web.asking import refuse_others
from triage.web.desk import render
from triage.web.keys import CACHES, DEPS, VIEWER

if TYPE_CHECKING:
    from datetime import datetime

    from triage.services.retrying import GivenUp

log = logs.get(__name__)

PER_PAGE: Final = 50
_ID: Final = re.compile(r"[0-9]{1,18}")
_DATABASE_AWAY: Final = "当时连不上数据库。可以直接重试。"
_NOT_STORED: Final = "结果写不进数据库：有的内容不符合表的要求。请先找管理员处理。"
#: Why, in words for staff, by the class of the error; `_UNKNOWN` for all others.
_WORDS: Final = {
    "WorkerLost": "处理它的程序几次都中途退出，没能说明原因，常见于内存不足。",
    "MemoryError": "内存不足。",
    "TimeoutError": "处理超时。可以直接重试。",
    "OperationalError": _DATABASE_AWAY,
    "InterfaceError": _DATABASE_AWAY,
    "IntegrityError": _NOT_STORED,
    "DataError": _NOT_STORED,
    "NoRule": "派单目录里没有对应的有效条目。补上条目后再重试。",
    "TableError": "规则表有误。改正规则表后再重试。",
}
_UNKNOWN: Final = "识别程序出错，这条诉求没有读完。"
_UNRECORDED: Final = "原因没有记录。"


@dataclass(frozen=True, slots=True)
class Letter:
    """A given-up appeal as the page shows it; `code` is for whoever mends the fault."""

    id: int
    external_id: str | None
    source: str
    title: str | None
    text: str
    received_at: datetime
    since: datetime | None
    why: str
    code: str


@dataclass(frozen=True, slots=True)
class DeadPage:
    """Everything the page shows; `done` is the sentence after a retry."""

    letters: tuple[Letter, ...]
    done: str | None
    more: str | None
    field: str
    token: str
    as_of: str


async def dead(request: web.Request) -> web.Response:
    """处理失败的诉求. Raises BadInput naming a bad parameter."""
    refuse_others(request.query, ("after", "done"))
    deps = request.app[DEPS]
    after, done = _number(request, "after") or 0, _number(request, "done")
    async with deps.db.reads() as session:
        found = await retrying.given_up(session, request[VIEWER], after=after, limit=PER_PAGE + 1)
    shown = found[:PER_PAGE]
    token = guard.token_of(request)
    page = DeadPage(
        letters=tuple(_letter(item) for item in shown),
        done=None if done is None else _done(done),
        more=f"/desk/dead?after={shown[-1].id}" if len(found) > PER_PAGE else None,
        field=guard.FIELD,
        token=token,
        as_of=show(deps.clock.now()),
    )
    return render(request, "desk/dead.html", page=page)


async def retry(request: web.Request) -> web.Response:
    """重试: `id` is one of them, `all` is every one. Leads back to the page. Raises BadInput."""
    form = await request.post()
    everyone = form.get("all") == "1"
    ids = [str(value) for value in form.getall("id", [])]
    if everyone == bool(ids) or not all(_ID.fullmatch(value) for value in ids):
        raise BadInput("请在页面上选择要重试的诉求。")
    deps = request.app[DEPS]
    async with deps.db.writes.begin() as session:
        done = await retrying.retry(
            session,
            request[VIEWER],
            now=deps.clock.now(),
            ids=None if everyone else [int(value) for value in ids],
        )
    log.info("dead_letters_retried", appeals=done, by=request[VIEWER].login)
    # The list says how many there are: not the number from before.
    request.app[CACHES].forget_today(request[VIEWER])
    return web.Response(status=303, headers={"Location": f"/desk/dead?done={done}"})


def _letter(item: GivenUp) -> Letter:
    name = item.reason.partition(" ")[0]
    return Letter(
        id=item.id,
        external_id=item.external_id,
        source=item.source,
        title=shown_text(None, item.title) if item.title else item.title,
        text=shown_text(None, item.text),
        received_at=item.received_at,
        since=item.since,
        why=_WORDS.get(name, _UNKNOWN) if name else _UNRECORDED,
        code=item.reason,
    )


def _done(count: int) -> str:
    if not count:
        return "没有可以重试的：可能别人已经放回，或者已经成单。"
    return f"已放回 {count} 条，正在重新识别；成功后会出现在工单列表里，再次失败会回到这里。"


def _number(request: web.Request, name: str) -> int | None:
    value = request.query.get(name, "")
    if value and not _ID.fullmatch(value):
        raise BadInput(f"参数 {name} 应是数字")
    return int(value) if value else None
