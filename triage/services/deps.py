"""What services and handlers work with. Made by `triage.wiring.build`, once per process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connectors.vault import Vault
    from models.db import Database
    from triage.clock import Clock
    from triage.rules.rows import Tables
    from triage.settings import Settings


@dataclass(frozen=True, slots=True)
class Deps:
    """Settings, clock, rule tables, database and vault of one process."""

    settings: Settings
    clock: Clock
    tables: Tables
    db: Database
    vault: Vault

    async def close(self) -> None:
        """Let go of the database."""
        await self.db.close()
