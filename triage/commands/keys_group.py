"""`jiesu keys …`: the way in of the commands about master keys (密钥); see `commands.keys`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from triage.commands.prepared import with_settings

if TYPE_CHECKING:
    from triage.settings import Settings

_NEW_FILE = click.Path(dir_okay=False)
_of_rewards = click.option("--reward", is_flag=True, help="领奖信息(有奖举报)的那一套密钥，不是身份信息的")


@click.group("keys")
def keys_group() -> None:
    """身份信息和领奖信息(--reward)的主密钥：添加、轮换、停用，服务不用停。"""


@keys_group.command("list")
@_of_rewards
@with_settings
def keys_list(settings: Settings, *, reward: bool) -> None:
    """列出密钥编号(不显示密钥)：哪一把用于写入，各有多少条数据在用，轮换到了哪里。"""
    from triage.commands import keys as module  # noqa: PLC0415

    module.listed(settings, module.ring_of(reward=reward))


@keys_group.command("add")
@_of_rewards
@click.option("--out", type=_NEW_FILE, help="密钥在环境变量里时：把新的一套写到这个文件(只有本人可读)")
@with_settings
def keys_add(settings: Settings, *, reward: bool, out: str | None) -> None:
    """添加一把新密钥：先只能打开，不用于写入，等各台机器都有了它再轮换。"""
    from triage.commands import keys as module  # noqa: PLC0415

    module.add(settings, module.ring_of(reward=reward), out)


@keys_group.command("backup")
@click.argument("file", type=_NEW_FILE)
@with_settings
def keys_backup(settings: Settings, *, file: str) -> None:
    """生成一把备份密钥，写到 FILE(只有本人可读)：备份用它加密，与身份信息密钥分开保管。

    已设有备份密钥时，编号接着往下排：把新的一行放在原来的文件最前面就换用它，原来的仍能打开以前的备份。
    """
    from triage.commands import backup as module  # noqa: PLC0415

    module.new_key(settings, file)


@keys_group.command("rotate")
@_of_rewards
@click.option("--to", type=click.IntRange(1), help="换成哪一把；不填为编号最大的一把")
@click.option("--batch", default=200, type=click.IntRange(1, 5000), show_default=True, help="一次事务多少行")
@with_settings
def keys_rotate(settings: Settings, *, reward: bool, to: int | None, batch: int) -> None:
    """换用新密钥写入，并把已有数据的数据密钥逐批重新包裹；中断后再运行会接着做。"""
    from triage.commands import keys as module  # noqa: PLC0415

    module.rotate(settings, module.ring_of(reward=reward), to, batch)


@keys_group.command("retire")
@_of_rewards
@click.argument("number", type=click.IntRange(1))
@click.option("--keep", type=_NEW_FILE, help="把这把密钥另存到这个文件：恢复轮换以前的备份时要用")
@click.option("--destroy", is_flag=True, help="不另存，彻底去掉")
@with_settings
def keys_retire(settings: Settings, *, reward: bool, number: int, keep: str | None, destroy: bool) -> None:
    """停用一把旧密钥；还有数据在用、或刚换下不久时拒绝。"""
    from triage.commands import keys as module  # noqa: PLC0415

    module.retire(settings, module.ring_of(reward=reward), number, keep=keep, destroy=destroy)
