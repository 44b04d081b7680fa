"""The row of `signin.yaml` that holds at a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triage.clock import local
from triage.rules.signin_rows import row_of

if TYPE_CHECKING:
    from datetime import datetime

    from triage.rules.rows import Tables
    from triage.rules.signin_rows import SignInRow


def rule_at(tables: Tables, now: datetime) -> SignInRow:
    """The rule of that day in Beijing. Raises NoRule."""
    return row_of(tables.signins, local(now).date())
