"""支付批次: batches for the bank and its results; the only page from which an account leaves, in the file."""

from __future__ import annotations

import asyncio
from typing import Final

import sqlalchemy as sa
from aiohttp import hdrs, web

from connectors.office_xlsx import workbook
from models.rewards import Reward, RewardBatch, RewardPayment, RewardShare
from models.vocab_rewards import PaymentState
from models.vocab_staff import Permission
from triage.clock import local
from triage.errors import BadInput
from triage.rules.rewards.amounts import yuan
from triage.services.rewards import paying, settling, yearly
from triage.web import access
from triage.web import attachments as files
from triage.web.asking import number_of
from triage.web.exporting import note_export
from triage.web.keys import DEPS, VIEWER
from triage.web.rewards import common
from triage.web.rewards.common import KEYS, STAFF, doer_of

_MOST: Final = 100
_DONE: Final = {
    "taken": "结果已导入。",
    "again": "这份结果以前导入过，没有改动。",
    "waits": "结果已导入；其中支付失败的、与此前相反的，要由另一名支付人员导入银行结果确认。",
}
_FIRST_YEAR: Final = 2016
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


async def batches(request: web.Request) -> web.Response:
    """What waits to be paid, and the batches."""
    return await _batches(request, "")


async def _batches(request: web.Request, fault: str, *, status: int = 200) -> web.Response:
    viewer = request[VIEWER]
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        found = await paying.overview(
            session, deps.tables, doer_of(request), viewer=viewer, now=deps.clock.now()
        )
        rows = list(
            await session.scalars(
                sa.select(RewardBatch)
                .where(paying.seen_batch(viewer))
                .order_by(RewardBatch.id.desc())
                .limit(_MOST)
            )
        )
        counts = await session.execute(
            sa.select(RewardPayment.batch_id, RewardPayment.state, sa.func.count())
            .where(RewardPayment.batch_id.in_([row.id for row in rows]))
            .group_by(RewardPayment.batch_id, RewardPayment.state)
        )
        told = {(batch, state): count for batch, state, count in counts}
        halves = await session.execute(
            sa.select(
                RewardPayment.batch_id,
                sa.func.count(RewardPayment.failed_by).filter(
                    RewardPayment.state == PaymentState.CLAIMED.value
                ),
                sa.func.count(RewardPayment.disputed_by),
            )
            .where(RewardPayment.batch_id.in_([row.id for row in rows]))
            .group_by(RewardPayment.batch_id)
        )
        waiting = {batch: (failed, against) for batch, failed, against in halves}
        restored = await session.execute(
            sa.select(RewardPayment, Reward.no, RewardShare.number)
            .join(RewardShare, RewardShare.id == RewardPayment.share_id)
            .join(Reward, Reward.id == RewardShare.reward_id)
            .where(RewardPayment.batch_id.in_([row.id for row in rows if not row.sha256]))
        )
        anew = {
            one.batch_id: f"{no} 第 {number} 份，流水号 {one.reference}，{yuan(one.amount_fen)}"
            for one, no, number in restored
        }
    view = [
        {
            "no": row.no, "at": row.at, "by": row.by, "count": row.payments, "total": yuan(row.total_fen),
            "sha": row.sha256, "fetched": row.fetched_at, "anew": anew.get(row.id),
            "failed": waiting[row.id][0], "against": waiting[row.id][1],
            "states": [(one.label, told.get((row.id, one.value), 0)) for one in PaymentState],
        }
        for row in rows
    ]  # fmt: skip
    done = request.query.get("done", "")
    return common.page(
        request, "pay", status=status, found=found, total=yuan(found.fen), batches=view, fault=fault,
        done=_DONE.get(done, ""),
    )  # fmt: skip


async def gathered(request: web.Request) -> web.Response:
    """A batch of everything that is claimed."""
    deps = request.app[DEPS]
    try:
        async with deps.db.writes.begin() as session:
            await paying.gather(
                session, deps.tables, request.app[KEYS].vault, doer_of(request),
                viewer=request[VIEWER], now=deps.clock.now(),
            )  # fmt: skip
    except BadInput as error:
        return await _batches(request, error.detail, status=error.status)
    return common.back("/desk/rewards/pay")


