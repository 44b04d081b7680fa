"""Write notices (通知) in the caller's transaction: they exist exactly when what they tell of does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.db import insert_of
from models.notices import Notice
from models.vocab_notices import NoticeState
from triage.errors import BadInput
from triage.rules.calendar import beijing
from triage.rules.notice_rows import FACTS
from triage.rules.noticing import not_before, reminding, wishing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.vocab import Urgency
    from models.vocab_notices import RecipientKind
    from triage.rules.rows import Tables

    _When = tuple[RecipientKind, Urgency, bool, datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class Recipient:
    """通知对象: a unit's code, a post, or the id of the appeal whose citizen is told (never a phone)."""

    kind: RecipientKind
    id: str


@dataclass(frozen=True, slots=True)
class NewNotice:
    """A notice to write. The same `key` again adds nothing; `facts` are those of `notice_rows.FACTS`.

    `reminds`: of a limit that comes (`due`) or is over: it does not wait for a digest that is too late, nor
    does what wants an answer by `due`. `held`: until then what it tells of may be taken back (撤销), so it is
    no news yet.
    """

    key: str
    to: Recipient
    template: str
    urgency: Urgency
    facts: Mapping[str, str]
    reminds: bool = False
    due: datetime | None = None
    held: datetime | None = None

    @property
    def when(self) -> _When:
        """What decides when it goes."""
        return self.to.kind, self.urgency, self.reminds, self.due, self.held


def _goes(tables: Tables, when: _When, now: datetime) -> datetime:
    kind, urgency, reminds, due, held = when
    if reminds:
        return reminding(tables.notices, kind, urgency, now, due)
    at = max(now, held or now)
    if due is not None:
        return wishing(tables.notices, kind, urgency, at, due)
    return not_before(tables.notices, kind, urgency, at)


async def note(session: AsyncSession, tables: Tables, notices: Sequence[NewNotice], *, now: datetime) -> None:
    """Write the notices; those whose key is there already are left as they are.

    Raises NoRule when no template of that name is in force, BadInput on a fact that no template may name.
    """
    rows = []
    day = beijing(now).date()
    # A batch says few different things: what does not depend on the notice is worked out once.
    for template in {notice.template for notice in notices}:
        tables.notices.template(template, day)
    goes = {when: _goes(tables, when, now) for when in {notice.when for notice in notices}}
    for notice in notices:
        if foreign := notice.facts.keys() - FACTS:
            raise BadInput(f"通知里不能写：{'、'.join(sorted(foreign))}")
        rows.append({
            "key": notice.key,
            "recipient_kind": notice.to.kind.value,
            "recipient": notice.to.id,
            "template": notice.template,
            "urgency": notice.urgency.value,
            "facts": dict(notice.facts),
            "created_at": now,
            "not_before": goes[notice.when],
            "state": NoticeState.WAITING.value,
        })  # fmt: skip
    if not rows:
        return
    # RETURNING makes it one statement: without it, each notice is one (and they are three a ticket). By the
    # connection: the session would make an object of every row.
    connection = await session.connection()
    await connection.execute(
        insert_of(session, Notice).on_conflict_do_nothing(index_elements=["key"]).returning(Notice.id), rows
    )


async def wake(session: AsyncSession, to: Recipient) -> None:
    """What waited for want of an address waits for the next round: the recipient has one now."""
    await session.execute(
        sa.update(Notice)
        .where(
            Notice.state == NoticeState.NO_CONTACT.value,
            Notice.recipient_kind == to.kind.value,
            Notice.recipient == to.id,
        )
        .values(state=NoticeState.WAITING.value)
        .execution_options(synchronize_session=False)
    )
