"""`jiesu unit contact …`: where units and posts are told things (联系方式)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from triage.commands.prepared import with_settings

if TYPE_CHECKING:
    from triage.settings import Settings

_MEDIA = click.Choice(["sms", "wecom", "wecom_group", "email"])
_POST = click.option("--post", is_flag=True, help="UNIT 是岗位(hotline、supervisor 等)，不是单位编码")


@click.group("unit")
def unit_group() -> None:
    """承办单位。"""


@unit_group.group("contact")
def contact() -> None:
    """外发通知的联系方式：每个单位(或岗位)每个渠道一个，加密保存。"""


@contact.command("set")
@click.argument("unit")
@click.argument("medium", type=_MEDIA)
@click.option("--address", prompt="地址(手机号、成员账号、群机器人 key 或邮箱)", help="不填则在提示后输入")
@_POST
@with_settings
def contact_set(settings: Settings, *, unit: str, medium: str, address: str, post: bool) -> None:
    """设一个联系方式；因为没有联系方式而等着的通知随后发出。"""
    from triage.commands import contacts as module  # noqa: PLC0415

    module.put(settings, unit, medium, address, post=post)


@contact.command("remove")
@click.argument("unit")
@click.argument("medium", type=_MEDIA)
@_POST
@with_settings
def contact_remove(settings: Settings, *, unit: str, medium: str, post: bool) -> None:
    """去掉一个联系方式。"""
    from triage.commands import contacts as module  # noqa: PLC0415

    module.drop(settings, unit, medium, post=post)


@contact.command("list")
@click.argument("unit", required=False)
@with_settings
def contact_list(settings: Settings, *, unit: str | None) -> None:
    """列出联系方式(遮盖)。"""
    from triage.commands import contacts as module  # noqa: PLC0415

    module.show(settings, unit)
