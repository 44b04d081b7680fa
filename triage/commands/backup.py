"""What `jiesu backup`, `jiesu restore` and `jiesu keys backup` do."""

from __future__ import annotations

import asyncio
import base64
import getpass
import os
import signal
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from connectors.ports import ConnectorError
from models.vocab_ledger import LedgerAct, SubjectKind
from triage.commands.run import only_one
from triage.errors import BadInput, NotReady
from triage.services import ledger
from triage.services.backup import keys, leftovers, making, restoring
from triage.services.rewards.keys import reward_ring
from triage.wiring import build, open_files, open_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from types import FrameType

    from connectors.keys import KeyRing
    from triage.services.deps import Deps
    from triage.settings import Settings

T = TypeVar("T")

#: So many attachments that lack are named.
_NAMED: Final = 5
#: The exit status of a backup that was made, and lacks attachments.
_LACKING: Final = 3
_MEGA: Final = 1_000_000
#: The first schema with the ledger; its table has not changed since, so that an older schema takes an entry.
_LEDGER_SINCE: Final = "0019"


def new_key(settings: Settings, path: str) -> None:
    """Write a key for backups into a new file, its owner's alone. Raises BadInput, SettingsError.

    Where a ring is set it has the next number: under the same one it could not stand beside the others.
    """
    before = keys.given_ring(settings)
    number = max(before.keys) + 1 if before else 1
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as fault:
        raise BadInput(f"写不了 {path}：{fault.strerror}") from None
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{number}:{base64.b64encode(os.urandom(32)).decode()}\n")
        file.flush()
        os.fsync(file.fileno())
    if before:
        click.echo(
            f"{number} 号备份密钥已写到 {path}：把这一行放到现用的备份密钥最前面，原有的留在后面，"
            "以前的备份才打得开；新的一把也另存一份到别处"
        )
        return
    click.echo(
        f"备份密钥已写到 {path}：设 JIESU_BACKUP_KEYS_FILE={path}，并另存一份到别处。"
        "没有它，备份打不开；不要与备份或身份信息密钥放在一起"
    )


def backup(settings: Settings, target: str, *, verify: bool, also: Sequence[str], lost: int = 0) -> int:
    """Make one, and prove it when asked to. Raises BadInput, NotReady, SettingsError.

    Gives the exit status: not 0 when more attachments lack than are known to be `lost`, so that whoever
    removes old backups after a good one keeps those that may still have them.
    """
    rings = _rings(settings)
    ring = keys.backup_ring(settings, rings)

    async def main(told: Callable[[str, int], None]) -> tuple[making.Made, restoring.Restored | None]:
        deps = build(settings)
        try:
            inputs = making.Inputs(open_files(settings), rings, ring, [Path(one) for one in also], told)
            proved = None
            async with leftovers.cleared(deps):
                made = await making.make(deps, Path(target), inputs)
                if verify:
                    proved = await restoring.prove(deps, restoring.From(made.path, ring, rings, told))
            counts = {"files": made.manifest.files, "files_missing": len(made.manifest.files_missing)}
            await _note(deps, LedgerAct.BACKED_UP, made.path.name, rows=made.rows, verified=verify, **counts)
            return made, proved
        finally:
            await deps.close()

    started = time.monotonic()
    made, proved = _run(main)
    manifest, about = made.manifest, made.about
    click.echo(
        f"已备份到 {made.path}：{len(manifest.tables)} 张表 {made.rows} 行，附件 {manifest.files} 个，"
        f"其他文件 {len(manifest.extra)} 个，{made.bytes / _MEGA:.1f} MB，{time.monotonic() - started:.1f} 秒"
    )
    if lacking := manifest.files_missing:
        click.secho(
            f"注意：有 {len(lacking)} 个附件，数据库里登记了，附件库里没有或已损坏，备份里也就没有："
            + "、".join(one[:12] for one in lacking[:_NAMED])
            + ("……" if len(lacking) > _NAMED else ""),
            fg="yellow",
            err=True,
        )
    click.echo(f"加密用备份密钥 {ring.first} 号；恢复时还要这些密钥（备份里没有它们）：{_needs(about.needs)}")
    if proved is None:
        click.echo("没有试恢复：加 --verify 会恢复到临时数据库里核对")
    else:
        click.echo(f"已试恢复并核对：各表行数、内容一致，审计台账 {proved.ledger_rows} 行相接")
    return _LACKING if len(lacking) > lost else 0


def restore(settings: Settings, source: str, *, check: bool, replace: bool) -> None:
    """Restore one, or prove that it could be. Raises BadInput, NotReady, SettingsError."""
    rings = _rings(settings)
    ring = keys.backup_ring(settings, rings)

    async def main(told: Callable[[str, int], None]) -> restoring.Restored:
        deps = build(settings)
        try:
            given = restoring.From(Path(source), ring, rings, told)
            async with leftovers.cleared(deps):
                if check:
                    return await restoring.prove(deps, given)
                done = await restoring.restore(deps, given, open_files(settings), replace=replace)
            if done.unpacked.about.revision >= _LEDGER_SINCE:
                await _note(deps, LedgerAct.RESTORED, Path(source).name, rows=done.rows)
            return done
        finally:
            await deps.close()

    started = time.monotonic()
    alone = settings.database.startswith("sqlite") and not check
    # `jiesu run` holds its data directory: what it serves from is not exchanged below it.
    with only_one(settings.data_dir / "run.lock") if alone else nullcontext():
        done = _run(main)
    about = done.unpacked.about
    what = "可以恢复（只校验，没有改动）" if check else "已恢复"
    click.echo(
        f"{what}：{about.made_at} 的备份，结构 {about.revision}，{len(done.unpacked.manifest.tables)} 张表 "
        f"{done.rows} 行，附件 {done.unpacked.manifest.files} 个；行数、内容一致，"
        f"审计台账 {done.ledger_rows} 行相接；{time.monotonic() - started:.1f} 秒"
    )
    if not check:
        click.echo(
            "下一步：jiesu db upgrade；原系统在备份之后还运行过的，再运行 jiesu after-restore；然后启动各进程"
        )


def _rings(settings: Settings) -> dict[str, KeyRing]:
    found = {"vault": open_keys(settings).ring(fresh=True)}
    reward = reward_ring(settings)
    return found if reward is None else {**found, "reward": reward}


def _needs(needs: keys.Needed) -> str:
    parts = [
        f"{keys.RINGS[name]} {'、'.join(key for key in marks if key.isdecimal())} 号"
        for name, marks in needs.items()
    ]
    return "；".join(parts)


async def _note(deps: Deps, act: LedgerAct, name: str, **detail: ledger.Fact) -> None:
    async with deps.db.writes.begin() as session:
        ledger.write(
            session, who=getpass.getuser(), act=act, now=deps.clock.now(), detail=detail,
            subject=ledger.Subject(SubjectKind.BACKUP, name),
        )  # fmt: skip


@contextmanager
def _progress() -> Iterator[Callable[[str, int], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("准备", total=None)

        def told(what: str, size: int) -> None:
            progress.update(task, description=f"{what} {size / _MEGA:.0f} MB" if size else what)

        yield told


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM ends the work as Ctrl-C does: plain copies are removed on the way out."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(work: Callable[[Callable[[str, int], None]], Coroutine[object, object, T]]) -> T:
    """Do it with its progress shown. What PostgreSQL's programs refuse is told in words. Raises NotReady."""
    with _progress() as told, _ended_in_order():
        try:
            return asyncio.run(work(told))
        except ConnectorError as error:
            raise NotReady(str(error)) from None
