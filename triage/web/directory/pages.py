"""/desk/contacts: 单位通讯录, the units one reads with their numbers; one unit's page, where it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from aiohttp import hdrs, web

from models import directory as rows
from models.vocab_directory import DirectoryField
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_staff import Permission
from triage import logs
from triage.clock import local, show
from triage.errors import BadInput, NotFound, TriageError
from triage.rules import directory as rules
from triage.rules.directory import DirectoryRefused
from triage.services import directory, directory_files, ledger
from triage.services.directory import DirectoryChanged
from triage.web import access, attachments, guard
from triage.web.asking import number_of, refuse_others
from triage.web.desk import render
from triage.web.directory.views import DirectoryItem, item
from triage.web.keys import DEPS, NAMES, VIEWER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from models.directory import DirectoryEntry
    from triage.rules.rows import UnitRow
    from triage.services.directory_files import Imported

log = logs.get(__name__)

PER_PAGE: Final = 50
MOST_PAGES: Final = 100
LONGEST: Final = 40
ASKED: Final = ("q", "district", "todo", "page")
#: 通讯录 is written by a unit's own people, and by who keeps where units are told things.
WRITERS: Final = (Permission.HANDLE, Permission.NOTICES)
MAY_EXPORT: Final = access.every(Permission.SEE_CASES, Permission.EXPORT)
_MOST_NUMBER: Final = 10**18
_DONE: Final = {
    "saved": "已保存，并记为今天核对过。",
    "same": "没有改动，已记为今天核对过。",
    "confirmed": "已记为今天核对过。",
    "back": "已改回那一版，并记为今天核对过。",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list is narrowed to: part of a name, a district, those that are still to be done."""

    q: str
    district: str
    todo: bool
    page: int

    def address(self, path: str = "/desk/contacts", **more: str) -> str:
        """The address of this list."""
        given = {"q": self.q, "district": self.district, "todo": "1" if self.todo else "", **more}
        query = urlencode({name: value for name, value in given.items() if value})
        return f"{path}?{query}" if query else path


@dataclass(frozen=True, slots=True)
class Choice:
    """A district to choose."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class ListPage:
    """Everything the list shows."""

    lines: tuple[DirectoryItem, ...]
    count: int
    todo: int
    asked: Asked
    districts: tuple[Choice, ...]
    before: str | None
    after: str | None
    export: str | None
    own: frozenset[str]
    may_import: bool
    most: int
    fault: str | None
    imported: Imported | None
    token: str


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field of the form, with what is wrong with it."""

    name: str
    label: str
    value: str
    longest: int
    fault: str


@dataclass(frozen=True, slots=True)
class Version:
    """A version of before: when, by whom, what it said, and whether it can be put back."""

    id: int
    valid_from: str
    valid_to: str
    by: str
    said: tuple[tuple[str, str], ...]
    now: bool


@dataclass(frozen=True, slots=True)
class UnitPage:
    """Everything a unit's page shows."""

    item: DirectoryItem
    fields: tuple[FieldView, ...]
    seen: int | None
    confirmed_by: str
    versions: tuple[Version, ...]
    done: str | None
    fault: str | None
    days: int
    token: str


@dataclass(frozen=True, slots=True)
class Tried:
    """A form that was not taken: what was typed, and why."""

    said: Mapping[DirectoryField, str]
    error: TriageError


async def page(request: web.Request) -> web.Response:
    """GET /desk/contacts. Raises BadInput."""
    refuse_others(request.query, ASKED)
    return await _list(request, read(request), None, None)


def read(request: web.Request) -> Asked:
    """What is asked for, by page, file and JSON alike. Raises BadInput."""
    query = request.query
    district = query.get("district", "")
    if district and district not in request.app[NAMES].districts:
        raise BadInput("参数 district 不是区编码")
    todo = query.get("todo", "")
    if todo not in {"", "0", "1"}:
        raise BadInput("参数 todo 只能是 0 或 1")
    number = number_of(query.get("page", "1"), most=MOST_PAGES)
    if not number:
        raise BadInput("参数 page 应是从 1 起的页码")
    return Asked(query.get("q", "").replace("\0", "").strip()[:LONGEST], district, todo == "1", number)


def chosen(units: Sequence[UnitRow], asked: Asked) -> list[UnitRow]:
    """Of the units somebody reads those that are asked for."""
    return [
        unit
        for unit in units
        if asked.q in unit.name and (not asked.district or unit.district_code == asked.district)
    ]


