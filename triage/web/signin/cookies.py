"""The cookies of sign-in: whose session it is, and which browser is at the provider.

Behind TLS they are `__Host-` cookies: bound to this very host, never sent in the clear. On this machine
itself, without TLS, browsers would not keep such ones. Not for scripts, nor sent along by other sites' forms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aiohttp import web

    from triage.settings import Settings

_SESSION: Final = "jiesu_session"
_PROVIDER: Final = "jiesu_provider"
_HOST: Final = "__Host-"
_LONGEST: Final = 100
PROVIDER_SECONDS: Final = 600


def session_name(settings: Settings) -> str:
    """The name of the session's cookie."""
    return f"{_HOST}{_SESSION}" if settings.tls else _SESSION


def session_of(request: web.Request, settings: Settings) -> str | None:
    """The token that the browser sent."""
    return _value(request, session_name(settings))


def keep_session(response: web.StreamResponse, settings: Settings, token: str) -> None:
    """Give the browser a session; it forgets it when it is closed."""
    response.set_cookie(
        session_name(settings), token, path="/", httponly=True, samesite="Lax", secure=settings.tls
    )


def drop_session(response: web.StreamResponse, settings: Settings) -> None:
    """Let the browser forget its session."""
    response.del_cookie(session_name(settings), path="/", httponly=True, samesite="Lax", secure=settings.tls)


def provider_of(request: web.Request, settings: Settings) -> str | None:
    """What the browser keeps while it is at the provider."""
    return _value(request, _provider_name(settings))


def keep_provider(response: web.StreamResponse, settings: Settings, value: str) -> None:
    """Let the browser keep it until it is back. Lax: it comes back from another site."""
    response.set_cookie(
        _provider_name(settings), value, path="/", httponly=True, samesite="Lax", secure=settings.tls,
        max_age=PROVIDER_SECONDS,
    )  # fmt: skip


def drop_provider(response: web.StreamResponse, settings: Settings) -> None:
    """It is back."""
    response.del_cookie(
        _provider_name(settings), path="/", httponly=True, samesite="Lax", secure=settings.tls
    )


def _provider_name(settings: Settings) -> str:
    return f"{_HOST}{_PROVIDER}" if settings.tls else _PROVIDER


def _value(request: web.Request, name: str) -> str | None:
    value = request.cookies.get(name)
    return value if value and len(value) <= _LONGEST else None
