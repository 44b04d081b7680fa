"""Who looks, asked once a request: the session of the cookie, or the token of a program.

The real callable behind IDENTIFY, which `access.admit` asks for everything that is not open to all. Somebody
who must do something first (show a code, change a given password, enrol an authenticator) is led there and
may do nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from aiohttp import hdrs, web

from connectors.oidc import Provider
from connectors.shared_counts import SharedCounts
from triage.errors import TriageError
from triage.services.staff import people, sessions, tokens
from triage.services.staff.rules import rule_at
from triage.services.staff.sessions import Came, Found
from triage.web.keys import DEPS
from triage.web.signin import cookies

if TYPE_CHECKING:
    from datetime import datetime

    from models.viewing import Viewer
    from triage.services.deps import Deps

SESSION: Final = web.RequestKey("session", Found)
COUNTS: Final = web.AppKey("counts", SharedCounts)
PROVIDER: Final = web.AppKey("provider", Provider)

PASSWORD_PAGE: Final = "/me/password"  # noqa: S105
CODE_PAGE: Final = "/me/code"
_API: Final = "/api/"
_BEARER: Final = "Bearer "
#: Fetched by a page without anybody doing anything: no sign of life.
_BY_ITSELF: Final = "empty"


class FirstChange(TriageError):
    """密码是别人给的，请先在网页上换成自己的。"""

    code: ClassVar[str] = "must_change"
    status: ClassVar[int] = 403


class FirstEnrol(TriageError):
    """您的角色要用动态验证码，请先在网页上启用。"""

    code: ClassVar[str] = "must_enrol"
    status: ClassVar[int] = 403


class WrongToken(TriageError):
    """接口令牌无效、已过期或已停用。"""

    code: ClassVar[str] = "wrong_token"
    status: ClassVar[int] = 401


async def identify(request: web.Request) -> Viewer | None:
    """Who looks; None: nobody. Raises WrongToken, and what says or leads to what must be done first."""
    deps = request.app[DEPS]
    now = deps.clock.now()
    return await _by_token(request, deps, now) or await _by_session(request, deps, now)


def came_from(request: web.Request) -> Came:
    """The network address and the browser of a request."""
    return Came(request.remote or "", request.headers.get(hdrs.USER_AGENT, ""))


async def session_of(request: web.Request) -> tuple[str, Found] | None:
    """The session that the browser's cookie names, whatever it still lacks."""
    deps = request.app[DEPS]
    token = cookies.session_of(request, deps.settings)
    if token is None:
        return None
    now = deps.clock.now()
    async with deps.db.reads() as session:
        found = await sessions.find(session, token, rule_at(deps.tables, now), now=now)
    return None if found is None else (token, found)


def lacks_code(found: Found) -> bool:
    """Whether the second factor is still to be shown."""
    return found.person.enrolled and not found.strong


async def _by_token(request: web.Request, deps: Deps, now: datetime) -> Viewer | None:
    given = request.headers.get(hdrs.AUTHORIZATION, "")
    if not request.path.startswith(_API) or not given.startswith(_BEARER):
        return None
    async with deps.db.reads() as session:
        found = await tokens.find(session, given.removeprefix(_BEARER).strip(), now=now)
    if found is None:
        raise WrongToken
    number, scopes, person, stale = found
    if stale:
        async with deps.db.writes.begin() as session:
            await tokens.touch(session, number, now=now)
    return people.within(people.viewer_of(deps.tables, person, now=now), scopes)


async def _by_session(request: web.Request, deps: Deps, now: datetime) -> Viewer | None:
    known = await session_of(request)
    if known is None or lacks_code(known[1]):
        return None
    found = known[1]
    viewer = people.viewer_of(deps.tables, found.person, now=now)
    if found.person.must_change:
        _first(request, PASSWORD_PAGE, FirstChange)
    elif await _must_enrol(deps, found, viewer, now):
        _first(request, CODE_PAGE, FirstEnrol)
    request[SESSION] = found
    by_itself = request.method == hdrs.METH_GET and request.headers.get("Sec-Fetch-Dest") == _BY_ITSELF
    if found.stale(now) and not by_itself:
        async with deps.db.writes.begin() as session:
            await sessions.touch(session, found.id, now=now)
    return viewer


async def _must_enrol(deps: Deps, found: Found, viewer: Viewer, now: datetime) -> bool:
    if found.strong or found.person.enrolled or not people.wants_code(deps.tables, viewer, now=now):
        return False
    if not found.person.demo:
        return True
    async with deps.db.reads() as session:
        return not await people.waived(session, found.person)


def _first(request: web.Request, page: str, error: type[TriageError]) -> None:
    """Lead a person to what must be done first; a program is told. Raises unless they are there."""
    if request.path == page:
        return
    if request.path.startswith(_API) or request.method not in {hdrs.METH_GET, hdrs.METH_HEAD}:
        raise error
    raise web.HTTPSeeOther(page)
