"""What `jiesu keys …` does."""

from __future__ import annotations

import getpass
import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click
import sqlalchemy as sa

from connectors.keys import FileKeys, GivenKeys, KeyFileRefused, KeyRing, RingMaster, VaultError
from connectors.vault import Vault
from models.key_progress import KeyProgress
from models.vocab_ledger import LedgerAct, SubjectKind
from triage.clock import show
from triage.commands.audit import run
from triage.errors import BadInput, NotReady
from triage.services import ledger
from triage.services.identities import rotating, sealed_places
from triage.services.rewards import sealed_places as reward_places
from triage.services.rewards.keys import open_reward_keys
from triage.wiring import open_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.vault import Stamp
    from triage.services.deps import Deps
    from triage.services.identities.sealed_places import SealedPlace
    from triage.settings import Settings


@dataclass(frozen=True, slots=True)
class Ring:
    """A ring of keys: its name in the ledger, its setting, what opens it, and where its values stand."""

    name: str
    setting: str
    option: str
    open: Callable[[Settings], GivenKeys | FileKeys]
    places: tuple[SealedPlace, ...]


VAULT: Final = Ring("vault", "JIESU_VAULT_KEYS", "", open_keys, sealed_places.PLACES)
REWARD: Final = Ring("reward", "JIESU_REWARD_KEYS", " --reward", open_reward_keys, reward_places.PLACES)


def ring_of(*, reward: bool) -> Ring:
    """The ring that a command is about."""
    return REWARD if reward else VAULT


def listed(settings: Settings, which: Ring) -> None:
    """Print a line a key, then how far rotations are."""
    source = which.open(settings)
    ring = source.ring(fresh=True)

    async def work(deps: Deps) -> tuple[dict[Stamp, dict[str, int]], list[KeyProgress]]:
        async with deps.db.reads() as session:
            rows = sa.select(KeyProgress).where(KeyProgress.place.in_([place.name for place in which.places]))
            return await rotating.uses(session, which.places), list(
                await session.scalars(rows.order_by(KeyProgress.key_id, KeyProgress.place))
            )

    used, progress = run(settings, work)
    where = source.path if isinstance(source, FileKeys) else f"环境变量 {which.setting}"
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


def _check_writable(source: FileKeys | GivenKeys) -> None:
    """Before anything is written down. Raises NotReady when a file's ring cannot be replaced."""
    if isinstance(source, FileKeys):
        try:
            source.check_writable()
        except KeyFileRefused as refused:
            raise NotReady(str(refused)) from None


def _save(source: FileKeys, ring: KeyRing) -> None:
    """Raises NotReady when the file cannot be replaced."""
    try:
        source.save(ring)
    except KeyFileRefused as refused:
        raise NotReady(str(refused)) from None


def _note(settings: Settings, which: Ring, act: LedgerAct, number: int) -> None:
    async def work(deps: Deps) -> None:
        async with deps.db.writes.begin() as session:
            ledger.write(
                session, who=getpass.getuser(), act=act, now=deps.clock.now(), detail={"ring": which.name},
                subject=ledger.Subject(SubjectKind.KEY, str(number)),
            )  # fmt: skip

    run(settings, work)


def add(settings: Settings, which: Ring, out: str | None) -> None:
    """Add a key that opens only. Raises BadInput, NotReady."""
    source = which.open(settings)
    ring = source.ring(fresh=True).with_new()
    number = max(ring.keys)
    if not isinstance(source, FileKeys) and out is None:
        raise BadInput(f"密钥在环境变量里：请用 --out 文件 指定把新的 {which.setting} 写到哪里")
    _check_writable(source)
    # What is written down comes first: a key nobody knows of is worse than a line too many.
    _note(settings, which, LedgerAct.KEY_ADDED, number)
    if isinstance(source, FileKeys):
        _save(source, ring)
        click.echo(
            f"已添加密钥 {number}：各进程几秒内都能打开它封存的数据。下一步：jiesu keys rotate{which.option}"
        )
        return
    _write(out or "", ring.text())
    click.echo(
        f"新的 {which.setting} 已写到 {out}：请换到各台机器并逐台重启，然后把 {number} 号移到最前，再轮换"
    )


def _lead(settings: Settings, which: Ring, to: int | None) -> FileKeys | GivenKeys:
    """The ring with the wanted key first. Raises BadInput."""
    source = which.open(settings)
    ring = source.ring(fresh=True)
    number = to or max(ring.keys)
    if number == ring.first:
        return source
    if not isinstance(source, FileKeys):
        raise BadInput(
            f"密钥在环境变量里：请把 {number} 号移到 {which.setting} 的最前面并逐台重启，再运行本命令"
        )
    try:
        led = ring.led_by(number)
    except VaultError:
        raise BadInput(f"没有 {number} 号密钥") from None
    _save(source, led)
    return source


