"""What a command is given before it runs: the settings, and logging set up."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, BinaryIO, cast

import click

# Nothing that is slow to load here: this is on the way in of every command.
if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BufferedReader


def streams() -> tuple[BufferedReader, BinaryIO]:
    """Standard input and output as bytes. Raises BadInput where one was closed (`<&-`)."""
    from triage.errors import BadInput  # noqa: PLC0415

    # None where the shell closed it, whatever its type says.
    if cast("object", sys.stdin) is None or cast("object", sys.stdout) is None:
        raise BadInput("标准输入或标准输出已关闭")
    return cast("BufferedReader", sys.stdin.buffer), sys.stdout.buffer


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the settings, with logging set up."""

    @click.pass_context
    def wrapped(ctx: click.Context, /, *args: object, **kwargs: object) -> None:
        from triage import logs  # noqa: PLC0415
        from triage.settings import load_settings  # noqa: PLC0415

        settings = load_settings()
        logs.set_up(level=settings.log_level, as_json=settings.log_json)
        ctx.invoke(command, settings, *args, **kwargs)

    wrapped.__doc__ = command.__doc__
    wrapped.__name__ = command.__name__
    return wrapped
