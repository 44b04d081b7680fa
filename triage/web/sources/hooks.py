"""POST /hooks/hotline/{source}: what a platform pushes. Signed by the sender; errors as problem+json."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import orjson
from aiohttp import web

from triage.errors import TriageError
from triage.services.hotline import pushing
from triage.web import access
from triage.web.keys import DEPS

if TYPE_CHECKING:
    from triage.services.hotline.taking import Taken

#: More than the desk's forms may hold: an order has up to some thousand characters, a push many orders.
MOST_BYTES: Final = 4 << 20
_CHUNK: Final = 1 << 16


class TooLarge(TriageError):
    """推送的内容过大，请分几次发。"""

    code: ClassVar[str] = "too_large"
    status: ClassVar[int] = 413


async def pushed(request: web.Request) -> web.Response:
    """Take in a push. Raises TooLarge, BadInput, NotGenuine, NotReady."""
    body = await _body(request)
    taken = await pushing.receive(request.app[DEPS], request.match_info["source"], request.headers, body)
    return web.Response(body=orjson.dumps(_answer(taken)), content_type="application/json", charset="utf-8")


async def _body(request: web.Request) -> bytes:
    """The raw body, as it was signed. Raises TooLarge before more of it is read."""
    if (request.content_length or 0) > MOST_BYTES:
        raise TooLarge
    held = bytearray()
    async for chunk in request.content.iter_chunked(_CHUNK):
        held += chunk
        if len(held) > MOST_BYTES:
            raise TooLarge
    return bytes(held)


def _answer(taken: Taken) -> dict[str, object]:
    return {
        "stored": taken.stored,
        "repeated": taken.repeated,
        "passed": taken.passed,
        "changed": list(taken.changed),
        "refused": [{"orderNum": number, "reason": reason} for number, reason in taken.refused],
    }


ROUTES: Final = (access.open_to_all("POST", "/hooks/hotline/{source}", pushed),)
