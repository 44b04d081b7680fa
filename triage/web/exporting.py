"""导出 is written to the ledger: who took which file out, before it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.vocab_ledger import LedgerAct, SubjectKind
from triage.services import ledger
from triage.web.keys import DEPS, VIEWER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web


async def note_export(
    request: web.Request, name: str, *, rows: int | None = None, filters: Mapping[str, str] | None = None
) -> None:
    """Write down that the viewer exports the file of this name. Not written down, it is not given.

    `filters`: what was asked for, where an address says it; without words that identify anyone.
    """
    deps = request.app[DEPS]
    asked = [f"{key}={said}" for key, said in (filters or {}).items()]
    async with deps.db.writes.begin() as session:
        ledger.write(
            session, who=request[VIEWER].login, act=LedgerAct.EXPORTED, now=deps.clock.now(),
            subject=ledger.Subject(SubjectKind.EXPORT, name),
            detail={"rows": rows, "filters": asked or None},
        )  # fmt: skip
