"""The addresses of signing in and of accounts, and what they need in the application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connectors.oidc import Provider
from connectors.shared_counts import SharedCounts
from triage.errors import SettingsError
from triage.services.staff import provider
from triage.web import access
from triage.web.keys import DEPS, IDENTIFY
from triage.web.signin import identify, login, me, staff

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

ROUTES: Final = (
    access.open_to_all("GET", "/login", login.page),
    access.open_to_all("POST", "/login", login.entered),
    access.open_to_all("GET", "/login/code", login.code_page),
    access.open_to_all("POST", "/login/code", login.code_entered),
    access.open_to_all("GET", "/login/provider", login.to_provider),
    access.open_to_all("GET", "/login/provider/back", login.from_provider),
    access.open_to_all("POST", "/logout", login.out),
    *me.ROUTES,
    *staff.ROUTES,
)


def install(app: web.Application) -> None:
    """Let the application ask who looks. Raises SettingsError when the provider is half set up."""
    settings = app[DEPS].settings
    app[IDENTIFY] = identify.identify
    app[identify.COUNTS] = SharedCounts(settings.redis)
    provider.role_map(settings)
    if settings.oidc_issuer is not None:
        if settings.oidc_client_id is None:
            raise SettingsError("设了 JIESU_OIDC_ISSUER，还要设 JIESU_OIDC_CLIENT_ID")
        secret = settings.oidc_client_secret
        app[identify.PROVIDER] = Provider(
            settings.oidc_issuer, settings.oidc_client_id, secret.get_secret_value() if secret else None
        )
    app.cleanup_ctx.append(_closing)


async def _closing(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[identify.COUNTS].close()
    if identify.PROVIDER in app:
        await app[identify.PROVIDER].close()
