"""Names of the places of 被反映对象."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triage.rules.rates import By
from triage.services.month_sheets import name_of
from triage.web.keys import DEPS, NAMES

if TYPE_CHECKING:
    from aiohttp import web


def place(request: web.Request, district: str | None, street: str | None) -> str:
    """District and street in words."""
    return " ".join(area(request, code) for code in (district, street) if code) or "地点未明"


def area(request: web.Request, code: str) -> str:
    """A district or a street in words."""
    by = By.DISTRICT if code in request.app[NAMES].districts else By.STREET
    return name_of(request.app[DEPS].tables, by, code).removesuffix("办事处")
