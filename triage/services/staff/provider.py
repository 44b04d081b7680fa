"""统一认证 (OpenID Connect): a browser is sent to the provider and comes back as one of our accounts.

An account is found by the provider's issuer and subject. The first time, by what an administrator wrote
beside the account (a verified e-mail, or the login there). Nobody gets an account by the provider's word
alone, unless the settings say which claim gives which roles (`JIESU_OIDC_ROLE_CLAIM`, `JIESU_OIDC_ROLES`).
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from connectors.oidc import ProviderAway, ProviderRefused
from models.staff import Account, ProviderAttempt, ProviderLink
from models.units import Staff
from models.vocab_ledger import LedgerAct
from triage import logs
from triage.errors import BadInput, SettingsError, TriageError
from triage.services.staff import accounts, roles
from triage.services.staff.accounts import NewAccount
from triage.services.staff.recording import record
from triage.services.staff.sessions import token_hash
from triage.services.staff.signing_in import LOGIN, normal

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.oidc import Provider, Told
    from models.vocab_staff import Role
    from triage.services.deps import Deps
    from triage.settings import Settings

log = logs.get(__name__)

#: Somebody who types a password and a code at the provider needs no longer.
_PATIENCE: Final = timedelta(minutes=10)
_AT_ONCE: Final = 50
_BY: Final = "system"


class ProviderFailed(TriageError):
    """统一认证没有成功，请重新登录；一再这样请联系管理员。"""

    code = "provider_failed"
    status = 403


class ProviderUnreachable(TriageError):
    """统一认证暂时连不上，请稍后再试，或用本地账号登录。"""

    code = "provider_away"
    status = 503


class NotRegistered(TriageError):
    """统一认证通过了，但本系统没有登记您的账号。请联系本单位管理员登记您的统一认证账号或邮箱。"""

    code = "not_registered"
    status = 403


@dataclass(frozen=True, slots=True)
class Sent:
    """Where the browser goes, and what it keeps meanwhile."""

    address: str
    keeps: str


@dataclass(frozen=True, slots=True)
class Back:
    """Whose account it is, and the page they wanted."""

    staff_id: int
    login: str
    goes_to: str


def role_map(settings: Settings) -> dict[str, tuple[Role, str | None]]:
    """What a value of the role claim gives: a role and its unit. Raises SettingsError."""
    found: dict[str, tuple[Role, str | None]] = {}
    for part in filter(None, (part.strip() for part in settings.oidc_roles.split(","))):
        value, _, wanted = part.rpartition("=")
        role, _, unit = wanted.partition("@")
        try:
            found[value.strip()] = (roles.role_of(role), unit.strip() or None)
        except BadInput as error:
            raise SettingsError(f"JIESU_OIDC_ROLES：{error.detail}") from None
        if not value.strip():
            raise SettingsError("JIESU_OIDC_ROLES：应形如 值=角色 或 值=角色@单位编码")
    return found


async def begin(deps: Deps, provider: Provider, *, back: str, goes_to: str, now: datetime) -> Sent:
    """Send a browser to the provider. Raises ProviderUnreachable."""
    try:
        asked = await provider.ask(back=back)
    except (ProviderAway, ProviderRefused) as error:
        log.warning("provider_away", error=str(error))
        raise ProviderUnreachable from None
    keeps = secrets.token_urlsafe(32)
    key = token_hash(keeps)
    async with deps.db.writes.begin() as session:
        await _forget(session, now=now)
        await session.execute(
            sa.insert(ProviderAttempt).values(
                browser_hash=key,
                state_hash=token_hash(asked.state),
                nonce=asked.nonce,
                verifier=deps.vault.seal(asked.verifier, belongs_to=f"provider_attempt.verifier:{key}"),
                goes_to=goes_to,
                until=now + _PATIENCE,
            )
        )
    return Sent(asked.address, keeps)


async def finish(
    deps: Deps, provider: Provider, *, keeps: str, state: str, code: str, back: str, now: datetime
) -> Back:
    """Take a browser back. Raises ProviderFailed, ProviderUnreachable, NotRegistered."""
    key = token_hash(keeps)
    async with deps.db.writes.begin() as session:
        # Whatever becomes of it, it is taken once.
        attempt = (
            await session.execute(
                sa.delete(ProviderAttempt)
                .where(ProviderAttempt.browser_hash == key)
                .returning(
                    ProviderAttempt.state_hash,
                    ProviderAttempt.nonce,
                    ProviderAttempt.verifier,
                    ProviderAttempt.goes_to,
                    ProviderAttempt.until,
                )
            )
        ).one_or_none()
    if attempt is None or attempt.until <= now:
        raise ProviderFailed("这次登录已过期或已用过，请重新登录。")
    if not hmac.compare_digest(attempt.state_hash, token_hash(state)):
        log.warning("provider_refused", why="state")
        raise ProviderFailed
    verifier = deps.vault.open(attempt.verifier, belongs_to=f"provider_attempt.verifier:{key}")
    try:
        told = await provider.told(code, back=back, verifier=verifier, nonce=attempt.nonce, now=now)
    except ProviderRefused as error:
        log.warning("provider_refused", why=str(error))
        raise ProviderFailed from None
    except ProviderAway as error:
        log.warning("provider_away", error=str(error))
        raise ProviderUnreachable from None
    async with deps.db.writes.begin() as session:
        found = await _account(session, deps, told, now=now)
    if found is None:
        raise NotRegistered
    return Back(*found, attempt.goes_to)


async def _account(session: AsyncSession, deps: Deps, told: Told, *, now: datetime) -> tuple[int, str] | None:
    linked = (
        await session.execute(
            sa.select(Staff.id, Staff.login)
            .join(ProviderLink, ProviderLink.staff_id == Staff.id)
            .where(ProviderLink.issuer == told.issuer, ProviderLink.subject == told.subject)
        )
    ).one_or_none()
    if linked is not None:
        return linked[0], linked[1]
    waiting = (
        await session.execute(
            sa.select(Staff.id, Staff.login)
            .join(Account, Account.staff_id == Staff.id)
            .where(Account.provider_name.in_(told.names), Account.disabled_at.is_(None))
            .order_by(Staff.id)
            .with_for_update()
        )
    ).all()
    if len(waiting) > 1:
        # An e-mail and a login that stand beside two accounts: nobody guesses whose it is.
        return None
    found = (waiting[0][0], waiting[0][1]) if waiting else await _made(session, deps, told, now=now)
    if found is not None:
        await _link(session, found, told, now=now)
    return found


async def _link(session: AsyncSession, found: tuple[int, str], told: Told, *, now: datetime) -> None:
    staff_id, login = found
    await session.execute(
        sa.insert(ProviderLink).values(
            issuer=told.issuer, subject=told.subject, staff_id=staff_id, linked_at=now
        )
    )
    # Used up: whoever is given that name at the provider later is somebody else.
    await session.execute(sa.update(Account).where(Account.staff_id == staff_id).values(provider_name=None))
    record(session, LedgerAct.STAFF_CHANGED, by=_BY, login=login, now=now, detail={"linked": told.issuer})


async def _made(session: AsyncSession, deps: Deps, told: Told, *, now: datetime) -> tuple[int, str] | None:
    """A new account, when the claim that the settings name gives at least one role.

    Whoever made that setting has the machine: no second administrator is asked.
    """
    settings = deps.settings
    if settings.oidc_role_claim is None:
        return None
    given = told.claims.get(settings.oidc_role_claim)
    values = given if isinstance(given, list) else [given]
    known = role_map(settings)
    granted = [known[value] for value in values if isinstance(value, str) and value in known]
    if not granted:
        return None
    login = await _free_login(session, told)
    name = told.claims.get("name")
    item = accounts.checked(NewAccount(login, name if isinstance(name, str) and name.strip() else login))
    staff_id = await accounts.create(session, item, None, by=_BY, now=now)
    for role, unit in granted:
        await roles.grant(session, deps.tables, staff_id, role, unit_code=unit, by=_BY, now=now)
    return staff_id, login


async def _free_login(session: AsyncSession, told: Told) -> str:
    """The login at the provider, if it can be one of ours and is free; else one made from the subject."""
    wanted = told.claims.get("preferred_username")
    login = normal(wanted) if isinstance(wanted, str) else ""
    taken = await session.scalar(sa.select(Staff.id).where(Staff.login == login).limit(1))
    if LOGIN.fullmatch(login) and taken is None:
        return login
    return f"oidc-{token_hash(f'{told.issuer} {told.subject}')[:16]}"


async def _forget(session: AsyncSession, *, now: datetime) -> None:
    """Remove a few that did not come back."""
    old = sa.select(ProviderAttempt.browser_hash).where(ProviderAttempt.until <= now).limit(_AT_ONCE)
    keys = list(await session.scalars(old.with_for_update(skip_locked=True)))
    if keys:
        await session.execute(sa.delete(ProviderAttempt).where(ProviderAttempt.browser_hash.in_(keys)))
