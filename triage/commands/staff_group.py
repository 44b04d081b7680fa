"""`jiesu staff …`: accounts from the terminal. Passwords are asked for or made, never an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from models.vocab_staff import Permission, Role
from triage.commands.prepared import with_settings

if TYPE_CHECKING:
    from triage.settings import Settings

_ROLE = click.Choice([role.value for role in Role])
_GENERATE = click.option("--generate", is_flag=True, help="不问密码，生成一个，只显示这一次")


@click.group("staff")
def staff_group() -> None:
    """账号：谁能登录，有什么角色。"""


@staff_group.command("add")
@click.argument("login")
@click.option("--name", required=True, help="姓名")
@click.option("--unit", help="所在单位，编码或全称；不填为全市")
@click.option("--role", "roles", type=_ROLE, multiple=True, help="角色，可写多个")
@click.option("--provider", help="统一认证的账号或邮箱，第一次从那里登录时据此关联")
@click.option("--provider-only", is_flag=True, help="只从统一认证登录，不设密码")
@_GENERATE
@with_settings
def staff_add(settings: Settings, **options: Any) -> None:  # noqa: ANN401
    """建一个账号。密码在提示后输入，或用 --generate 生成；第一次登录时要换掉。"""
    from triage.commands import staff as module  # noqa: PLC0415

    module.add(settings, **options)


@staff_group.command("list")
@click.option("--query", default="", help="姓名或账号里的字")
@click.option("--unit", help="单位，编码或全称")
@click.option("--role", type=_ROLE, help="角色")
@click.option("--all", "every", is_flag=True, help="连同已停用的")
@with_settings
def staff_list(settings: Settings, **options: Any) -> None:  # noqa: ANN401
    """列出账号。"""
    from triage.commands import staff as module  # noqa: PLC0415

    module.show(settings, **options)


@staff_group.command("role")
@click.argument("login")
@click.argument("role", type=_ROLE)
@click.option("--unit", help="对哪个单位，编码或全称；不填为这个人所在的单位")
@click.option("--from", "first", help="从哪天起，形如 2026-11-23；不填为今天")
@click.option("--to", "last", help="到哪天止；不填为长期")
@click.option("--withdraw", is_flag=True, help="收回，而不是授予")
@with_settings
def staff_role(settings: Settings, **options: Any) -> None:  # noqa: ANN401
    """授予或收回角色；这个人的会话马上结束。"""
    from triage.commands import staff as module  # noqa: PLC0415

    module.role(settings, **options)


@staff_group.command("disable")
@click.argument("login")
@click.option("--enable", is_flag=True, help="恢复，而不是停用")
@with_settings
def staff_disable(settings: Settings, *, login: str, enable: bool) -> None:
    """停用账号：会话和令牌马上失效。"""
    from triage.commands import staff as module  # noqa: PLC0415

    module.disable(settings, login, enable=enable)


@staff_group.command("reset")
@click.argument("login")
@click.option("--codes", is_flag=True, help="手机丢了：同时停用动态验证码")
@_GENERATE
@with_settings
def staff_reset(settings: Settings, *, login: str, codes: bool, generate: bool) -> None:
    """重置密码并解除锁定；下次登录时要换掉。"""
    from triage.commands import staff as module  # noqa: PLC0415

    module.reset(settings, login, codes=codes, generate=generate)


@staff_group.command("token")
@click.argument("login")
@click.option("--name", help="给哪个程序用；写了就新建")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([permission.value for permission in Permission]),
    multiple=True,
    help="权限，可写多个；只能是这个账号有的",
)
@click.option("--days", default=90, type=click.IntRange(1), help="有效期，天")
@click.option("--revoke", type=click.IntRange(1), help="停用这个编号的令牌")
@with_settings
def staff_token(settings: Settings, **options: Any) -> None:  # noqa: ANN401
    """接口令牌：列出；有 --name 时新建，只显示这一次；有 --revoke 时停用。"""
    from triage.commands import staff as module  # noqa: PLC0415

    module.token(settings, **options)


@staff_group.command("sessions")
@click.argument("login")
@click.option("--end", is_flag=True, help="全部结束")
@with_settings
def staff_sessions(settings: Settings, *, login: str, end: bool) -> None:
    """列出会话；有 --end 时全部结束。"""
    from triage.commands import staff as module  # noqa: PLC0415

    module.show_sessions(settings, login, end=end)


@staff_group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--passwords", type=click.Path(dir_okay=False), help="把生成的密码写进这个新文件(只有本人可读)")
@click.option("--commit", is_flag=True, help="真的建立；不写只检查")
@with_settings
def staff_import(settings: Settings, *, file: str, passwords: str | None, commit: bool) -> None:
    """从 CSV 建账号：账号、姓名、单位、角色、统一认证、起、止。有一行不对就一个也不建，并逐行指出。"""
    from triage.commands import staff as module  # noqa: PLC0415

    module.load(settings, file, passwords=passwords, commit=commit)
