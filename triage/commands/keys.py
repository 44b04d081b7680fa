"""What `jiesu keys …` does."""

from __future__ import annotations

import getpass
import os
from collections import Counter
from typing import TYPE_CHECKING

import click
import sqlalchemy as sa

from connectors.keys import FileKeys, GivenKeys, KeyRing, RingMaster, VaultError
from connectors.vault import Vault
from models.key_progress import KeyProgress
from models.vocab_ledger import LedgerAct, SubjectKind
from triage.clock import show
from triage.commands.audit import run
from triage.errors import BadInput, NotReady
from triage.services import ledger
from triage.services.identities import rotating
from triage.services.identities.sealed_places import PLACES
from triage.wiring import open_keys

if TYPE_CHECKING:
    from connectors.vault import Stamp
    from triage.services.deps import Deps
    from triage.settings import Settings


def listed(settings: Settings) -> None:
    """Print a line a key, then how far rotations are."""
    source = open_keys(settings)
    ring = source.ring(fresh=True)

    async def work(deps: Deps) -> tuple[dict[Stamp, dict[str, int]], list[KeyProgress]]:
        async with deps.db.reads() as session:
            order = (KeyProgress.key_id, KeyProgress.place)
            return await rotating.uses(session), list(
                await session.scalars(sa.select(KeyProgress).order_by(*order))
            )

    used, progress = run(settings, work)
    where = source.path if isinstance(source, FileKeys) else "环境变量 JIESU_VAULT_KEYS"
    click.echo(f"密钥在 {where}")
    for number in sorted({*ring.keys, *(stamp.key_id for stamp in used)}):
        counts = {s.version: sum(by.values()) for s, by in used.items() if s.key_id == number}
        state = (
            "用于写入" if number == ring.first else "只用于打开" if number in ring.keys else "缺少这把密钥！"
        )
        told = f"{sum(counts.values())} 个值在用"
        if counts.get(1):
            told += f"(其中旧格式 {counts[1]} 个)"
        click.echo(f"  {number}：{state}，{told}")
    for row in progress:
        state = f"{show(row.finished_at)} 完成" if row.finished_at else "进行中"
        click.echo(f"  轮换到 {row.key_id}：{row.place} 看过 {row.seen} 行，改 {row.renewed} 个值，{state}")


