"""Accounts (账号): who may sign in, with which roles, from which sessions and with which tokens.

`models.units.Staff` names a person in the record of a ticket; an `Account` is a staff row that may sign in.
Whatever lets somebody in is kept as a hash (passwords by argon2id, random tokens by SHA-256, recovery codes
by a keyed hash) or sealed by the vault (the secret of the codes): a stolen database opens nothing.
"""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

import models.units  # noqa: F401  (the tables that foreign keys here name)
from models.db import Base, BigId

#: A SHA-256 in hex.
HASH: int = 64


class Account(Base):
    """账号: what a staff row needs to sign in. Disabled it stays, so that the record keeps its names."""

    __tablename__ = "account"

    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("staff.id"), primary_key=True)
    password_hash: Mapped[str | None] = mapped_column(
        sa.String(200), comment="argon2id; null: signs in by the unified provider (统一认证) alone"
    )
    must_change: Mapped[bool] = mapped_column(comment="the password was given by somebody else")
    password_at: Mapped[datetime | None] = mapped_column(comment="when the password was set")
    code_secret: Mapped[bytes | None] = mapped_column(
        sa.LargeBinary, comment="sealed: of the one-time codes (TOTP); null: none enrolled"
    )
    code_pending: Mapped[bytes | None] = mapped_column(
        sa.LargeBinary, comment="sealed: shown to be enrolled, not confirmed by a code yet"
    )
    code_step: Mapped[int] = mapped_column(
        BigId, default=0, comment="the time step of the last code taken: no code is taken twice"
    )
    provider_name: Mapped[str | None] = mapped_column(
        sa.String(254), unique=True, comment="e-mail or login at the provider, until the first link uses it"
    )
    demo: Mapped[bool] = mapped_column(default=False, comment="made by the demo; refused in production")
    disabled_at: Mapped[datetime | None]
    created_by: Mapped[str] = mapped_column(sa.String(64))
    last_login_at: Mapped[datetime | None]