async def _through(deps: Deps, which: Ring, vault: Vault, batch: int) -> Counter[str]:
    """Every table once, from where it stands."""
    total = Counter[str]()
    for place in which.places:
        finished = False
        while not finished:
            async with deps.db.writes.begin() as session:
                done = await rotating.step(session, vault, place, now=deps.clock.now(), batch=batch)
            total.update(rows=done.seen, values=done.renewed, unopened=done.unopened)
            finished = done.finished
            if done.seen:
                click.echo(f"{done.place}：共看过 {total['rows']} 行，改 {total['values']} 个值", err=True)
    return total


def rotate(settings: Settings, which: Ring, to: int | None, batch: int) -> None:
    """Let a key seal, and bring everything to it. Raises BadInput, NotReady."""
    vault = Vault(RingMaster(_lead(settings, which, to)))
    number = vault.seals_with.key_id

    async def work(deps: Deps) -> Counter[str]:
        total = await _through(deps, which, vault, batch)
        while not total["unopened"] and await _left(deps, which, vault):
            async with deps.db.writes.begin() as session:
                await rotating.begin_again(session, which.places, number)
            total += await _through(deps, which, vault, batch)
        async with deps.db.writes.begin() as session:
            ledger.write(
                session, who=getpass.getuser(), act=LedgerAct.KEY_ROTATED, now=deps.clock.now(),
                subject=ledger.Subject(SubjectKind.KEY, str(number)), detail={"ring": which.name, **total},
            )  # fmt: skip
        return total

    total = run(settings, work)
    if total["unopened"]:
        raise NotReady(
            f"有 {total['unopened']} 个值用现有的密钥打不开，没有改动；日志里有表名，其余已换到 {number} 号"
        )
    click.echo(f"轮换完成：现在用 {number} 号密钥写入；看过 {total['rows']} 行，改了 {total['values']} 个值")


async def _left(deps: Deps, which: Ring, vault: Vault) -> bool:
    """Whether anything needs another key than the one that seals."""
    async with deps.db.reads() as session:
        return any(stamp != vault.seals_with for stamp in await rotating.uses(session, which.places))


def retire(settings: Settings, which: Ring, number: int, *, keep: str | None, destroy: bool) -> None:
    """Take a key away that nothing needs. Raises BadInput, NotReady."""
    if (keep is None) is not destroy:
        raise BadInput("请选择一种：--keep 文件 另存这把密钥，或 --destroy 彻底去掉")
    source = which.open(settings)
    ring = source.ring(fresh=True)
    if number not in ring.keys:
        raise BadInput(f"没有 {number} 号密钥")
    if number == ring.first:
        raise BadInput(f"{number} 号密钥正用于写入：请先添加新密钥并轮换")
    _check_writable(source)

    async def work(deps: Deps) -> None:
        async with deps.db.reads() as session:
            used = await rotating.uses(session, which.places)
            since = await rotating.sealing_since(session, which.places, ring.first)
        counts = [
            f"{place} {n} 个" for s, by in used.items() if s.key_id == number for place, n in by.items()
        ]
        if counts:
            raise NotReady(
                f"{number} 号密钥还在用：{'，'.join(counts)}；请先运行 jiesu keys rotate{which.option}"
            )
        if since is None or deps.clock.now() - since < rotating.SETTLED_AFTER:
            minutes = int(rotating.SETTLED_AFTER.total_seconds() // 60)
            raise NotReady(
                f"换用 {ring.first} 号密钥还不到 {minutes} 分钟：可能还有进程在用旧密钥，请稍后再试"
            )
        async with deps.db.writes.begin() as session:
            ledger.write(
                session, who=getpass.getuser(), act=LedgerAct.KEY_RETIRED, now=deps.clock.now(),
                subject=ledger.Subject(SubjectKind.KEY, str(number)),
                detail={"ring": which.name, "kept": keep is not None},
            )  # fmt: skip

    run(settings, work)
    if keep is not None:
        _write(keep, KeyRing.of({number: ring.keys[number]}, ring.fixed).text())
    if isinstance(source, FileKeys):
        _save(source, ring.without(number))
        click.echo(f"已停用 {number} 号密钥")
    else:
        click.echo(
            f"没有数据再用 {number} 号密钥：可以把它从 {which.setting} 里去掉，index: 和 audit: 两项要留着"
        )
