"""What came in: source, appeal (诉求), appellant (诉求人, sealed), reading (识别结果)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base, BigId

JsonDict = dict[str, Any]


class Source(Base):
    """Where appeals come from: a hotline, a file, a form. Half of an appeal's identity.

    What one does by itself, and how that goes: `models.sources.SourceTask`.
    """

    __tablename__ = "source"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(120), unique=True)
    name: Mapped[str] = mapped_column(sa.String(120))
    created_at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(
        sa.String(16), default="file", server_default="file", comment="vocab_sources.SourceKind"
    )
    enabled: Mapped[bool] = mapped_column(
        default=False, server_default=sa.false(), comment="whether it does anything by itself"
    )
    every_seconds: Mapped[int] = mapped_column(default=60, server_default="60")
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    settings: Mapped[JsonDict] = mapped_column(
        sa.JSON, default=dict, server_default=sa.text("'{}'"), comment="texts by field; nothing secret"
    )
    credentials: Mapped[bytes | None] = mapped_column(sa.LargeBinary, comment="sealed JSON")


class Appeal(Base):
    """诉求 as received, identities masked: the unmasked original is sealed with the appellant."""

    __tablename__ = "appeal"
    __table_args__ = (
        sa.UniqueConstraint("source_id", "dedupe_key"),
        sa.CheckConstraint("state in ('waiting', 'done', 'dead')", name="state"),
        # The sweep and the claim only ever look at what waits: a handful of rows among millions.
        sa.Index(
            "ix_appeal_waiting",
            "id",
            postgresql_where=sa.text("state = 'waiting'"),
            sqlite_where=sa.text("state = 'waiting'"),
        ),
        # The desk says how many were given up, on every page.
        sa.Index(
            "ix_appeal_dead",
            "id",
            postgresql_where=sa.text("state = 'dead'"),
            sqlite_where=sa.text("state = 'dead'"),
        ),
        # People search by the number the appeal came with.
        sa.Index(
            "ix_appeal_external_id",
            "external_id",
            postgresql_where=sa.text("external_id IS NOT NULL"),
            sqlite_where=sa.text("external_id IS NOT NULL"),
        ),
        # Imports ask whether any source has a row without a number.
        sa.Index(
            "ix_appeal_no_number",
            "dedupe_key",
            postgresql_where=sa.text("dedupe_key LIKE 'h:%'"),
            sqlite_where=sa.text("dedupe_key LIKE 'h:%'"),
        ),
        # Few appeals are in confidence, and every list leaves them out.
        sa.Index(
            "ix_appeal_confidential",
            "id",
            postgresql_where=sa.text("confidential"),
            sqlite_where=sa.text("confidential"),
        ),
        # Public lists (Open311) are asked for by the time of the appeal.
        sa.Index("ix_appeal_received_at", "received_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    source_id: Mapped[int] = mapped_column(sa.ForeignKey("source.id"))
    external_id: Mapped[str | None] = mapped_column(sa.String(200))
    dedupe_key: Mapped[str] = mapped_column(
        sa.String(210), comment="'x:' + external id, else 'h:' + content hash: a second import adds nothing"
    )
    content_hash: Mapped[str] = mapped_column(
        sa.String(64), comment="keyed; tells a changed row from a repeated one"
    )
    title: Mapped[str | None] = mapped_column(sa.Text)
    text: Mapped[str] = mapped_column(sa.Text)
    address: Mapped[str | None] = mapped_column(sa.Text)
    channel: Mapped[str] = mapped_column(sa.String(16), comment="vocab.Channel")
    caller_area: Mapped[str | None] = mapped_column(
        sa.String(9),
        comment="code of the district or street the caller is registered in; a hint, never an address",
    )
    confidential: Mapped[bool] = mapped_column(default=False)
    told_type: Mapped[str | None] = mapped_column(
        sa.String(8), comment="vocab.AppealType as the source itself calls it; null: it did not say"
    )
    received_at: Mapped[datetime] = mapped_column(comment="when the citizen spoke")
    stored_at: Mapped[datetime] = mapped_column(comment="when the row was written here")
    state: Mapped[str] = mapped_column(sa.String(16), comment="vocab.AppealState")
    attempts: Mapped[int] = mapped_column(default=0)
    claimed_until: Mapped[datetime | None] = mapped_column(comment="a worker holds it until then")


class Appellant(Base):
    """诉求人: everything that identifies, encrypted; kept apart from the case (rules.md R6.6)."""

    __tablename__ = "appellant"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    appeal_id: Mapped[int] = mapped_column(sa.ForeignKey("appeal.id"), unique=True)
    name: Mapped[bytes | None] = mapped_column(sa.LargeBinary, comment="sealed")
    phone: Mapped[bytes | None] = mapped_column(sa.LargeBinary, comment="sealed")
    id_number: Mapped[bytes | None] = mapped_column(sa.LargeBinary, comment="sealed")
    original: Mapped[bytes | None] = mapped_column(
        sa.LargeBinary, comment="sealed JSON: unmasked title, text, address and columns not mapped"
    )
    phone_index: Mapped[bytes | None] = mapped_column(
        sa.LargeBinary, index=True, comment="keyed blind index: finds the same phone without decrypting"
    )
    created_at: Mapped[datetime]


class Reading(Base):
    """What NLP said of an appeal, with the versions that said it. Never changed; a new one is added."""

    __tablename__ = "reading"
    # Drift is measured over days.
    __table_args__ = (sa.Index("ix_reading_created_at", "created_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    appeal_id: Mapped[int] = mapped_column(sa.ForeignKey("appeal.id"), index=True)
    model_version: Mapped[str] = mapped_column(sa.String(120))
    table_version: Mapped[str] = mapped_column(sa.String(40))
    created_at: Mapped[datetime]
    environmental: Mapped[bool]
    p_environmental: Mapped[float]
    kind: Mapped[str | None] = mapped_column(sa.String(16))
    kind_confidence: Mapped[float]
    appeal_type: Mapped[str] = mapped_column(sa.String(16))
    urgency: Mapped[str] = mapped_column(sa.String(4))
    district_code: Mapped[str | None] = mapped_column(sa.String(12))
    street_code: Mapped[str | None] = mapped_column(sa.String(12))
    community_code: Mapped[str | None] = mapped_column(sa.String(12))
    lon: Mapped[float | None] = mapped_column(comment="WGS-84 degrees")
    lat: Mapped[float | None]
    place_precision: Mapped[str] = mapped_column(sa.String(16))
    place_confidence: Mapped[float]
    review: Mapped[bool]
    mood: Mapped[str | None] = mapped_column(
        sa.String(8), comment="vocab_mood.Mood; null: read before it was asked, or nothing to read"
    )
    angry: Mapped[bool | None] = mapped_column(comment="激烈: the words sound angry; null as mood")
    detail: Mapped[JsonDict] = mapped_column(
        sa.JSON, comment="kinds, reasons, place names, party, when, evidence"
    )
