"""来电查件 on the desk: a box for the number, and its cases as the answer to that form.

No address leads to an answer and nothing keeps it: the number stands in no link, log or history. Without a
script too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from models.vocab_staff import Permission
from triage.errors import BadInput
from triage.services import callers
from triage.services.limiting import TooOften
from triage.web import access
from triage.web.asking import refuse_others
from triage.web.callers import api, views
from triage.web.desk import MAY_CALLERS, render
from triage.web.keys import DEPS, NAMES, VIEWER

if TYPE_CHECKING:
    from aiohttp import web

    from triage.web.callers.views import CallerCases

PAGE: Final = "/desk/callers"
#: So much of what was typed stands in the box again; longer ones are no phones.
_KEPT: Final = 200


@dataclass(frozen=True, slots=True)
class CallerPage:
    """The box, and what was found; `cases` None: nothing was asked yet, or it was refused."""

    phone: str = field(default="", repr=False)
    cases: CallerCases | None = None
    fault: str | None = None
    may_register: bool = False


async def blank(request: web.Request) -> web.Response:
    """GET /desk/callers: the box alone. Raises BadInput: a number has no place in an address."""
    refuse_others(request.query, ())
    return render(request, "callers/found.html", page=CallerPage())


async def found(request: web.Request) -> web.Response:
    """POST /desk/callers: the cases of the number, or why there are none to be shown."""
    value = (await request.post()).get("phone")
    typed = value.strip()[:_KEPT] if isinstance(value, str) else ""
    cases = fault = None
    status = 200
    try:
        cases = views.view(await callers.look(request.app[DEPS], request[VIEWER], typed), request.app[NAMES])
    except (BadInput, TooOften) as error:
        fault, status = error.detail if typed else "请写来电号码。", error.status
    page = CallerPage(typed, cases, fault, may_register=request[VIEWER].may(Permission.INTAKE))
    return render(request, "callers/found.html", status=status, page=page)


ROUTES: Final = (
    access.get(PAGE, blank, needs=MAY_CALLERS),
    access.post(PAGE, found, needs=MAY_CALLERS),
    *api.ROUTES,
)