class RoleGrant(Base):
    """A role held from a day to a day, for a unit and what is below it (no unit: the whole city)."""

    __tablename__ = "account_role"
    __table_args__ = (
        sa.Index("ix_account_role_staff", "staff_id"),
        sa.Index("ix_account_role_unit", "unit_code", "role"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("account.staff_id"))
    role: Mapped[str] = mapped_column(sa.String(24), comment="vocab_staff.Role")
    unit_code: Mapped[str | None] = mapped_column(sa.ForeignKey("unit.code"))
    valid_from: Mapped[date] = mapped_column(sa.Date, comment="a day in Beijing")
    valid_to: Mapped[date | None] = mapped_column(sa.Date, comment="the last day; null: open")
    granted_by: Mapped[str] = mapped_column(sa.String(64))
    granted_at: Mapped[datetime]
    withdrawn_by: Mapped[str | None] = mapped_column(sa.String(64))
    withdrawn_at: Mapped[datetime | None] = mapped_column(comment="at once, whatever valid_to says")


class AccountRequest(Base):
    """复核申请: what one administrator wants of a sensitive account, until another one decides (双人复核)."""

    __tablename__ = "account_request"
    __table_args__ = (
        sa.Index(
            "ix_account_request_open",
            "until",
            postgresql_where=sa.text("decided_at IS NULL"),
            sqlite_where=sa.text("decided_at IS NULL"),
        ),
        sa.Index("ix_account_request_staff", "staff_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("account.staff_id"))
    what: Mapped[str] = mapped_column(sa.String(12), comment="vocab_signin.Wanted")
    role: Mapped[str | None] = mapped_column(sa.String(24), comment="vocab_staff.Role")
    unit_code: Mapped[str | None] = mapped_column(sa.ForeignKey("unit.code"))
    valid_from: Mapped[date | None] = mapped_column(sa.Date)
    valid_to: Mapped[date | None] = mapped_column(sa.Date)
    half: Mapped[bytes | None] = mapped_column(
        sa.LargeBinary, comment="sealed: the asker's half of the password to come; forgotten once over"
    )
    forget_codes: Mapped[bool] = mapped_column(default=False)
    provider_name: Mapped[str | None] = mapped_column(sa.String(254))
    asked_by: Mapped[str] = mapped_column(sa.String(64))
    asked_at: Mapped[datetime]
    until: Mapped[datetime] = mapped_column(comment="not decided by then, it is void")
    decided_by: Mapped[str | None] = mapped_column(sa.String(64))
    decided_at: Mapped[datetime | None]
    confirmed: Mapped[bool | None]


class SignInSession(Base):
    """会话: one browser that is signed in. The random token is in its cookie only."""

    __tablename__ = "account_session"
    __table_args__ = (
        sa.Index("ix_account_session_staff", "staff_id"),
        sa.Index("ix_account_session_expires", "expires_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_hash: Mapped[str] = mapped_column(sa.String(HASH), unique=True)
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("account.staff_id"))
    strong: Mapped[bool] = mapped_column(comment="a second factor was shown")
    way: Mapped[str] = mapped_column(sa.String(12), comment="vocab_signin.Way")
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime] = mapped_column(comment="kept to the minute, by what people do themselves")
    expires_at: Mapped[datetime] = mapped_column(comment="at the latest, however busy")
    ended_at: Mapped[datetime | None]
    end_why: Mapped[str | None] = mapped_column(sa.String(16), comment="vocab_signin.End")
    ip: Mapped[str] = mapped_column(sa.String(45))
    agent: Mapped[str] = mapped_column(sa.String(200))


class RecoveryCode(Base):
    """恢复码: stands in for a lost authenticator, once."""

    __tablename__ = "account_recovery"

    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("account.staff_id"), primary_key=True)
    code_hash: Mapped[str] = mapped_column(sa.String(HASH), primary_key=True, comment="keyed")
    used_at: Mapped[datetime | None]


class ApiToken(Base):
    """接口令牌: a program acts for a person, with a part of what that person may do."""

    __tablename__ = "account_token"
    __table_args__ = (sa.Index("ix_account_token_staff", "staff_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_hash: Mapped[str] = mapped_column(sa.String(HASH), unique=True)
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("account.staff_id"))
    name: Mapped[str] = mapped_column(sa.String(40))
    prefix: Mapped[str] = mapped_column(sa.String(12), comment="shown, so that people know which it is")
    scopes: Mapped[list[str]] = mapped_column(sa.JSON, comment="vocab_staff.Permission")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(comment="kept to the minute")
    revoked_at: Mapped[datetime | None]


class ProviderLink(Base):
    """An account of the unified provider (统一认证, OIDC) that is one of ours, by issuer and subject."""

    __tablename__ = "account_provider"
    __table_args__ = (sa.Index("ix_account_provider_staff", "staff_id"),)

    issuer: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    subject: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("account.staff_id"))
    linked_at: Mapped[datetime]


class ProviderAttempt(Base):
    """A sign-in sent to the provider that has not come back. Taken once, by the browser it was for."""

    __tablename__ = "provider_attempt"
    __table_args__ = (sa.Index("ix_provider_attempt_until", "until"),)

    browser_hash: Mapped[str] = mapped_column(
        sa.String(HASH), primary_key=True, comment="of the random value in the browser's cookie"
    )
    state_hash: Mapped[str] = mapped_column(sa.String(HASH))
    nonce: Mapped[str] = mapped_column(sa.String(43))
    verifier: Mapped[bytes] = mapped_column(sa.LargeBinary, comment="sealed: proof of PKCE")
    goes_to: Mapped[str] = mapped_column(sa.String(500), comment="a path of ours")
    until: Mapped[datetime]


class SignInLock(Base):
    """Failures under a login, whether an account has it or not: nobody learns from it which logins exist.

    From an address, from all in an hour, or with codes: `services.staff.locking` makes the keys.
    """

    __tablename__ = "signin_lock"
    __table_args__ = (sa.Index("ix_signin_lock_last", "last_at"),)

    login_hash: Mapped[str] = mapped_column(sa.String(HASH), primary_key=True, comment="keyed")
    failed: Mapped[int]
    last_at: Mapped[datetime]
    locked_until: Mapped[datetime | None]


class DemoWaiver(Base):
    """演示设置: demo accounts need no second factor. One row or none; production refuses to start with it."""

    __tablename__ = "demo_waiver"
    __table_args__ = (sa.CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    set_at: Mapped[datetime]
    set_by: Mapped[str] = mapped_column(sa.String(64))
