"""The store of files behind pages: what a form carries goes in, bytes go out; trouble is logged and told.

Pages have words of their own for their users; what is trouble is decided here.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import quote

from aiohttp import hdrs, web

from connectors.ports import FileMissing, StoreDown
from triage import logs
from triage.errors import NotFound, NotReady
from triage.services import attachments
from triage.web.keys import FILES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triage.services.attachments import Prepared

log = logs.get(__name__)


async def store(
    request: web.Request, files: Sequence[Prepared], *, sorry: str
) -> list[tuple[str, str | None]]:
    """Keep files, before any transaction. Gives their hashes. Raises NotReady, saying `sorry`."""
    try:
        return await attachments.store_all(request.app[FILES], files)
    except StoreDown as error:
        log.error("file_store_down", reason=str(error))  # noqa: TRY400  (no trace: nothing of ours failed)
        raise NotReady(sorry) from None


async def serve(
    request: web.Request, sha256: str, *, file_id: int, name: str, media_type: str, inline: bool = False
) -> web.Response:
    """The bytes of a file, for whoever was found to may see it. Raises NotFound, NotReady."""
    try:
        content = await asyncio.to_thread(request.app[FILES].read, sha256)
    except FileMissing as error:
        log.error("file_missing", file_id=file_id, reason=str(error))  # noqa: TRY400
        raise NotFound("附件登记了，但附件库里没有它，或内容已损坏；请联系管理员。") from None
    except StoreDown as error:
        log.error("file_store_down", file_id=file_id, reason=str(error))  # noqa: TRY400
        raise NotReady("附件库暂时无法读取，请稍后再试。") from None
    how = "inline" if inline else "attachment"
    return web.Response(
        body=content,
        content_type=media_type,
        headers={hdrs.CONTENT_DISPOSITION: f"{how}; filename*=UTF-8''{quote(name)}"},
    )
