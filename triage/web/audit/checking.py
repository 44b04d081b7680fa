"""核对台账 by a press of the auditor's: the chain is followed from its beginning; that it was is an entry."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_staff import Permission
from triage.services import ledger
from triage.services.auditing import verifying
from triage.web import access
from triage.web.audit import pages
from triage.web.keys import DEPS, VIEWER

if TYPE_CHECKING:
    from aiohttp import web

    from triage.services.auditing.verifying import Verdict

#: A page is not waited for longer; the terminal has no such limit.
LONGEST_SECONDS: Final = 60.0


async def verified(request: web.Request) -> web.Response:
    """POST /desk/audit/verify: what came of it, above the entries."""
    deps, login = request.app[DEPS], request[VIEWER].login
    found: Verdict | None = None
    try:
        async with asyncio.timeout(LONGEST_SECONDS), deps.db.reads() as session:
            found = await verifying.verify(session, deps.vault.public_key)
    except TimeoutError:
        told = f"{LONGEST_SECONDS:.0f} 秒内没有核对完：请在终端运行 jiesu audit verify。"
    else:
        told = _told(found)
    async with deps.db.writes.begin() as session:
        ledger.write(
            session, who=login, act=LedgerAct.LEDGER_VERIFIED, now=deps.clock.now(), new=told,
            subject=ledger.Subject(SubjectKind.LEDGER, "chain"),
            detail={"rows": found.rows if found else None},
        )  # fmt: skip
    return await pages.shown(request, told=told, sound=found is not None and found.broken is None)


def _told(found: Verdict) -> str:
    if found.broken is not None:
        return f"第 {found.broken} 行有问题：{found.why}；之前的 {found.rows} 行都对。"
    return f"审计台账完整：共 {found.rows} 行；签名到第 {found.signed_to} 行，检查点 {found.checkpoints} 个。"


ROUTES: Final = (access.post("/desk/audit/verify", verified, needs=Permission.AUDIT),)
