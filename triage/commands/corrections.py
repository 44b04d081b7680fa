"""`jiesu nlp corrections export`: what clerks corrected, as labelled rows for `jiesu nlp train`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from models import corrections
from triage.clock import BEIJING
from triage.commands import schema
from triage.commands.own_file import write_own
from triage.errors import BadInput
from triage.services.correcting import as_example
from triage.wiring import build

if TYPE_CHECKING:
    from datetime import datetime

    from models.corrections import CorrectedText
    from triage.settings import Settings


def export(settings: Settings, *, out: str, since: datetime | None) -> None:
    """Write the file, readable by its owner alone, and say how many. Raises BadInput, NotReady."""
    day = since.replace(tzinfo=BEIJING) if since else None

    async def read() -> tuple[list[CorrectedText], int]:
        deps = build(settings)
        try:
            await schema.check(deps.db)
            async with deps.db.reads() as session:
                return await corrections.corrected_texts(session, since=day)
        finally:
            await deps.close()

    texts, kept_back = asyncio.run(read())
    path = Path(out)
    lines = [json.dumps(as_example(text), ensure_ascii=False) for text in texts]
    try:
        write_own(path, "".join(f"{line}\n" for line in lines))
    except OSError as fault:
        raise BadInput(f"写不了 {path}：{fault.strerror}") from None
    click.echo(f"写出 {len(lines)} 条有更正的诉求；要求保密、没有写出的 {kept_back} 条")
