"""What a command asks of the schema before it works on the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models import revision
from triage.errors import NotReady

if TYPE_CHECKING:
    from models.db import Database


async def check(db: Database) -> None:
    """Raises NotReady unless this program works on the schema as it is; a later one may do for it."""
    fit = await revision.fit(db)
    if fit.works:
        return
    if fit.newer:
        raise NotReady(f"数据库结构是 {fit.current}，本程序（{fit.head}）已太旧：请换新版本的程序")
    raise NotReady("数据库结构不是最新的：请先运行 jiesu db upgrade")
