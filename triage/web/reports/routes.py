"""The addresses of reports."""

from __future__ import annotations

from typing import Final

from models.vocab_staff import Permission
from triage.web import access
from triage.web.reports import calls_page, due_page, month_page

ROUTES: Final = (
    access.get("/desk/calls", calls_page.page, needs=(Permission.SUPERVISE, Permission.REPORTS)),
    access.get("/desk/due", due_page.page, needs=Permission.SEE_CASES),
    access.get("/desk/month", month_page.page, needs=Permission.REPORTS),
    access.file(
        "/desk/month/{month}/{version:[0-9]{1,6}}.xlsx", month_page.exported, needs=Permission.EXPORT
    ),
)