async def _list(
    request: web.Request, asked: Asked, fault: TriageError | None, imported: Imported | None
) -> web.Response:
    deps, viewer = request.app[DEPS], request[VIEWER]
    now, names = deps.clock.now(), request.app[NAMES]
    async with deps.db.reads() as session:
        readable = await directory.visible(session, deps.tables, viewer, on=_today(request))
        units = chosen(readable, asked)
        stand = await rows.in_force(session)
    items = [item(unit.code, unit.name, stand.get(unit.code), viewer, now=now) for unit in units]
    to_do = [one for one in items if not one.filled or one.stale]
    shown = to_do if asked.todo else items
    pages = max(1, -(-len(shown) // PER_PAGE))
    here = min(asked.page, pages)
    token = guard.token_of(request)
    response = render(
        request,
        "directory/list.html",
        status=fault.status if fault else 200,
        page=ListPage(
            lines=tuple(shown[(here - 1) * PER_PAGE : here * PER_PAGE]),
            count=len(shown),
            todo=len(to_do),
            asked=asked,
            districts=tuple(
                Choice(code, name, code == asked.district)
                for code, name in names.districts.items()
                if any(unit.district_code == code for unit in readable)
            ),
            before=asked.address(page=str(here - 1)) if here > 1 else None,
            after=asked.address(page=str(here + 1)) if here < pages else None,
            export=asked.address("/desk/contacts.csv") if MAY_EXPORT.met_by(viewer) else None,
            own=viewer.scope.own,
            may_import=any(one.may_write for one in items) and viewer.may(Permission.NOTICES),
            most=directory_files.MOST_LINES,
            fault=fault.detail if fault else None,
            imported=imported,
            token=token,
        ),
    )
    guard.keep(response, token)
    return response


def _today(request: web.Request) -> date:
    return local(request.app[DEPS].clock.now()).date()


async def exported(request: web.Request) -> web.Response:
    """GET /desk/contacts.csv: those of the list, the unfilled among them; written into the ledger."""
    refuse_others(request.query, ASKED)
    deps, asked, now = request.app[DEPS], read(request), request.app[DEPS].clock.now()
    async with deps.db.writes.begin() as session:
        units = chosen(
            await directory.visible(session, deps.tables, request[VIEWER], on=_today(request)), asked
        )
        if asked.todo:
            stand = await rows.in_force(session)
            units = [
                u for u in units if u.code not in stand or rules.overdue(stand[u.code].confirmed_at, now)
            ]
        body = await directory_files.table(session, units)
        ledger.write(
            session, who=request[VIEWER].login, act=LedgerAct.EXPORTED, now=now,
            subject=ledger.Subject(SubjectKind.DIRECTORY, "contacts.csv"), detail={"rows": len(units)},
        )  # fmt: skip
    return web.Response(
        body=body, content_type="text/csv", charset="utf-8",
        headers={hdrs.CONTENT_DISPOSITION: 'attachment; filename="contacts.csv"'},
    )  # fmt: skip


async def imported(request: web.Request) -> web.Response:
    """POST: the good lines of a file are kept, the bad ones named."""
    deps, viewer = request.app[DEPS], request[VIEWER]
    everything = Asked("", "", todo=False, page=1)
    try:
        form = await request.post()
        files = attachments.uploads(form, field="file")
        if len(files) != 1 or not files[0].content:
            raise BadInput("请先选一个 CSV 文件。")  # noqa: TRY301
        if len(files[0].content) > directory_files.MOST_BYTES:
            raise BadInput("文件太大：一次最多 2 MB。")  # noqa: TRY301
        text = directory_files.text_of(files[0].content)
        found = directory_files.read(text, deps.tables, on=_today(request))
    except BadInput as error:
        return await _list(request, everything, error, None)
    made = await directory_files.store(deps.db, viewer, found, now=deps.clock.now())
    log.info("directory_imported", saved=made.saved, faults=len(made.faults), by=viewer.login)
    return await _list(request, everything, None, made)


async def one(request: web.Request) -> web.Response:
    """GET /desk/contacts/{unit}. Raises NotFound."""
    refuse_others(request.query, ("done",))
    return await _unit_page(request, None)


async def _readable(request: web.Request) -> UnitRow:
    """The unit of the address, for who reads its entry; to others there is none. Raises NotFound."""
    deps, viewer = request.app[DEPS], request[VIEWER]
    unit = deps.tables.units.get(request.match_info["unit"])
    if unit is not None and rules.reads(deps.tables, viewer, unit):
        return unit
    async with deps.db.reads() as session:
        units = await directory.visible(session, deps.tables, viewer, on=_today(request))
    if unit is None or unit not in units:
        raise NotFound(
            "没有这个单位，或您看不到它的通讯录：本单位、本区的，和您有同一张未结工单的，才看得到。"
        )
    return unit


async def _unit_page(request: web.Request, tried: Tried | None) -> web.Response:
    deps, viewer = request.app[DEPS], request[VIEWER]
    unit = await _readable(request)
    async with deps.db.reads() as session:
        stand = (await rows.in_force(session, [unit.code])).get(unit.code)
        # Who was there before is for those who keep it.
        old = await rows.versions(session, unit.code) if rules.may_write(viewer, unit.code) else []
    token = guard.token_of(request)
    response = render(
        request,
        "directory/unit.html",
        status=tried.error.status if tried else 200,
        page=UnitPage(
            item=item(unit.code, unit.name, stand, viewer, now=deps.clock.now()),
            fields=_fields(tried.said if tried else directory.said_by(stand), tried),
            seen=stand.id if stand else None,
            confirmed_by=stand.confirmed_by if stand else "",
            versions=tuple(_version(row) for row in old),
            done=_DONE.get(request.query.get("done", "")),
            fault=tried.error.detail if tried else None,
            days=rules.CONFIRM_EVERY.days,
            token=token,
        ),
    )
    guard.keep(response, token)
    return response


def _fields(said: Mapping[DirectoryField, str], tried: Tried | None) -> tuple[FieldView, ...]:
    faults = tried.error.faults if tried and isinstance(tried.error, DirectoryRefused) else {}
    return tuple(
        FieldView(
            field.value, field.label, said.get(field, ""), rules.LONGEST[field], faults.get(field, ""),
        )
        for field in DirectoryField
    )  # fmt: skip


def _version(row: DirectoryEntry) -> Version:
    said = directory.said_by(row)
    return Version(
        row.id, show(row.valid_from), show(row.valid_to) if row.valid_to else "现在", row.set_by,
        tuple((field.label, said[field]) for field in DirectoryField if said[field]), row.valid_to is None,
    )  # fmt: skip


async def saved(request: web.Request) -> web.Response:
    """POST /desk/contacts/{unit}: 保存, 核对无误, 改回这一版. Raises NotYours, NotFound."""
    form, deps, viewer = await request.post(), request.app[DEPS], request[VIEWER]
    unit = (await _readable(request)).code
    said = {field: str(form.get(field.value, "")) for field in DirectoryField}
    now, do = deps.clock.now(), str(form.get("do", "save"))
    seen, version = _id(form.get("seen")), _id(form.get("version"))
    told = {"save": "saved", "confirm": "confirmed", "back": "back"}.get(do)
    if told is None or (do == "back" and version is None):
        raise BadInput("表单不完整，请刷新页面再提交")
    try:
        async with deps.db.writes.begin() as session:
            if do == "confirm":
                made = await directory.confirm(session, viewer, unit, seen=seen, now=now)
            elif version is not None:
                made = await directory.put_back(session, viewer, unit, version, seen=seen, now=now)
            else:
                made = await directory.save(session, viewer, unit, said, seen=seen, now=now)
    except (DirectoryRefused, DirectoryChanged) as error:
        async with deps.db.reads() as session:
            stand = (await rows.in_force(session, [unit])).get(unit)
        return await _unit_page(request, Tried(said if do == "save" else directory.said_by(stand), error))
    log.info("directory_saved", unit=unit, same=made.same, by=viewer.login)
    done = "same" if do == "save" and made.same and not made.repeated else told
    return web.Response(status=303, headers={hdrs.LOCATION: f"/desk/contacts/{unit}?done={done}"})


def _id(value: object) -> int | None:
    """A version's number as the form has it; None: none. Raises BadInput."""
    if value in {None, ""}:
        return None
    found = number_of(value, most=_MOST_NUMBER)
    if found is None:
        raise BadInput("表单不完整，请刷新页面再提交")
    return found


ROUTES: Final = (
    access.get("/desk/contacts", page, needs=Permission.SEE_CASES),
    access.file("/desk/contacts.csv", exported, needs=MAY_EXPORT),
    access.post(
        "/desk/contacts/import", imported, needs=access.every(Permission.SEE_CASES, Permission.NOTICES)
    ),
    access.get("/desk/contacts/{unit}", one, needs=Permission.SEE_CASES),
    access.post("/desk/contacts/{unit}", saved, needs=WRITERS),
)
