"""/login, /logout: the password, the code, and the way over the unified provider."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from connectors.oidc import ProviderAway, ProviderRefused
from models.vocab_signin import Way
from triage.errors import NotFound, TriageError
from triage.services.limiting import TooOften
from triage.services.staff import limits, provider, signing_in
from triage.services.staff.codes import WrongCode
from triage.services.staff.rules import rule_at
from triage.services.staff.sessions import Over
from triage.services.staff.signing_in import Refused
from triage.web import access, guard
from triage.web.keys import DEPS
from triage.web.signin import cookies
from triage.web.signin.identify import COUNTS, PROVIDER, came_from, lacks_code, session_of
from triage.web.signin.showing import answer, texts, to
from triage.web.signin.views import CodeAskPage, LoginPage

if TYPE_CHECKING:
    from aiohttp import web

    from triage.services.staff.signing_in import SignedIn

LOGIN: Final = "/login"
CODE: Final = "/login/code"
BACK: Final = "/login/provider/back"
_SAID: Final = {
    "out": "已退出。",
    "changed": "密码已更换，请用新密码登录。",
    "over": "登录已过期，请重新登录。",
}


async def page(request: web.Request) -> web.Response:
    """登录."""
    known = await session_of(request)
    wanted = request.query.get("next")
    if known is not None:
        return _after_password(wanted) if lacks_code(known[1]) else to(_landing(wanted))
    return _page(request, next_=wanted, said=_SAID.get(request.query.get("said", "")))


async def entered(request: web.Request) -> web.Response:
    """The password was sent."""
    deps, form = request.app[DEPS], await texts(request)
    login, wanted = form.get("login", ""), form.get("next")
    try:
        done = await signing_in.by_password(
            deps, request.app[COUNTS], login, form.get("password", ""), came=came_from(request),
            before=cookies.session_of(request, deps.settings), now=deps.clock.now(),
        )  # fmt: skip
    except (Refused, TooOften) as fault:
        return _page(request, login=login, next_=wanted, fault=fault)
    return _signed_in(request, done, wanted)


async def code_page(request: web.Request) -> web.Response:
    """登录第二步."""
    known = await session_of(request)
    if known is None:
        return to(f"{LOGIN}?said=over")
    wanted = request.query.get("next")
    return _code_page(request, wanted) if lacks_code(known[1]) else to(_landing(wanted))


async def code_entered(request: web.Request) -> web.Response:
    """The code was sent."""
    deps, form = request.app[DEPS], await texts(request)
    known = await session_of(request)
    if known is None:
        return to(f"{LOGIN}?said=over")
    token, found = known
    if not lacks_code(found):
        return to(_landing(form.get("next")))
    try:
        done = await signing_in.by_code(
            deps, found, token, form.get("code", "")[:40], came=came_from(request), now=deps.clock.now()
        )
    except Over:
        return to(f"{LOGIN}?said=over")
    except (Refused, WrongCode) as fault:
        return _code_page(request, form.get("next"), fault=fault)
    return _signed_in(request, done, form.get("next"))


async def to_provider(request: web.Request) -> web.Response:
    """To the unified provider. Raises NotFound when there is none."""
    deps = request.app[DEPS]
    if PROVIDER not in request.app:
        raise NotFound("没有启用统一认证。")
    now = deps.clock.now()
    try:
        # Each leaves a row until it is back, and nobody is asked anything before.
        await limits.ask(
            deps, request.app[COUNTS], request.remote or "",
            most=rule_at(deps.tables, now).attempts_per_address, now=now,
        )  # fmt: skip
        sent = await provider.begin(
            deps, request.app[PROVIDER], back=_back(request), goes_to=_safe(request.query.get("next")),
            now=now,
        )  # fmt: skip
    except (provider.ProviderUnreachable, TooOften) as fault:
        return _page(request, next_=request.query.get("next"), fault=fault)
    response = to(sent.address)
    cookies.keep_provider(response, deps.settings, sent.keeps)
    return response


async def from_provider(request: web.Request) -> web.Response:
    """Back from the unified provider. Raises NotFound when there is none."""
    deps, now = request.app[DEPS], request.app[DEPS].clock.now()
    if PROVIDER not in request.app:
        raise NotFound("没有启用统一认证。")
    keeps = cookies.provider_of(request, deps.settings)
    try:
        if keeps is None:
            raise provider.ProviderFailed
        back = await provider.finish(
            deps, request.app[PROVIDER], keeps=keeps, state=request.query.get("state", ""),
            code=request.query.get("code", ""), back=_back(request), now=now,
        )  # fmt: skip
        done = await signing_in.by_provider(
            deps, back.staff_id, back.login, came=came_from(request),
            before=cookies.session_of(request, deps.settings), now=now,
        )  # fmt: skip
    except TriageError as fault:
        response = _page(request, fault=fault)
    else:
        response = _signed_in(request, done, back.goes_to)
    cookies.drop_provider(response, deps.settings)
    return response


async def out(request: web.Request) -> web.Response:
    """退出. Who came by the provider is told how to end that too."""
    deps = request.app[DEPS]
    known = await session_of(request)
    end = None
    if known is not None:
        token, found = known
        await signing_in.sign_out(deps, token, login=found.person.login, now=deps.clock.now())
        if found.way == Way.PROVIDER.value and PROVIDER in request.app:
            end = await _end(request)
    response = _page(request, said=_SAID["out"], end=end) if end else to(f"{LOGIN}?said=out")
    cookies.drop_session(response, deps.settings)
    return response


async def _end(request: web.Request) -> str | None:
    """The provider's own way out; none when it does not answer: here the session is over all the same."""
    back = _back(request).removesuffix(BACK) + LOGIN
    try:
        return await request.app[PROVIDER].end_address(back=back)
    except (ProviderAway, ProviderRefused):
        return None


