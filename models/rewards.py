"""有奖举报, apart from the case: a schema of its own on PostgreSQL, a prefix of its own on SQLite.

Nothing here refers to a row of the case by a foreign key, and nothing of the case refers to this: a dump of
the case's schema holds no reward, a dump of this one no appeal. Who claims, and where the money goes, is
sealed with keys of its own (`JIESU_REWARD_KEYS`). Amounts are whole fen.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import REWARD_SCHEMA, Base, BigId

JsonDict = dict[str, Any]
_SCHEMA: Final = {"schema": REWARD_SCHEMA}
_HELD: Final = "state in ('claimed', 'paid')"


def _of(table: str) -> sa.ForeignKey:
    return sa.ForeignKey(f"{REWARD_SCHEMA}.{table}.id")


class Reward(Base):
    """One violation's reward: at most one for each, whoever asks at the same time."""

    __tablename__ = "reward"
    __table_args__ = (
        sa.Index("ix_reward_state", "state", "id"),
        sa.Index("ix_reward_winner_appeal_id", "winner_appeal_id"),
        _SCHEMA,
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    no: Mapped[str] = mapped_column(
        sa.String(20), unique=True, comment="候选编号: drawn by lot, tells nothing of the case"
    )
    version: Mapped[int]
    state: Mapped[str] = mapped_column(sa.String(16), comment="vocab_rewards.RewardState")
    root_ticket_id: Mapped[int] = mapped_column(
        sa.BigInteger, unique=True, comment="the ticket that all reports of the violation were merged into"
    )
    winner_appeal_id: Mapped[int] = mapped_column(sa.BigInteger, comment="第一有效举报")
    kind: Mapped[str] = mapped_column(sa.String(16))
    district_code: Mapped[str | None] = mapped_column(sa.String(12))
    reported_at: Mapped[datetime]
    real_name: Mapped[bool]
    ruleset: Mapped[str | None] = mapped_column(sa.String(40), comment="null: the one of the day")
    exclusions: Mapped[list[str]] = mapped_column(sa.JSON, comment="vocab_rewards.Exclusion, as confirmed")
    insider: Mapped[bool] = mapped_column(default=False)
    rewarded_before: Mapped[bool] = mapped_column(default=False)
    reoffended: Mapped[bool] = mapped_column(default=False)
    reporters: Mapped[int] = mapped_column(default=1)
    parts: Mapped[list[int]] = mapped_column(sa.JSON, comment="agreed weights of joint reporters")
    pick_fen: Mapped[int | None] = mapped_column(sa.BigInteger)
    amount_fen: Mapped[int | None] = mapped_column(sa.BigInteger, comment="as verified")
    verdict: Mapped[JsonDict] = mapped_column(sa.JSON, comment="the lines of the decision, as verified")
    proof: Mapped[list[JsonDict]] = mapped_column(
        sa.JSON, comment="every report of the violation in its order: arrival, completeness, why"
    )
    checks: Mapped[list[JsonDict]] = mapped_column(sa.JSON, comment="what may stand in the way, as found")
    handler: Mapped[str | None] = mapped_column(sa.String(64), comment="login")
    legal: Mapped[str | None] = mapped_column(sa.String(64))
    finance: Mapped[str | None] = mapped_column(sa.String(64))
    head: Mapped[str | None] = mapped_column(sa.String(64))
    found_at: Mapped[datetime]
    notify_by: Mapped[date | None]
    notified_at: Mapped[datetime | None]
    attested_by: Mapped[str | None] = mapped_column(
        sa.String(64), comment="login: who saw the reporter's identity card, and never looked them up"
    )
    attested_at: Mapped[datetime | None]
    attested_word: Mapped[str | None] = mapped_column(
        sa.String(64), comment="keyed, of the one-time word that was handed over; null once used"
    )


class RewardSeen(Base):
    """Up to which version of a ticket its reports were looked at."""

    __tablename__ = "reward_seen"
    __table_args__ = _SCHEMA

    ticket_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    version: Mapped[int]


class RewardShare(Base):
    """One reporter's part: the code that opens it, and who claimed it (sealed)."""

    __tablename__ = "reward_share"
    __table_args__ = (
        sa.UniqueConstraint("reward_id", "number"),
        sa.Index("ix_reward_share_state", "state", "claim_by"),
        _SCHEMA,
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    reward_id: Mapped[int] = mapped_column(_of("reward"))
    number: Mapped[int] = mapped_column(comment="1 is who reported first")
    state: Mapped[str] = mapped_column(sa.String(12), comment="vocab_rewards.ShareState")
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger)
    claim_by: Mapped[date | None] = mapped_column(comment="the last day, Beijing")
    code_hash: Mapped[str | None] = mapped_column(sa.String(160), comment="Argon2id; shown once")
    claimant: Mapped[bytes | None] = mapped_column(
        sa.LargeBinary, comment="sealed JSON: name, ID number, phone, bank, account"
    )
    claimed_at: Mapped[datetime | None]
    same_name: Mapped[bool | None] = mapped_column(comment="as given with the report; null: none was given")
    reminders: Mapped[int] = mapped_column(default=0)
    paid_at: Mapped[datetime | None]
    why: Mapped[str | None] = mapped_column(sa.Text, comment="why the bank did not pay")


class RewardEvent(Base):
    """What was done, in order. Append-only: the database refuses change and removal."""

    __tablename__ = "reward_event"
    __table_args__ = _SCHEMA

    reward_id: Mapped[int] = mapped_column(_of("reward"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    act: Mapped[str] = mapped_column(sa.String(16), comment="vocab_rewards.RewardAct")
    share: Mapped[int | None] = mapped_column(comment="number of the part; null: the whole")
    by: Mapped[str] = mapped_column(sa.String(64), comment="login; empty: the system; reporter: who claims")
    data: Mapped[JsonDict] = mapped_column(sa.JSON)


class RewardOutcomeRow(Base):
    """处理结果: a decision that a reward follows."""

    __tablename__ = "reward_outcome"
    __table_args__ = (sa.Index("ix_reward_outcome_reward", "reward_id"), _SCHEMA)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    reward_id: Mapped[int] = mapped_column(_of("reward"))
    outcome: Mapped[str] = mapped_column(sa.String(16), comment="vocab_rewards.RewardOutcome")
    title: Mapped[str] = mapped_column(sa.String(100))
    document_no: Mapped[str] = mapped_column(sa.String(100), comment="文号")
    effective_on: Mapped[date | None]
    fine_fen: Mapped[int | None] = mapped_column(sa.BigInteger)
    statutory_max_fen: Mapped[int | None] = mapped_column(sa.BigInteger)
    via: Mapped[str] = mapped_column(sa.String(16), comment="vocab_rewards.Via")
    matter: Mapped[str | None] = mapped_column(sa.String(40))
    contribution: Mapped[int | None]
    measures: Mapped[dict[str, int]] = mapped_column(sa.JSON, comment="vocab_rewards.Measure → number")
    by: Mapped[str] = mapped_column(sa.String(64))
    at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class RewardFile(Base):
    """佐证: a file of an outcome, in the file store by its hash."""

    __tablename__ = "reward_file"
    __table_args__ = (sa.UniqueConstraint("outcome_id", "sha256"), _SCHEMA)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    outcome_id: Mapped[int] = mapped_column(_of("reward_outcome"))
    sha256: Mapped[str] = mapped_column(sa.String(64))
    size: Mapped[int]
    media_type: Mapped[str] = mapped_column(sa.String(40))
    name: Mapped[str] = mapped_column(sa.String(120))
    by: Mapped[str] = mapped_column(sa.String(64))
    at: Mapped[datetime]


class RewardBatch(Base):
    """支付批次: what is handed to the bank in one file."""

    __tablename__ = "reward_batch"
    __table_args__ = _SCHEMA

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    no: Mapped[str] = mapped_column(sa.String(20), unique=True)
    sha256: Mapped[str] = mapped_column(sa.String(64), comment="of the bank's file, the same every time")
    payments: Mapped[int]
    total_fen: Mapped[int] = mapped_column(sa.BigInteger)
    by: Mapped[str] = mapped_column(sa.String(64))
    at: Mapped[datetime]
    fetched_at: Mapped[datetime | None] = mapped_column(comment="when the file first left")


class RewardPayment(Base):
    """One payment: its row is there before the file leaves; a part is held by one payment at a time."""

    __tablename__ = "reward_payment"
    __table_args__ = (
        sa.UniqueConstraint("batch_id", "line"),
        sa.Index("ix_reward_payment_share", "share_id"),
        sa.Index(
            "uq_reward_payment_held",
            "share_id",
            unique=True,
            postgresql_where=sa.text(_HELD),
            sqlite_where=sa.text(_HELD),
        ),
        _SCHEMA,
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    batch_id: Mapped[int] = mapped_column(_of("reward_batch"))
    line: Mapped[int]
    share_id: Mapped[int] = mapped_column(_of("reward_share"))
    reference: Mapped[str] = mapped_column(sa.String(30), unique=True, comment="流水号 for the bank")
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger)
    payee: Mapped[bytes] = mapped_column(sa.LargeBinary, comment="sealed JSON: as it stood then")
    state: Mapped[str] = mapped_column(sa.String(8), comment="vocab_rewards.PaymentState")
    bank_reference: Mapped[str | None] = mapped_column(sa.String(60))
    why: Mapped[str | None] = mapped_column(sa.Text)
    settled_at: Mapped[datetime | None]
    failed_by: Mapped[str | None] = mapped_column(
        sa.String(64), comment="login: who first imported that the bank did not pay; another one confirms it"
    )
    disputed_by: Mapped[str | None] = mapped_column(
        sa.String(64), comment="login: who imported that it was paid after all; null: settled"
    )


class RewardImport(Base):
    """A result file of the bank, taken once."""

    __tablename__ = "reward_import"
    __table_args__ = _SCHEMA

    sha256: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    batch_id: Mapped[int] = mapped_column(_of("reward_batch"))
    paid: Mapped[int]
    failed: Mapped[int]
    by: Mapped[str] = mapped_column(sa.String(64))
    at: Mapped[datetime]


class RewardNotice(Base):
    """短信 to a reporter that the case has an answer. It never says what; who is told stands here alone."""

    __tablename__ = "reward_notice"
    __table_args__ = (
        sa.UniqueConstraint("reward_id", "seq"),
        sa.Index("ix_reward_notice_state", "state", "next_at"),
        _SCHEMA,
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    reward_id: Mapped[int] = mapped_column(_of("reward"))
    seq: Mapped[int] = mapped_column(comment="of the event that it goes with")
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(sa.String(12), comment="vocab_notices.NoticeState")
    next_at: Mapped[datetime] = mapped_column(comment="not before; quiet hours and pauses are in it")
    attempts: Mapped[int] = mapped_column(default=0)
    claimed_until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    code: Mapped[str | None] = mapped_column(sa.String(40), comment="why not, in a code of ours")


class RewardInspection(Base):
    """检查督察清单: what was known before anyone reported it."""

    __tablename__ = "reward_inspection"
    __table_args__ = (
        sa.UniqueConstraint("list", "line"),
        sa.Index("ix_reward_inspection_place", "district_code", "kind"),
        _SCHEMA,
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    list: Mapped[str] = mapped_column(sa.String(120))
    line: Mapped[int]
    listed_on: Mapped[date]
    party: Mapped[str] = mapped_column(sa.String(200), comment="单位名称")
    kind: Mapped[str | None] = mapped_column(sa.String(16))
    district_code: Mapped[str] = mapped_column(sa.String(12))
    street_code: Mapped[str | None] = mapped_column(sa.String(12))
    source: Mapped[str | None] = mapped_column(sa.String(200), comment="文号或出处")
    added_by: Mapped[str | None] = mapped_column(sa.String(64))
    added_at: Mapped[datetime | None]
