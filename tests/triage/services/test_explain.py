"""`jiesu ticket explain`: each decision, its row, its source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import triage.tables
from tests.factories import TicketIn, add_reference, add_tickets
from triage.errors import NotFound
from triage.services.explain import explain

if TYPE_CHECKING:
    from models.db import Database


async def test_a_ticket_is_explained_step_by_step(db: Database) -> None:
    await add_reference(db)
    decision = {"steps": ["因为街道负责露天烧烤。"], "row_ids": ["cat-1"], "sources": ["条例 art. 12"]}
    (no,) = await add_tickets(db, TicketIn(decision=decision))
    async with db.reads() as session:
        text = "\n".join(await explain(session, triage.tables.load(), no))
    assert [
        word
        for word in (no, "望京街道办事处", "因为街道负责露天烧烤。", "cat-1", "条例 art. 12")
        if word not in text
    ] == []


async def test_an_unknown_number_is_said_to_be_unknown(db: Database) -> None:
    async with db.reads() as session:
        with pytest.raises(NotFound, match="20990101-00000001"):
            await explain(session, triage.tables.load(), "20990101-00000001")
