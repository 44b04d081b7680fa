"""The addresses of reports."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from triage.web.reports import calls_page, due_page, month_page

ROUTES: Final = (
    web.get("/desk/calls", calls_page.page),
    web.get("/desk/due", due_page.page),
    web.get("/desk/month", month_page.page),
    web.get("/desk/month/{month}/{version:[0-9]{1,6}}.xlsx", month_page.exported),
)
