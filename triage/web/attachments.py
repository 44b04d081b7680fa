"""附件 on the desk: a ticket's files, one more of them, the bytes themselves; and what the citizen added.

Bytes leave only through here, for whoever may see the case; as the type that was found in them, never as
something a browser would run: no SVG, no HTML, and a PDF only as a download.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import sqlalchemy as sa
from aiohttp import hdrs, web
from aiohttp.web_request import FileField

from models import citizens, ticket_detail
from models import files as rows
from models.filters import may_see
from models.open311 import Open311Request
from models.tickets import Ticket
from models.vocab import Satisfaction, YesNo
from models.vocab_files import FileOwner
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_staff import Permission
from triage.clock import local
from triage.errors import BadInput, NotFound
from triage.rules.access import MOVERS
from triage.services import attachments, ledger
from triage.services.attachments import FileLimits, Owner, Upload
from triage.services.citizen import behind
from triage.web import access, acting, filestore, guard
from triage.web.desk import render
from triage.web.keys import DEPS, VIEWER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from aiohttp.typedefs import Handler

    from models.citizens import CitizenRating, CitizenWord
    from models.files import FileRow

FIELD: Final = "files"
_SEE_OTHER: Final = 303
_NOBODYS: Final = "没有这个附件，或您无权查看。"
_MOST_DIGITS: Final = 18
_FORM: Final = "multipart/form-data"
#: What the rest of a form may weigh.
_FORM_BYTES: Final = 256 * 1024
_ROOMY: Final = ("/desk/tickets/", "/desk/rewards/", "/api/v1/tickets/")
#: What anybody may send without signing in: files as forms carry them, nowhere else and in no other way.
_ROOMY_FOR_ALL: Final = frozenset({"/citizen/report", "/citizen/case/add"})
#: Of the desk's: an address of its own, and not what lies below it.
_ROOMY_PAGES: Final = frozenset(
    {"/desk/register", "/desk/patrol", "/api/v1/appeals", "/desk/contacts/import"}
)
#: Base64 makes four characters of three bytes.
_ENCODED: Final = 4 / 3


@dataclass(frozen=True, slots=True)
class FileView:
    """A line of the page."""

    id: int
    name: str
    owner: str
    size: str
    picture: bool
    at: Any


@dataclass(frozen=True, slots=True)
class FilesPage:
    """附件 of one ticket."""

    no: str
    title: str
    files: tuple[FileView, ...]
    may_add: bool
    token: str
    limits: FileLimits
    words: tuple[CitizenWord, ...]
    ratings: tuple[tuple[datetime, str], ...]
    error: str | None = None
    link: str | None = None
    #: Of the cases that are merged into this one and are not 保密.
    merged_files: tuple[FileView, ...] = ()
    merged_words: tuple[CitizenWord, ...] = ()
    merged_ratings: tuple[tuple[datetime, str], ...] = ()


def limits_of(request: web.Request) -> FileLimits:
    """How much is taken here."""
    s = request.app[DEPS].settings
    return FileLimits(s.upload_megabytes, s.upload_megapixels, s.upload_files)


def _carries_files(request: web.Request) -> bool:
    """Whether this address takes files, in this way."""
    if request.path in _ROOMY_FOR_ALL:
        return request.content_type == _FORM
    return request.path in _ROOMY_PAGES or request.path.startswith(_ROOMY)


@web.middleware
async def make_room(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let forms that carry files be as large as their files may be; everything else stays small."""
    if request.method == hdrs.METH_POST and _carries_files(request):
        limits = limits_of(request)
        # One file too many or too large is told beside its field; beyond that the body is not read.
        most = int((limits.files + 1) * limits.bytes * _ENCODED) + _FORM_BYTES
        if (request.content_length or 0) > most:
            raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=request.content_length or 0)
        # A clone forgets an address that was given to the one before it: whom our proxy saw (`proxy`).
        if request.remote:
            request = request.clone(client_max_size=most, remote=request.remote)
        else:
            request = request.clone(client_max_size=most)
    return await handler(request)


def uploads(form: Mapping[str, Any], *, field: str = FIELD) -> list[Upload]:
    """The files of a form. Browsers send an input that was left empty as bytes without a name.

    Raises BadInput when something else than files is in their place.
    """
    found = []
    for value in form.getall(field, []):  # type: ignore[attr-defined]
        if isinstance(value, FileField):
            found.append(Upload(value.filename or "", value.file.read()))
        elif value:
            raise BadInput("附件应以文件形式上传。")
    return found


def _some(sent: list[Upload]) -> list[Upload]:
    if not sent:
        raise BadInput("请先选择文件。")
    return sent


def file_id(request: web.Request) -> int:
    """The number in the address. Raises NotFound when it is none."""
    text = request.match_info["file"]
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise NotFound(_NOBODYS)
    return int(text)


