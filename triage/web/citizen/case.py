"""查进度: a case opened by number and phone (or code), and what its sender can do with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from models import files as file_rows
from models.vocab import Move, Satisfaction, YesNo
from models.vocab_citizen import Asked
from models.vocab_files import FileOwner
from triage.errors import BadInput, NotFound, NotReady
from triage.services import attachments, limiting
from triage.services.attachments import Owner
from triage.services.citizen import cases, filing, lives_on, tracking, withdrawing
from triage.web import access, filestore
from triage.web import attachments as files
from triage.web.citizen import carried, notice, report, session
from triage.web.citizen.page import leads_to, new_key, photos, shown, size, text_of
from triage.web.keys import DEPS
from triage.web.views import Term

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import web
    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from models.files import FileRow
    from triage.services.attachments import FileLimits, Prepared, Upload
    from triage.web.citizen.words import CaseView

_SOLVED: Final = {YesNo.YES: "解决了", YesNo.NO: "没有解决"}
_NOT_KEPT: Final = "照片暂时存不进去，请过一会儿再试，或先不带照片补充。"
#: Of a 保密 case whose head is not: who handles that one learns that something was added, not what.
_ADDED_APART: Final = "补充的内容已记下。您的诉求是保密的，内容只有能看保密诉求的工作人员看得到。"
#: What was just done, told on the page it leads to.
_DONE: Final = {
    "added": "补充的内容已记下，承办单位看得到。",
    "urged": "已催办，承办单位看得到。办理时限不变。",
    "rated": "谢谢您的评价。",
    "withdrawn": "已撤诉。",
    "taken_up": "撤诉已取消，接着办理。",
    "rated_before": "您已评价过，以第一次为准。",
}
_CLOSED: Final = 403
_CONFLICT: Final = 409
_BACK: Final = "还没有提交：您写的已放回表单，请核对后再按一次；有照片的请重新选。"
_OTHER: Final = (
    "还没有提交：您又打开了另一件诉求，这一页现在是那一件。要给这一件提交，请核对后再按一次；"
    "要给原来那件，请先复制您写的，再到“查进度”重新打开原来那件。有照片的请重新选。"
)


@dataclass(frozen=True, slots=True)
class CasePage:
    """Everything the page shows; `note`: what was typed stands in its forms and has not been sent."""

    case: CaseView
    mark: str
    note: str | None
    files: tuple[FileRow, ...]
    key: str
    limits: FileLimits
    answers: tuple[Term, ...]
    choices: tuple[Term, ...]
    done: str | None
    faults: dict[str, str]
    typed: dict[str, str]
    longest: int
    takes_back: bool
    """Whether 撤诉 can still be taken back here."""


async def track(request: web.Request) -> web.Response:
    """Ask for the number and the phone."""
    return carried.asked(request, carried.NOTHING, faults={}, number="")


async def opened(request: web.Request) -> web.Response:
    """Open a case. Leads to it, or asks again with the reason.

    What was written before it closed by itself stands in its forms again, in this answer: in no address.
    """
    deps = request.app[DEPS]
    form = await request.post()
    kept = carried.of_form(form)
    number, secret = text_of(form, "number", 60), text_of(form, "secret", 60)
    faults = {}
    if not number.strip():
        faults["number"] = "请写受理编号，提交时给您的那个。"
    if not secret.strip():
        faults |= {"secret": "请写提交时留的手机号；匿名的请写查询码。"}
    if faults:
        return carried.asked(request, kept, status=400, faults=faults, number=number)
    try:
        # Counted before anything is looked up, and for good: guessing is what is counted.
        async with deps.db.writes.begin() as writing:
            await tracking.count_try(
                writing, deps, number, secret, request.remote or "", now=deps.clock.now()
            )
        async with deps.db.reads() as reading:
            appeal_id = await cases.find(reading, deps.vault, number, secret)
            appeal_id = await lives_on.now_at(reading, deps.vault, appeal_id)
            other = await _other(reading, deps.vault, kept.mark, appeal_id)
    except (cases.NotYours, limiting.TooOften) as error:
        return carried.asked(
            request, kept, status=error.status, faults={"form": error.detail}, number=number
        )  # fmt: skip
    if not kept:
        response = leads_to("/citizen/case")
    elif other:
        response = await _page(request, appeal_id, {}, kept.typed, note=_OTHER)
    else:
        response = await _page(request, appeal_id, {}, kept.typed, note=_BACK, key=kept.key)
    session.start(request, response, appeal_id)
    return response


async def case(request: web.Request) -> web.Response:
    """The case that is open. Leads to the question for number and phone when none is."""
    found = session.current(request)
    if found is None:
        return leads_to("/citizen/track")
    deps = request.app[DEPS]
    async with deps.db.reads() as reading:
        stands = await lives_on.now_at(reading, deps.vault, found.appeal_id)
    response = await _page(request, stands, {}, {})
    if stands == found.appeal_id:
        session.renew(request, response, found)
    else:
        session.start(request, response, stands, after=found)
    return response


async def _page(
    request: web.Request,
    appeal_id: int,
    faults: dict[str, str],
    typed: dict[str, str],
    *,
    status: int = 200,
    key: str = "",
    note: str | None = None,
) -> web.Response:
    deps = request.app[DEPS]
    async with deps.db.reads() as reading:
        mine = await cases.read(reading, appeal_id)
        sent = await file_rows.sent_with(reading, appeal_id)
        takes_back = (
            mine is not None
            and mine.withdrawn is not None
            and await withdrawing.possible(reading, deps, appeal_id, Move.TAKE_UP, now=deps.clock.now())
        )
    if mine is None:
        raise NotFound("没有这件诉求。")
    page = CasePage(
        case=await report.view_of(request, mine), mark=session.mark(deps.vault, appeal_id), note=note,
        files=tuple(sent), key=key or new_key(), limits=files.limits_of(request),
        answers=tuple(Term(answer.value, label) for answer, label in _SOLVED.items()),
        choices=tuple(Term(choice.value, choice.label) for choice in Satisfaction),
        done=_done(request.query.get("done", ""), apart=mine.apart), faults=faults, typed=typed,
        longest=cases.LONGEST_WORD, takes_back=takes_back,
    )  # fmt: skip
    return shown(request, "case", status=status, page=page)


def _done(what: str, *, apart: bool) -> str | None:
    return _ADDED_APART if apart and what == "added" else _DONE.get(what)


async def _closed_or_other(request: web.Request, form: Mapping[str, Any]) -> web.Response | session.Session:
    """The case that is open, when the form stands on it; else the answer: nothing is done, all of it is kept.

    Another case is open when the browser opened one in another window, or sent a report there.
    """
    found, kept = session.current(request), carried.of_form(form)
    if found is None:
        return carried.asked(request, kept, status=_CLOSED, faults={"form": carried.closed(kept)}, number="")
    deps = request.app[DEPS]
    async with deps.db.reads() as reading:
        stands = await lives_on.now_at(reading, deps.vault, found.appeal_id)
        other = await _other(reading, deps.vault, kept.mark, stands)
    if other:
        return await _page(request, stands, {}, kept.typed, status=_CONFLICT, note=_OTHER)
    return replace(found, appeal_id=stands)


async def _other(reading: AsyncSession, vault: Vault, mark: str, stands: int) -> bool:
    """Whether a form stands on another case than this, also where its own lives on as another by now."""
    if not mark or not session.is_other(vault, mark, stands):
        return False
    told = session.marked(vault, mark)
    return told is None or await lives_on.now_at(reading, vault, told) != stands


async def not_taken_up(request: web.Request, appeal_id: int, why: str, *, status: int) -> web.Response:
    """The case again, with why its 撤诉 was not taken back."""
    return await _page(request, appeal_id, {"takeup": why}, {}, status=status)


async def add(request: web.Request) -> web.Response:
    """追加: words, photos or both."""
    form = await request.post()
    found = await _closed_or_other(request, form)
    if not isinstance(found, session.Session):
        return found
    text, key = text_of(form, "text", 20_000), text_of(form, "key", 64)
    faults: dict[str, str] = {}
    made: Sequence[Prepared] = ()
    status = 400
    try:
        made = await _prepared(request, photos(form), found.appeal_id)
    except (BadInput, limiting.TooOften) as error:
        faults["files"], status = error.detail, error.status
    words = filing.clean(text) or ("补充了照片" if made else "")
    if not words and not faults:
        faults["text"] = "请写要补充的内容，或选照片。"
    if not key:
        faults["form"] = "页面已过期，请再按一次。"
    if not faults:
        try:
            await _kept(request, found.appeal_id, words, key, made)
        except BadInput as error:
            faults["text"] = error.detail
        except (limiting.TooOften, cases.TooEarly) as error:
            faults["form"], status = error.detail, error.status
        except NotReady as error:
            faults["files"], status = error.detail, error.status
        else:
            return leads_to("/citizen/case?done=added")
    return await _page(request, found.appeal_id, faults, {"text": text}, status=status, key=key)


async def _prepared(request: web.Request, given: Sequence[Upload], appeal_id: int) -> Sequence[Prepared]:
    """The photos of a form, decoded. Raises BadInput, TooOften.

    Decoding costs, also that of a form which was taken before: forms with photos are counted first, for good,
    by address and by case.
    """
    if not given:
        return ()
    deps = request.app[DEPS]
    place, settings = limiting.place_of(request.remote or ""), deps.settings
    most = {
        f"pictures:{place}": settings.citizen_reports_per_address,
        f"pictures of case:{appeal_id}": settings.citizen_adds_per_case,
    }
    async with deps.db.writes.begin() as opened:
        for who, reports in most.items():
            await limiting.count(
                opened, deps.vault, Asked.ADD, who, most=reports * report.FORMS_A_REPORT,
                now=deps.clock.now(),
            )  # fmt: skip
    return await attachments.prepare_all(given, files.limits_of(request))


async def _kept(request: web.Request, appeal_id: int, words: str, key: str, made: Sequence[Prepared]) -> None:
    """Keep an addition and its photos; nothing of one that was taken before: its key is counted once.

    Raises NotReady when the photos cannot be kept; BadInput, TooOften, TooEarly.
    """
    deps = request.app[DEPS]
    hashes = await filestore.store(request, made, sorry=_NOT_KEPT)
    async with deps.db.writes.begin() as writing:
        if await cases.add(writing, deps, appeal_id, words, key, now=deps.clock.now()):
            owner = Owner(appeal_id, FileOwner.APPEAL, filing.CITIZEN)
            await attachments.register(writing, owner, made, hashes, now=deps.clock.now())


async def urge(request: web.Request) -> web.Response:
    """催办."""
    form = await request.post()
    found = await _closed_or_other(request, form)
    if not isinstance(found, session.Session):
        return found
    deps, key = request.app[DEPS], text_of(form, "key", 64) or new_key()
    try:
        async with deps.db.writes.begin() as writing:
            await cases.urge(writing, deps, found.appeal_id, key, now=deps.clock.now())
    except (BadInput, limiting.TooOften, cases.TooEarly) as error:
        return await _page(request, found.appeal_id, {"urge": error.detail}, {}, status=error.status)
    return leads_to("/citizen/case?done=urged")


async def rate(request: web.Request) -> web.Response:
    """评价."""
    form = await request.post()
    found = await _closed_or_other(request, form)
    if not isinstance(found, session.Session):
        return found
    deps = request.app[DEPS]
    typed = {name: text_of(form, name) for name in ("solved", "satisfaction", "note")}
    answer, now = text_of(form, "answer", 20), deps.clock.now()
    try:
        async with deps.db.writes.begin() as writing:
            first = await cases.rate(writing, deps.vault, found.appeal_id, answer=answer, **typed, now=now)
    except (BadInput, cases.TooEarly) as error:
        return await _page(request, found.appeal_id, {"rate": error.detail}, typed, status=error.status)
    return leads_to(f"/citizen/case?done={'rated' if first else 'rated_before'}")


async def leave(request: web.Request) -> web.Response:
    """Close the case in this browser: others may use it."""
    del request
    response = leads_to("/citizen")
    session.end(response)
    return response


async def photo(request: web.Request) -> web.Response:
    """One's own photo. Raises NotFound."""
    return await _photo(request, thumb=False)


