"""The addresses of bulk work."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from triage.web.bulk import api, export, pages

ROUTES: Final = (
    web.get("/desk/bulk", pages.listed),
    web.post("/desk/bulk", pages.drafted),
    web.get("/desk/bulk/new", pages.new),
    web.get("/desk/bulk/{id}", pages.job),
    web.get("/desk/bulk/{id}/part", pages.part),
    web.get("/desk/bulk/{id}/results.{kind}", export.exported),
    web.post("/desk/bulk/{id}/start", pages.started),
    web.post("/desk/bulk/{id}/cancel", pages.cancelled),
    web.post("/desk/bulk/{id}/undo", pages.undone),
    web.post("/api/v1/bulk", api.drafted),
    web.get("/api/v1/bulk/{id}", api.job),
    web.get("/api/v1/bulk/{id}/rows", api.rows),
    web.post("/api/v1/bulk/{id}/start", api.started),
    web.post("/api/v1/bulk/{id}/cancel", api.cancelled),
    web.post("/api/v1/bulk/{id}/undo", api.undone),
)