async def answer(request: web.Request, row: FileRow | None, *, thumb: bool) -> web.Response:
    """The bytes of a file, or of its small picture. Raises NotFound, NotReady."""
    sha256 = None if row is None else row.thumb_sha256 if thumb else row.sha256
    if row is None or sha256 is None:
        raise NotFound(_NOBODYS)
    return await filestore.serve(
        request, sha256, file_id=row.id, name=row.name,
        media_type="image/jpeg" if thumb else row.media_type,
        inline=row.media_type in attachments.PICTURES,
    )  # fmt: skip


async def shown(request: web.Request) -> web.Response:
    """The file. Raises NotFound."""
    return await _answer(request, thumb=False)


async def small(request: web.Request) -> web.Response:
    """Its small picture. Raises NotFound."""
    return await _answer(request, thumb=True)


async def _answer(request: web.Request, *, thumb: bool) -> web.Response:
    async with request.app[DEPS].db.reads() as session:
        viewer, number = request[VIEWER], file_id(request)
        row = await rows.file_for(session, viewer, number) or await behind.photo(session, viewer, number)
    return await answer(request, row, thumb=thumb)


async def page(request: web.Request) -> web.Response:
    """附件 of a ticket. Raises NotFound."""
    return await _page(request, None)


async def added(request: web.Request) -> web.Response:
    """More files for a ticket: pictures and PDF. Raises NotFound."""
    deps = request.app[DEPS]
    no = request.match_info["no"]
    try:
        sent = _some(uploads(await request.post()))
        made = await attachments.prepare_all(sent, limits_of(request), pdf=True)
    except BadInput as error:
        return await _page(request, error.detail)
    hashes = await filestore.store(request, made, sorry="附件库暂时无法写入，请稍后再试。")
    on = local(deps.clock.now()).date()
    who = acting.of_cookie(deps.tables, request[VIEWER], request.cookies.get(acting.COOKIE), on=on).person(
        deps.tables
    )
    async with deps.db.writes.begin() as session:
        appeal_id = await session.scalar(
            sa.select(Ticket.appeal_id).where(Ticket.no == no, may_see(request[VIEWER]))
        )
        if appeal_id is None:
            raise NotFound("没有这张工单，或您无权查看。")
        owner = Owner(appeal_id, FileOwner.TICKET, who.actor.login)
        new = await attachments.register(session, owner, made, hashes, now=deps.clock.now())
        if new:
            ledger.write(
                session, who=request[VIEWER].login, act=LedgerAct.FILES_ADDED, now=deps.clock.now(),
                subject=ledger.Subject(SubjectKind.TICKET, no, no), detail={"files": len(new)},
            )  # fmt: skip
    return web.Response(status=_SEE_OTHER, headers={"Location": f"/desk/tickets/{quote(no)}/files"})


async def _page(request: web.Request, error: str | None) -> web.Response:
    no, token = request.match_info["no"], guard.token_of(request)
    async with request.app[DEPS].db.reads() as session:
        whole = await ticket_detail.whole_ticket(session, request[VIEWER], no)
        if whole is None:
            raise NotFound("没有这张工单，或您无权查看。")
        found = await rows.files_of_ticket(session, request[VIEWER], no)
        words, ratings = await citizens.said_of(session, request[VIEWER], no)
        merged = await behind.said(session, whole.ticket.id)
        # Open311's own address of a picture; it was refused when it held the sender's data.
        link = await session.scalar(
            sa.select(Open311Request.media_url).where(Open311Request.appeal_id == whole.appeal.id)
        )
    view = FilesPage(
        no=no,
        title=whole.ticket.title,
        files=tuple(_file(row) for row in found),
        may_add=request[VIEWER].may(*MOVERS),
        token=token,
        limits=limits_of(request),
        words=tuple(words),
        ratings=tuple((rating.at, _rated(rating)) for rating in ratings),
        error=error,
        link=link,
        merged_files=tuple(_file(row) for row in merged.files),
        merged_words=merged.words,
        merged_ratings=tuple((rating.at, _rated(rating)) for rating in merged.ratings),
    )
    response = render(request, "desk/files.html", status=400 if error else 200, page=view)
    guard.keep(response, token)
    return response


def _file(row: FileRow) -> FileView:
    return FileView(
        id=row.id,
        name=row.name,
        owner=FileOwner(row.owner).label,
        size=size_words(row.size),
        picture=row.thumb_sha256 is not None,
        at=row.at,
    )


def _rated(rating: CitizenRating) -> str:
    """`没有解决，不满意：说明`."""
    solved = "已解决" if rating.solved == YesNo.YES else "没有解决"
    told = f"{solved}，{Satisfaction(rating.satisfaction).label}"
    return f"{told}：{rating.note}" if rating.note else told


def size_words(size: int) -> str:
    """`240 KB`, `1.8 MB`."""
    return f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{max(1, round(size / 1000))} KB"  # noqa: PLR2004


ROUTES: Final = (
    access.get("/desk/tickets/{no}/files", page, needs=Permission.SEE_CASES),
    access.post("/desk/tickets/{no}/files", added, needs=MOVERS),
    access.get("/desk/files/{file}", shown, needs=Permission.SEE_CASES),
    access.get("/desk/files/{file}/thumb", small, needs=Permission.SEE_CASES),
)