async def small(request: web.Request) -> web.Response:
    """One's own photo, small. Raises NotFound."""
    return await _photo(request, thumb=True)


async def _photo(request: web.Request, *, thumb: bool) -> web.Response:
    found, number = session.current(request), files.file_id(request)
    sent: list[FileRow] = []
    if found is not None:
        async with request.app[DEPS].db.reads() as reading:
            sent = await file_rows.sent_with(reading, found.appeal_id)
    return await files.answer(request, next((row for row in sent if row.id == number), None), thumb=thumb)


ROUTES: Final = (
    access.open_to_all("GET", "/citizen", report.home),
    access.open_to_all("GET", "/citizen/report", report.blank),
    access.open_to_all("POST", "/citizen/report", report.sent),
    access.open_to_all("GET", "/citizen/done", report.done),
    access.open_to_all("GET", "/citizen/privacy", notice.privacy),
    access.open_to_all("GET", "/citizen/accessibility", notice.accessibility),
    access.open_to_all("GET", "/citizen/map.svg", report.picture),
    access.open_to_all("POST", "/citizen/where", report.where),
    access.open_to_all("GET", "/citizen/track", track),
    access.open_to_all("POST", "/citizen/track", opened),
    access.open_to_all("GET", "/citizen/case", case),
    access.open_to_all("POST", "/citizen/case/add", add),
    access.open_to_all("POST", "/citizen/case/urge", urge),
    access.open_to_all("POST", "/citizen/case/rate", rate),
    access.open_to_all("POST", "/citizen/leave", leave),
    access.open_to_all("POST", "/citizen/size", size),
    access.open_to_all("GET", "/citizen/files/{file}", photo),
    access.open_to_all("GET", "/citizen/files/{file}/thumb", small),
)
