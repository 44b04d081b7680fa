"""A report that could not be read is registered by hand: who found it is no answer, and is not carried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.appeals import Appeal
from models.files import Attachment
from models.ledger import LedgerRow
from models.outbox import DeadLetter, Outbox
from models.viewing import all_seeing
from models.vocab import AppealState
from models.vocab_identities import IdentityField
from models.vocab_ledger import LedgerAct
from tests.factories import NOW
from tests.triage.services.patrol.conftest import HASHES, NOTE, send, wish
from tests.triage.services.test_registering import wish as by_hand
from tests.triage.web.open311.conftest import read_all
from triage.services import registering
from triage.services.identities import holding
from triage.services.identities.holding import Holder

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from triage.services.deps import Deps

CLERK = all_seeing("clerk")


async def test_a_dead_report_is_taken_over_by_hand(deps: Deps, reader: Reader) -> None:
    held = (await send(deps, wish(handled=True, note=NOTE, after=1))).appeal_id
    async with deps.db.writes.begin() as session:
        await session.execute(sa.delete(Outbox))
        letter = {
            "topic": "read_appeals",
            "key": held,
            "reason": "ValueError",
            "detail": {},
            "created_at": NOW,
        }
        await session.execute(sa.insert(DeadLetter), [letter])
        await session.execute(sa.update(Appeal).values(state=AppealState.DEAD.value))
    async with deps.db.reads() as session:
        old = await registering.failed(session, CLERK, held)
        holder = Holder("")
        told = await holding.value_of(session, deps.vault, holder, held, IdentityField.ORIGINAL)
    assert NOTE in told
    form = by_hand(
        title=old.title, text=old.text, place=old.place, number="", name="", phone="", failed=held, carry=True
    )  # fmt: skip
    async with deps.db.writes.begin() as session:
        made = await registering.register(session, deps, CLERK, form, now=NOW)
    assert await read_all(deps, reader) == 1
    async with deps.db.reads() as session:
        entry = await session.scalar(
            sa.select(LedgerRow.detail).where(
                LedgerRow.act == LedgerAct.REGISTERED.value, LedgerRow.subject == str(made.appeal_id)
            )
        )
        files = await session.scalars(
            sa.select(Attachment.sha256).where(Attachment.appeal_id == made.appeal_id)
        )
        assert {*files} == {sha256 for sha256, _ in HASHES}
    assert entry is not None
    assert (entry["failed"], "answered" in entry) == (held, False)
