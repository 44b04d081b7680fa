"""Whose case this browser has open: a short-lived sealed cookie. No number or phone is in an address.

A browser has one cookie for all its windows, so each form says by a sealed mark which case it stands on: what
was written for one case is not taken for another that was opened since.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import orjson

from connectors.vault import VaultError
from triage.web.keys import DEPS

if TYPE_CHECKING:
    from aiohttp import web

    from connectors.vault import Vault

COOKIE: Final = "jiesu_case"
PATH: Final = "/citizen"
LASTS: Final = timedelta(minutes=30)
#: However often it is read again, then number and phone are asked for anew: a phone may be put right (更正).
AT_MOST: Final = timedelta(hours=2)
#: What a form's mark is sealed for, and its field.
MARK: Final = "citizen.form"
FIELD: Final = "case"
_PLACE: Final = "citizen.session"
_LONGEST: Final = 1000


@dataclass(frozen=True, slots=True)
class Session:
    """The case that is open, until when, since when; its 查询码, for the page that shows it once."""

    appeal_id: int
    until: datetime
    first: datetime
    code: str | None = field(default=None, repr=False)


def start(
    request: web.Request,
    response: web.StreamResponse,
    appeal_id: int,
    *,
    code: str | None = None,
    after: Session | None = None,
) -> None:
    """Open a case in this browser; `after`: one that was open goes on, no longer than it might."""
    deps = request.app[DEPS]
    now = deps.clock.now()
    first = now if after is None else after.first
    until = min(now + LASTS, first + AT_MOST)
    what = {"case": appeal_id, "until": until.timestamp(), "code": code, "first": first.timestamp()}
    sealed = base64.urlsafe_b64encode(
        deps.vault.seal(orjson.dumps(what).decode(), belongs_to=_PLACE)
    ).decode()
    response.set_cookie(
        COOKIE, sealed, max_age=int((until - now).total_seconds()), httponly=True, samesite="Strict",
        path=PATH,
    )  # fmt: skip


def renew(request: web.Request, response: web.StreamResponse, opened: Session) -> None:
    """Half of the time is over and its page is read again: it stays open, with the code if that is unseen."""
    soon = opened.until - request.app[DEPS].clock.now() < LASTS / 2
    if soon and opened.until < opened.first + AT_MOST:
        start(request, response, opened.appeal_id, code=opened.code, after=opened)


def end(response: web.StreamResponse) -> None:
    """Close it."""
    response.del_cookie(COOKIE, path=PATH)


def current(request: web.Request) -> Session | None:
    """The case that is open; None when there is none, or the cookie is old or not ours."""
    sealed = request.cookies.get(COOKIE, "")
    if not sealed or len(sealed) > _LONGEST:
        return None
    deps = request.app[DEPS]
    try:
        told = orjson.loads(
            deps.vault.open(base64.b64decode(sealed, altchars=b"-_", validate=True), belongs_to=_PLACE)
        )
    except (VaultError, binascii.Error, ValueError):
        return None
    until = datetime.fromtimestamp(told["until"], UTC)
    # Releases before 2026-11-29 did not say since when.
    first = datetime.fromtimestamp(told["first"], UTC) if "first" in told else until - LASTS
    found = Session(told["case"], until, first, told["code"])
    return found if deps.clock.now() < found.until else None


def mark(vault: Vault, number: int, *, place: str = MARK) -> str:
    """What a form carries of what it stands on: it tells nothing, and nobody can make another."""
    return base64.urlsafe_b64encode(vault.seal(str(number), belongs_to=place)).decode()


def is_other(vault: Vault, given: str, number: int, *, place: str = MARK) -> bool:
    """Whether a form stands on another one than that. A page from before marks were made carries none."""
    return bool(given) and marked(vault, given, place=place) != number


def marked(vault: Vault, given: str, *, place: str = MARK) -> int | None:
    """What a mark stands for; None: it is none of ours."""
    try:
        return int(vault.open(base64.b64decode(given, altchars=b"-_", validate=True), belongs_to=place))
    except (VaultError, binascii.Error, ValueError):
        return None
