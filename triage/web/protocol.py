"""What is answered where no middleware stands: bytes that are no HTTP request.

aiohttp would log the error with its trace, which quotes the request line (people search for names), and
send it back as plain text.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web, web_server

from triage import logs
from triage.web.middlewares import HEADERS
from triage.web.problems import as_json, problem_of

if TYPE_CHECKING:
    from aiohttp.web import BaseRequest, StreamResponse

log = logs.get(__name__)

_OURS: Final = 500
_BROKEN: Final = ("error", "系统处理出错，已记录。请带上请求编号联系管理员。")
_NO_HTTP: Final = ("bad_request", "请求不是有效的 HTTP。")


class RequestHandler(web.RequestHandler):
    """aiohttp's protocol, telling its errors in our shape and logging them without their words."""

    __slots__ = ()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> StreamResponse:
        """Answer an error of the protocol. Raises ConnectionError when an answer was begun already."""
        del message  # it quotes the request
        request_id = uuid.uuid4().hex
        log.warning("request_refused", request_id=request_id, status=status, error=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer was begun already")
        code, detail = _BROKEN if exc is None or status == _OURS else _NO_HTTP
        response = as_json(problem_of(request_id, status, code, detail))
        response.headers.update(HEADERS)
        response.headers.update({hdrs.CACHE_CONTROL: "no-store", "X-Request-Id": request_id})
        response.force_close()
        return response


def install() -> None:
    """Let this process's servers use it: aiohttp offers no other way to name the class."""
    web_server.RequestHandler = RequestHandler  # type: ignore[attr-defined]