def _signed_in(request: web.Request, done: SignedIn, wanted: str | None) -> web.Response:
    deps = request.app[DEPS]
    response = _after_password(wanted) if done.wants_code else to(_landing(wanted))
    cookies.keep_session(response, deps.settings, done.token)
    # Nothing that was known before signing in is worth anything after it.
    guard.keep(response, secrets.token_urlsafe(32))
    return response


def _after_password(wanted: str | None) -> web.Response:
    next_ = _safe(wanted)
    return to(CODE if next_ == access.HOME else f"{CODE}?next={quote(next_, safe='/')}")


def _landing(wanted: str | None) -> str:
    """The page that was asked for, else the one that somebody's day begins with."""
    next_ = _safe(wanted)
    return "/" if next_ == access.HOME else next_


def _safe(wanted: str | None) -> str:
    return access.safe_next(wanted)


def _back(request: web.Request) -> str:
    """Our own address that the provider sends browsers back to: as others know us, not as a header says."""
    settings = request.app[DEPS].settings
    scheme = "https" if settings.tls else "http"
    host = settings.public_names[0] if settings.public_names else request.host
    return f"{scheme}://{host}{BACK}"


def _page(
    request: web.Request,
    *,
    login: str = "",
    next_: str | None = None,
    fault: TriageError | None = None,
    said: str | None = None,
    end: str | None = None,
) -> web.Response:
    settings = request.app[DEPS].settings
    token = guard.token_of(request)
    shown = LoginPage(
        field=guard.FIELD,
        token=token,
        login=login[:64],
        next=_safe(next_),
        fault=fault.detail if fault else None,
        said=said,
        provider=settings.oidc_name if PROVIDER in request.app else None,
        provider_end=end,
    )
    return answer(request, "signin/login.html", shown, token, status=fault.status if fault else 200)


def _code_page(request: web.Request, wanted: str | None, *, fault: TriageError | None = None) -> web.Response:
    token = guard.token_of(request)
    shown = CodeAskPage(guard.FIELD, token, _safe(wanted), fault.detail if fault else None)
    return answer(request, "signin/code.html", shown, token, status=fault.status if fault else 200)