async def fetched(request: web.Request) -> web.Response:
    """The bank's file. By POST: it is noted, and no address of it lies about."""
    deps, no = request.app[DEPS], request.match_info["batch"][:20]
    async with deps.db.writes.begin() as session:
        content = await paying.fetch(
            session, deps.tables, request.app[KEYS].vault, doer_of(request), no,
            viewer=request[VIEWER], now=deps.clock.now(),
        )  # fmt: skip
    headers = {hdrs.CONTENT_DISPOSITION: f'attachment; filename="{no}.csv"'}
    return web.Response(body=content, content_type="text/csv", charset="utf-8", headers=headers)


async def results(request: web.Request) -> web.Response:
    """The bank's answer. What is wrong is told on the page, and nothing is changed."""
    deps, no = request.app[DEPS], request.match_info["batch"][:20]
    sent = files.uploads(await request.post())
    if len(sent) != 1:
        return await _batches(request, "请选择银行的结果文件（一个）。", status=400)
    try:
        async with deps.db.writes.begin() as session:
            taken = await settling.take(
                session, deps.tables, doer_of(request), no, sent[0].content,
                viewer=request[VIEWER], now=deps.clock.now(),
            )  # fmt: skip
    except paying.BankFileRefused as error:
        return await _batches(request, error.detail, status=error.status)
    waits = "waits" if taken.waiting or taken.disputed else "taken"
    return common.back(f"/desk/rewards/pay?done={'again' if taken.repeated else waits}")


def _year(request: web.Request) -> int:
    now = local(request.app[DEPS].clock.now()).year
    told = request.match_info.get("year") or request.query.get("year") or str(now)
    found = number_of(told, most=now)
    if found is None or found < _FIRST_YEAR:
        raise BadInput(f"年份应在 {_FIRST_YEAR} 到 {now} 之间")
    return found


async def _figures(request: web.Request) -> yearly.Year:
    deps = request.app[DEPS]
    year = _year(request)
    async with deps.db.reads() as session:
        return await yearly.figures(session, deps.tables, year, request[VIEWER], now=deps.clock.now())


async def year(request: web.Request) -> web.Response:
    """年报."""
    found = await _figures(request)
    groups = [
        (what, [(name, _cells(tally)) for name, tally in lines])
        for what, lines in yearly.named(request.app[DEPS].tables, found)
    ]
    last = local(request.app[DEPS].clock.now()).year
    return common.page(
        request, "year", year=found.year, total=_cells(found.total), groups=groups,
        years=range(last, last - 5, -1),
    )  # fmt: skip


def _cells(tally: yearly.Tally) -> list[str]:
    return [
        str(tally.reports), str(tally.candidates), str(tally.verified), str(tally.rewarded),
        yuan(tally.granted), str(tally.recovered), yuan(tally.returned),
        str(tally.payments), yuan(tally.paid),
    ]  # fmt: skip


async def year_file(request: web.Request) -> web.Response:
    """The same as Excel or Word."""
    deps, found = request.app[DEPS], await _figures(request)
    now = deps.clock.now()
    if request.match_info["form"] == "xlsx":
        sheets = yearly.sheets(deps.tables, found, made_at=now)
        body, kind = await asyncio.to_thread(workbook, sheets), _XLSX
    else:
        told = await asyncio.to_thread(yearly.document, deps.tables, found, made_at=now)
        body, kind = told, _DOCX
    name = f"rewards-{found.year}.{request.match_info['form']}"
    await note_export(request, name)
    headers = {hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}"'}
    return web.Response(body=body, content_type=kind, headers=headers)


ROUTES: Final = (
    access.get("/desk/rewards/pay", batches, needs=Permission.REWARD_PAY),
    access.post("/desk/rewards/pay", gathered, needs=Permission.REWARD_PAY),
    access.post("/desk/rewards/pay/{batch}/file", fetched, needs=Permission.REWARD_PAY),
    access.post("/desk/rewards/pay/{batch}/results", results, needs=Permission.REWARD_PAY),
    access.get("/desk/rewards/year", year, needs=STAFF),
    access.file("/desk/rewards/year/{year:[0-9]{4}}.{form:xlsx|docx}", year_file, needs=STAFF),
)
