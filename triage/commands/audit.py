"""What `jiesu audit …` does."""

from __future__ import annotations

import asyncio
import getpass
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import orjson
import sqlalchemy as sa

from connectors.vault import signed_by
from models.ledger import LedgerCheckpoint, checkpoint_text
from models.vocab_ledger import LedgerAct, SubjectKind
from triage.clock import BEIJING, show
from triage.commands import schema
from triage.errors import BadInput, NotReady
from triage.services import ledger
from triage.services.auditing import exporting, keeping, reading, verifying
from triage.wiring import build

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from triage.services.deps import Deps
    from triage.settings import Settings

T = TypeVar("T")


def run(settings: Settings, work: Callable[[Deps], Awaitable[T]]) -> T:
    """Do this with the database at its newest. Raises NotReady."""

    async def main() -> T:
        deps = build(settings)
        try:
            await schema.check(deps.db)
            with ledger.coming_from("command"):
                return await work(deps)
        finally:
            await deps.close()

    return asyncio.run(main())


def verify(settings: Settings, points: tuple[str, ...]) -> int:
    """Follow the whole chain. Gives exit status 0, or 1 when a row is not as it was. Raises BadInput."""

    async def work(deps: Deps) -> verifying.Verdict:
        kept = [_kept(Path(point), deps.vault.public_key) for point in points]
        async with deps.db.reads() as session:
            return await verifying.verify(session, deps.vault.public_key, kept=kept)

    found = run(settings, work)
    if found.broken is not None:
        click.echo(f"第 {found.broken} 行有问题：{found.why}；之前的 {found.rows} 行都对")
        return 1
    told = f"第 {found.first} 到 {found.last} 行，" if found.rows else ""
    signed = f"签名到第 {found.signed_to} 行，检查点 {found.checkpoints} 个"
    click.echo(f"审计台账完整：{told}共 {found.rows} 行；{signed}")
    return 0


def _kept(path: Path, public_key: str) -> Mapping[str, object]:
    """A checkpoint that was put aside. Raises BadInput when it is none of ours."""
    try:
        told: dict[str, Any] = orjson.loads(path.read_bytes())
        text = checkpoint_text(
            seq=told["seq"],
            kind=told["kind"],
            hash_=bytes.fromhex(told["hash"]),
            at=datetime.fromisoformat(told["at"]),
        )
        genuine = told["public_key"] == public_key and signed_by(public_key, text, told["signature"])
    except (OSError, ValueError, TypeError, KeyError):
        raise BadInput(f"{path} 不是检查点文件") from None
    if not genuine:
        raise BadInput(f"{path} 的签名不是本系统的")
    return told


def export(
    settings: Settings,
    *,
    file: str,
    form: str | None,
    who: str | None,
    case_no: str | None,
    since: datetime | None,
    until: datetime | None,
) -> None:
    """Write the entries to a file that only its owner may read. Raises BadInput."""
    path = Path(file)
    shape = form or ("csv" if path.suffix.lower() == ".csv" else "jsonl")
    wanted = reading.LedgerFilter(
        who=who,
        case_no=case_no,
        since=since.replace(tzinfo=BEIJING) if since else None,
        until=until.replace(tzinfo=BEIJING) + timedelta(days=1) if until else None,
    )

    async def work(deps: Deps) -> int:
        by = getpass.getuser()
        async with deps.db.writes.begin() as session:
            ledger.write(
                session, who=by, act=LedgerAct.LEDGER_EXPORTED, now=deps.clock.now(),
                subject=ledger.Subject(SubjectKind.LEDGER, path.name),
                detail={"format": shape, "who": who, "case": case_no},
            )  # fmt: skip
        count = 0
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as fault:
            raise BadInput(f"写不了 {path}：{fault.strerror}") from None
        # Also one that was there already, with other rights.
        os.fchmod(handle, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(exporting.head(shape))
            async for row in reading.every(deps.db, wanted):
                stream.write(exporting.line(row, shape))
                count += 1
        return count

    click.echo(f"写出 {run(settings, work)} 条到 {path}")


def checkpoint(settings: Settings) -> None:
    """Sign the end and print it. Raises NotReady while there is nothing to sign."""

    async def work(deps: Deps) -> LedgerCheckpoint | None:
        async with deps.db.writes.begin() as session:
            await keeping.mark(session, deps.vault, now=deps.clock.now())
        async with deps.db.reads() as session:
            newest = LedgerCheckpoint.seq.desc()
            return await session.scalar(sa.select(LedgerCheckpoint).order_by(newest).limit(1))

    point = run(settings, work)
    if point is None:
        raise NotReady("审计台账里还没有条目")
    told = {
        "seq": point.seq, "kind": point.kind, "hash": point.hash.hex(), "at": point.at.isoformat(),
        "public_key": point.public_key, "signature": point.signature,
    }  # fmt: skip
    click.echo(orjson.dumps(told).decode())
    click.echo(f"{show(point.at)}，第 {point.seq} 行", err=True)
