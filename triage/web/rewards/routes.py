"""The addresses of 有奖举报."""

from __future__ import annotations

from typing import Final

from triage.web.rewards import citizen, desk, pay, queue

ROUTES: Final = (*queue.ROUTES, *desk.ROUTES, *pay.ROUTES, *citizen.ROUTES)
