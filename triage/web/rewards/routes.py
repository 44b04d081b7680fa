"""The addresses of 有奖举报."""

from __future__ import annotations

from typing import Final

from triage.web.rewards import citizen, desk, lists, pay, queue

ROUTES: Final = (*queue.ROUTES, *desk.ROUTES, *pay.ROUTES, *lists.ROUTES, *citizen.ROUTES)
