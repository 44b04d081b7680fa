"""Errors as they are told: problem+json for programs, a plain Chinese page for people. One shape each."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import orjson
from aiohttp import hdrs, web
from yarl import URL

from triage.web import navigation, sizes
from triage.web.keys import REQUEST_ID, TEMPLATES
from triage.web.open311 import documents
from triage.web.views import Problem

if TYPE_CHECKING:
    from aiohttp.web import Request

CITIZEN: Final = "/citizen"
#: Where people look, not programs.
PAGES: Final = ("/desk", "/me", "/login", "/logout")
#: Where programs look: they are answered in JSON whatever they say they accept.
PROGRAMS: Final = ("/api", "/hooks")
CONTENT_TYPE: Final = "application/problem+json"

_TITLES: Final = {
    400: "请求有误",
    401: "身份不明",
    403: "已拒绝",
    404: "没有找到",
    405: "不支持的操作",
    409: "内容已有变化",
    413: "内容过大",
    415: "内容格式不对",
    421: "访问的地址不对",
    422: "这一步不能做",
    429: "太频繁了",
    503: "暂时无法服务",
}


def problem_response(request: Request, status: int, code: str, detail: str) -> web.Response:
    """The answer for an error: JSON for programs, probes and files, a page for people, Open311's list."""
    # A word of the request may stand in it, with half a character that no answer can hold.
    detail = detail.encode("utf-8", "replace").decode()
    if request.path.startswith(documents.BASE):
        return documents.refusal(request.path, status, detail)
    problem = problem_of(request[REQUEST_ID], status, code, detail)
    if request.path.startswith(CITIZEN) or _mistyped(request):
        page = request.app[TEMPLATES].get_template("citizen/error.html").render(problem=problem)
        return web.Response(text=page, status=status, content_type="text/html")
    if request.path.startswith(PAGES) or request.path == "/":
        page = (
            request.app[TEMPLATES]
            .get_template("error.html")
            .render(
                problem=problem,
                back=_sent_from(request),
                large=sizes.large(request),
                keys_off=sizes.keys_off(request),
                **navigation.around(request),
            )
        )
        return web.Response(text=page, status=status, content_type="text/html")
    return as_json(problem)


def _mistyped(request: Request) -> bool:
    """Whether a person's browser asked for what is no page of the desk: public pages, unknown addresses."""
    asked = "text/html" in request.headers.get(hdrs.ACCEPT, "")
    return asked and request.path != "/" and not request.path.startswith((*PAGES, *PROGRAMS))


def _sent_from(request: Request) -> str | None:
    """The page of ours whose form was refused: what was typed there is still wanted."""
    try:
        came = URL(request.headers.get(hdrs.REFERER, ""))
    except ValueError:
        return None
    ours = came.raw_authority == request.headers.get(hdrs.HOST) and came.path.startswith(PAGES)
    return came.raw_path_qs if ours and request.method == hdrs.METH_POST else None


def problem_of(request_id: str, status: int, code: str, detail: str) -> Problem:
    """An error with its type and title."""
    return Problem(
        type=f"urn:jiesu:problem:{code}",
        title=_TITLES.get(status, HTTPStatus(status).phrase if status < 500 else "系统出错"),  # noqa: PLR2004
        status=status,
        code=code,
        detail=detail,
        request_id=request_id,
    )


def as_json(problem: Problem) -> web.Response:
    """A problem for programs."""
    return web.Response(body=orjson.dumps(problem), status=problem.status, content_type=CONTENT_TYPE)
