"""动态验证码 (TOTP, RFC 6238) and 恢复码: enrolled by their owner, each taken once.

The secret is sealed with its account. A code's time step is kept when it is taken, in one statement that only
goes forward: the same code sent twice, to two processes at once, opens once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Final

import pyotp
import sqlalchemy as sa

from models.staff import Account, RecoveryCode
from triage.errors import TriageError

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from triage.rules.signin_rows import SignInRow

ISSUER: Final = "接诉"
_DIGITS: Final = 6
_RECOVERY_BYTES: Final = 10


class WrongCode(TriageError):
    """验证码不对，或已经用过；请等下一个验证码再试。"""

    code = "wrong_code"
    status = 422


async def begin(session: AsyncSession, vault: Vault, staff_id: int) -> str:
    """Give an account a secret that waits to be confirmed: the one that waits already, else a new one."""
    kept = await session.scalar(sa.select(Account.code_pending).where(Account.staff_id == staff_id))
    if kept is not None:
        return vault.open(kept, belongs_to=_place(staff_id, "pending"))
    secret = pyotp.random_base32()
    sealed = vault.seal(secret, belongs_to=_place(staff_id, "pending"))
    await session.execute(sa.update(Account).where(Account.staff_id == staff_id).values(code_pending=sealed))
    return secret


def address_of(secret: str, login: str, rule: SignInRow) -> str:
    """What the authenticator reads from the QR code."""
    code = pyotp.TOTP(secret, interval=rule.code_seconds)
    return code.provisioning_uri(name=login, issuer_name=ISSUER)


async def confirm(
    session: AsyncSession, vault: Vault, staff_id: int, code: str, rule: SignInRow, *, now: datetime
) -> list[str]:
    """Take the waiting secret into use, proved by its code. Gives the recovery codes. Raises WrongCode."""
    kept = await session.scalar(
        sa.select(Account.code_pending).where(Account.staff_id == staff_id).with_for_update()
    )
    if kept is None:
        raise WrongCode("请先扫描二维码，再输入验证码。")
    secret = vault.open(kept, belongs_to=_place(staff_id, "pending"))
    step = _step_of(secret, code, rule, now=now)
    if step is None:
        raise WrongCode
    await session.execute(
        sa.update(Account)
        .where(Account.staff_id == staff_id)
        .values(
            code_secret=vault.seal(secret, belongs_to=_place(staff_id, "secret")),
            code_pending=None,
            code_step=step,
        )
    )
    return await renew_recovery(session, staff_id, rule)


async def renew_recovery(session: AsyncSession, staff_id: int, rule: SignInRow) -> list[str]:
    """New recovery codes instead of the old ones, to be shown once."""
    codes = [_recovery() for _ in range(rule.recovery_codes)]
    await session.execute(sa.delete(RecoveryCode).where(RecoveryCode.staff_id == staff_id))
    await session.execute(
        sa.insert(RecoveryCode), [{"staff_id": staff_id, "code_hash": _hash(code)} for code in codes]
    )
    return codes


async def take(
    session: AsyncSession, vault: Vault, staff_id: int, code: str, rule: SignInRow, *, now: datetime
) -> bool:
    """Take a code of the authenticator, or a recovery code: whether it was right and not used yet."""
    plain = code.replace(" ", "").replace("-", "").upper()
    if not (plain.isascii() and plain.isdigit() and len(plain) == _DIGITS):
        return await _take_recovery(session, staff_id, plain, now=now)
    sealed = await session.scalar(sa.select(Account.code_secret).where(Account.staff_id == staff_id))
    if sealed is None:
        return False
    step = _step_of(vault.open(sealed, belongs_to=_place(staff_id, "secret")), plain, rule, now=now)
    if step is None:
        return False
    taken = await session.scalar(
        sa.update(Account)
        .where(Account.staff_id == staff_id, Account.code_step < step)
        .values(code_step=step)
        .returning(Account.staff_id)
    )
    return taken is not None


async def remove(session: AsyncSession, staff_id: int) -> None:
    """Forget the authenticator and its recovery codes: it was lost, or is not needed any more."""
    await session.execute(sa.delete(RecoveryCode).where(RecoveryCode.staff_id == staff_id))
    await session.execute(
        sa.update(Account).where(Account.staff_id == staff_id).values(code_secret=None, code_pending=None)
    )


async def recovery_left(session: AsyncSession, staff_id: int) -> int:
    """How many recovery codes are not used yet."""
    found = sa.select(sa.func.count()).where(
        RecoveryCode.staff_id == staff_id, RecoveryCode.used_at.is_(None)
    )
    return await session.scalar(found) or 0


def _step_of(secret: str, code: str, rule: SignInRow, *, now: datetime) -> int | None:
    """The time step whose code this is, of those near enough to now."""
    totp = pyotp.TOTP(secret, interval=rule.code_seconds)
    here = int(now.timestamp()) // rule.code_seconds
    steps = range(here - rule.code_drift, here + rule.code_drift + 1)
    given = code.replace(" ", "").encode()
    good = [step for step in steps if hmac.compare_digest(totp.generate_otp(step).encode(), given)]
    return good[-1] if good else None


async def _take_recovery(session: AsyncSession, staff_id: int, plain: str, *, now: datetime) -> bool:
    taken = await session.scalar(
        sa.update(RecoveryCode)
        .where(
            RecoveryCode.staff_id == staff_id,
            RecoveryCode.code_hash == _hash(plain),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.staff_id)
    )
    return taken is not None


def _recovery() -> str:
    """Eighty random bits, in groups that can be written down."""
    plain = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode()
    return "-".join(plain[start : start + 4] for start in range(0, len(plain), 4))


def _hash(code: str) -> str:
    """Of a random code no more is needed than a plain hash."""
    return hashlib.sha256(code.replace("-", "").encode()).hexdigest()


def _place(staff_id: int, what: str) -> str:
    return f"account.code_{what}:{staff_id}"
