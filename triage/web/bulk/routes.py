"""The addresses of bulk work."""

from __future__ import annotations

from typing import Final

from models.vocab_staff import Permission
from triage.web import access
from triage.web.bulk import api, export, pages

ROUTES: Final = (
    access.get("/desk/bulk", pages.listed, needs=Permission.BULK),
    access.post("/desk/bulk", pages.drafted, needs=Permission.BULK),
    access.get("/desk/bulk/new", pages.new, needs=Permission.BULK),
    access.get("/desk/bulk/{id}", pages.job, needs=Permission.BULK),
    access.get("/desk/bulk/{id}/part", pages.part, needs=Permission.BULK),
    access.file("/desk/bulk/{id}/results.{kind}", export.exported, needs=Permission.EXPORT),
    access.post("/desk/bulk/{id}/start", pages.started, needs=Permission.BULK),
    access.post("/desk/bulk/{id}/cancel", pages.cancelled, needs=Permission.BULK),
    access.post("/desk/bulk/{id}/undo", pages.undone, needs=Permission.BULK),
    access.post("/api/v1/bulk", api.drafted, needs=Permission.BULK),
    access.get("/api/v1/bulk/{id}", api.job, needs=Permission.BULK),
    access.get("/api/v1/bulk/{id}/rows", api.rows, needs=Permission.BULK),
    access.post("/api/v1/bulk/{id}/start", api.started, needs=Permission.BULK),
    access.post("/api/v1/bulk/{id}/cancel", api.cancelled, needs=Permission.BULK),
    access.post("/api/v1/bulk/{id}/undo", api.undone, needs=Permission.BULK),
)
