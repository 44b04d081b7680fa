"""Who may open which address: every route says it where it is made, or the application does not start.

    ROUTES = (
        access.get("/desk/x", page, needs=Permission.SEE_CASES),
        access.post("/desk/x", changed, needs=(Permission.INTAKE, Permission.SUPERVISE)),  # one is enough
        access.get("/desk/x.csv", exported, needs=access.every(Permission.SEE_CASES, Permission.EXPORT)),
        access.get("/account", account, needs=access.SIGNED_IN),
        access.open_to_all("GET", "/login", login),
    )

`install` puts them into the application and refuses what is not declared. `admit` asks the application's
IDENTIFY who looks, and refuses before anything of the request is read: 401 (a page leads to /login) without a
person, 403 without the permission. What is open to all is not asked who looks. Which case may be seen is not
said here: that is `models.filters.may_see`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import quote, urlsplit

from aiohttp import hdrs, web

from triage.errors import TriageError
from triage.web.keys import DECLARED, IDENTIFY, VIEWER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp.typedefs import Handler

    from models.viewing import Viewer
    from models.vocab_staff import Permission

LOGIN: Final = "/login"
HOME: Final = "/desk"
_LONGEST_NEXT: Final = 300
_PAGES: Final = ("/desk", "/me")


class NotSignedIn(TriageError):
    """请先登录。"""

    code: ClassVar[str] = "not_signed_in"
    status: ClassVar[int] = 401


class NotAllowed(TriageError):
    """您的角色没有这项权限；如工作需要，请联系本单位的系统管理员。"""

    code: ClassVar[str] = "not_allowed"
    status: ClassVar[int] = 403


class Undeclared(TypeError):
    """A route without a declaration of who may open it."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a route asks for: nothing (`open`), a person, one of the permissions, or each of some."""

    any_of: tuple[Permission, ...] = ()
    open: bool = False
    all_of: tuple[Permission, ...] = ()

    def met_by(self, viewer: Viewer | None) -> bool:
        """Whether the viewer may open it."""
        if self.open or viewer is None:
            return self.open
        one = not self.any_of or viewer.may(*self.any_of)
        return one and all(viewer.may(each) for each in self.all_of)


OPEN: Final = Need(open=True)
SIGNED_IN: Final = Need()


def every(*permissions: Permission) -> Need:
    """Each of these permissions."""
    return Need(all_of=permissions)


@dataclass(frozen=True, slots=True)
class Declared:
    """A route and what it asks for."""

    route: web.RouteDef
    need: Need


def get(path: str, handler: Handler, *, needs: Permission | tuple[Permission, ...] | Need) -> Declared:
    """A GET route (HEAD as well)."""
    return Declared(web.get(path, handler), _need(needs))


def file(path: str, handler: Handler, *, needs: Permission | tuple[Permission, ...] | Need) -> Declared:
    """A GET route that makes a file and writes down who took it: by HEAD it is neither made nor taken.

    Whether there is such a file is not told by HEAD then, only that one may ask.
    """

    @wraps(handler)
    async def given(request: web.Request) -> web.StreamResponse:
        if request.method == hdrs.METH_HEAD:
            return web.Response(headers={hdrs.CACHE_CONTROL: "no-store"})
        return await handler(request)

    return Declared(web.get(path, given), _need(needs))


def post(path: str, handler: Handler, *, needs: Permission | tuple[Permission, ...] | Need) -> Declared:
    """A POST route."""
    return Declared(web.post(path, handler), _need(needs))


def put(path: str, handler: Handler, *, needs: Permission | tuple[Permission, ...] | Need) -> Declared:
    """A PUT route."""
    return Declared(web.put(path, handler), _need(needs))


def patch(path: str, handler: Handler, *, needs: Permission | tuple[Permission, ...] | Need) -> Declared:
    """A PATCH route."""
    return Declared(web.patch(path, handler), _need(needs))


def delete(path: str, handler: Handler, *, needs: Permission | tuple[Permission, ...] | Need) -> Declared:
    """A DELETE route."""
    return Declared(web.delete(path, handler), _need(needs))


def open_to_all(method: str, path: str, handler: Handler) -> Declared:
    """A route for anyone: citizens, other systems with a signature of their own, probes, the login page."""
    route = web.get(path, handler) if method == hdrs.METH_GET else web.route(method, path, handler)
    return Declared(route, OPEN)


def _need(needs: Permission | tuple[Permission, ...] | Need) -> Need:
    if isinstance(needs, Need):
        return needs
    return Need(needs if isinstance(needs, tuple) else (needs,))


def install(app: web.Application, routes: Iterable[Declared]) -> None:
    """Put the routes into the application. Raises Undeclared when one says not who may open it."""
    declared: dict[tuple[str, str], Need] = {}
    for item in routes:
        if not isinstance(item, Declared):
            raise Undeclared(f"{item}: say who may open it, with triage.web.access")
        for route in item.route.register(app.router):
            declared[key_of(route)] = item.need
    app[DECLARED] = declared
    check(app)


def check(app: web.Application) -> None:
    """Raises Undeclared when the application has a route that nobody declared."""
    for route in app.router.routes():
        if key_of(route) not in app[DECLARED]:
            raise Undeclared(f"{route.method} {key_of(route)[1]}: who may open it?")


def key_of(route: web.AbstractRoute) -> tuple[str, str]:
    """A route by its method and the pattern of its address; HEAD stands with GET."""
    resource = route.resource
    path = resource.canonical if resource is not None else ""
    return (hdrs.METH_GET if route.method == hdrs.METH_HEAD else route.method, path)


@web.middleware
async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say who looks, and let in whoever the route is for. Raises NotSignedIn, NotAllowed."""
    missing = request.match_info.http_exception is not None
    need = OPEN if missing else request.app[DECLARED][key_of(request.match_info.route)]
    if need.open and not (missing and _is_page(request.path)):
        return await handler(request)
    viewer = await request.app[IDENTIFY](request)
    if viewer is not None:
        request[VIEWER] = viewer
    if need.met_by(viewer):
        return await handler(request)
    if viewer is not None:
        raise NotAllowed
    if _is_page(request.path):
        return web.Response(status=303, headers={hdrs.LOCATION: _login_for(request)})
    raise NotSignedIn


def _is_page(path: str) -> bool:
    return path == "/" or any(path == page or path.startswith(f"{page}/") for page in _PAGES)


def _login_for(request: web.Request) -> str:
    """The login page, which leads back to what was asked for: reading only, a form is filled in again."""
    wanted = request.path_qs if request.method in {hdrs.METH_GET, hdrs.METH_HEAD} else HOME
    if len(wanted) > _LONGEST_NEXT:
        wanted = request.path
    return LOGIN if safe_next(wanted) in {HOME, "/"} else f"{LOGIN}?next={quote(wanted, safe='/')}"


def safe_next(text: str | None) -> str:
    """Where to go after signing in: a page of this desk, else its home. Nobody is led elsewhere."""
    wanted = text or ""
    parts = urlsplit(wanted) if wanted.isprintable() and "\\" not in wanted else None
    if parts is None or parts.scheme or parts.netloc or not _is_page(parts.path) or "//" in parts.path:
        return HOME
    return HOME if ".." in parts.path.split("/") else wanted
