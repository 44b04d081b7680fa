"""The addresses of trends."""

from __future__ import annotations

from typing import Final

from models.vocab_staff import Permission
from triage.web import access
from triage.web.trends import pages, patrolled, signals

ROUTES: Final = (
    access.get("/desk/trends", pages.page, needs=Permission.TRENDS),
    access.get("/desk/trends/charts.json", pages.charts, needs=Permission.TRENDS),
    access.get("/desk/trends/map.json", pages.outlines, needs=Permission.TRENDS),
    access.file("/desk/trends/{panel:[a-z]+}.{kind:csv|xlsx}", pages.exported, needs=Permission.EXPORT),
    *patrolled.ROUTES,
    access.get("/desk/signals", signals.page, needs=Permission.TRENDS),
    access.file("/desk/signals.{kind:csv|xlsx}", signals.listed, needs=Permission.EXPORT),
    access.get("/desk/signals/{number:[0-9]{1,18}}", signals.one, needs=Permission.TRENDS),
    access.file("/desk/forecast.{kind:csv|xlsx}", signals.exported, needs=Permission.EXPORT),
    access.post("/desk/signals/{number:[0-9]{1,18}}", signals.decided, needs=Permission.TRENDS),
    access.post("/desk/signals/{number:[0-9]{1,18}}/back", signals.taken_back, needs=Permission.TRENDS),
)