def _write(path: str, text: str) -> None:
    """A file that is new and its owner's alone. Raises BadInput."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as fault:
        raise BadInput(f"写不了 {path}：{fault.strerror}") from None
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text + "\n")


def _note(settings: Settings, act: LedgerAct, number: int, **detail: ledger.Fact) -> None:
    async def work(deps: Deps) -> None:
        async with deps.db.writes.begin() as session:
            ledger.write(
                session, who=getpass.getuser(), act=act, now=deps.clock.now(), detail=detail,
                subject=ledger.Subject(SubjectKind.KEY, str(number)),
            )  # fmt: skip

    run(settings, work)


def add(settings: Settings, out: str | None) -> None:
    """Add a key that opens only. Raises BadInput, NotReady."""
    source = open_keys(settings)
    ring = source.ring(fresh=True).with_new()
    number = max(ring.keys)
    if not isinstance(source, FileKeys) and out is None:
        raise BadInput("密钥在环境变量里：请用 --out 文件 指定把新的 JIESU_VAULT_KEYS 写到哪里")
    # What is written down comes first: a key nobody knows of is worse than a line too many.
    _note(settings, LedgerAct.KEY_ADDED, number)
    if isinstance(source, FileKeys):
        source.save(ring)
        click.echo(f"已添加密钥 {number}：各进程几秒内都能打开它封存的数据。下一步：jiesu keys rotate")
        return
    _write(out or "", ring.text())
    click.echo(
        f"新的 JIESU_VAULT_KEYS 已写到 {out}：请换到各台机器并逐台重启，然后把 {number} 号移到最前，再轮换"
    )


def _lead(settings: Settings, to: int | None) -> FileKeys | GivenKeys:
    """The ring with the wanted key first. Raises BadInput."""
    source = open_keys(settings)
    ring = source.ring(fresh=True)
    number = to or max(ring.keys)
    if number == ring.first:
        return source
    if not isinstance(source, FileKeys):
        raise BadInput(
            f"密钥在环境变量里：请把 {number} 号移到 JIESU_VAULT_KEYS 的最前面并逐台重启，再运行本命令"
        )
    try:
        source.save(ring.led_by(number))
    except VaultError:
        raise BadInput(f"没有 {number} 号密钥") from None
    return source


async def _through(deps: Deps, vault: Vault, batch: int) -> Counter[str]:
    """Every table once, from where it stands."""
    total = Counter[str]()
    for place in PLACES:
        finished = False
        while not finished:
            async with deps.db.writes.begin() as session:
                done = await rotating.step(session, vault, place, now=deps.clock.now(), batch=batch)
            total.update(rows=done.seen, values=done.renewed, unopened=done.unopened)
            finished = done.finished
            if done.seen:
                click.echo(f"{done.place}：共看过 {total['rows']} 行，改 {total['values']} 个值", err=True)
    return total


def rotate(settings: Settings, to: int | None, batch: int) -> None:
    """Let a key seal, and bring everything to it. Raises BadInput, NotReady."""
    vault = Vault(RingMaster(_lead(settings, to)))
    number = vault.seals_with.key_id

    async def work(deps: Deps) -> Counter[str]:
        total = await _through(deps, vault, batch)
        while not total["unopened"] and await _left(deps, vault):
            async with deps.db.writes.begin() as session:
                await rotating.begin_again(session, number)
            total += await _through(deps, vault, batch)
        async with deps.db.writes.begin() as session:
            ledger.write(
                session, who=getpass.getuser(), act=LedgerAct.KEY_ROTATED, now=deps.clock.now(),
                subject=ledger.Subject(SubjectKind.KEY, str(number)), detail=dict(total),
            )  # fmt: skip
        return total

    total = run(settings, work)
    if total["unopened"]:
        raise NotReady(
            f"有 {total['unopened']} 个值用现有的密钥打不开，没有改动；日志里有表名，其余已换到 {number} 号"
        )
    click.echo(f"轮换完成：现在用 {number} 号密钥写入；看过 {total['rows']} 行，改了 {total['values']} 个值")


async def _left(deps: Deps, vault: Vault) -> bool:
    """Whether anything needs another key than the one that seals."""
    async with deps.db.reads() as session:
        return any(stamp != vault.seals_with for stamp in await rotating.uses(session))


def retire(settings: Settings, number: int, *, keep: str | None, destroy: bool) -> None:
    """Take a key away that nothing needs. Raises BadInput, NotReady."""
    if (keep is None) is not destroy:
        raise BadInput("请选择一种：--keep 文件 另存这把密钥，或 --destroy 彻底去掉")
    source = open_keys(settings)
    ring = source.ring(fresh=True)
    if number not in ring.keys:
        raise BadInput(f"没有 {number} 号密钥")
    if number == ring.first:
        raise BadInput(f"{number} 号密钥正用于写入：请先添加新密钥并轮换")

    async def work(deps: Deps) -> None:
        async with deps.db.reads() as session:
            used = await rotating.uses(session)
            since = await rotating.sealing_since(session, ring.first)
        counts = [
            f"{place} {n} 个" for s, by in used.items() if s.key_id == number for place, n in by.items()
        ]
        if counts:
            raise NotReady(f"{number} 号密钥还在用：{'，'.join(counts)}；请先运行 jiesu keys rotate")
        if since is None or deps.clock.now() - since < rotating.SETTLED_AFTER:
            minutes = int(rotating.SETTLED_AFTER.total_seconds() // 60)
            raise NotReady(
                f"换用 {ring.first} 号密钥还不到 {minutes} 分钟：可能还有进程在用旧密钥，请稍后再试"
            )
        async with deps.db.writes.begin() as session:
            ledger.write(
                session, who=getpass.getuser(), act=LedgerAct.KEY_RETIRED, now=deps.clock.now(),
                subject=ledger.Subject(SubjectKind.KEY, str(number)), detail={"kept": keep is not None},
            )  # fmt: skip

    run(settings, work)
    if keep is not None:
        _write(keep, KeyRing.of({number: ring.keys[number]}, ring.fixed).text())
    if isinstance(source, FileKeys):
        source.save(ring.without(number))
        click.echo(f"已停用 {number} 号密钥")
    else:
        click.echo(
            f"没有数据再用 {number} 号密钥：可以把它从 JIESU_VAULT_KEYS 里去掉，index: 和 audit: 两项要留着"
        )
