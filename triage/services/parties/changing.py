"""归并、拆分、撤回: a person says that spellings are one party, or not. Nothing is lost, each can be undone.

In the caller's transaction; both parties are locked in order of id, so that two people never cross.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import sqlalchemy as sa

from models.parties import Party, PartyChange, PartyName, PartyPair
from models.vocab_parties import PartyAct, PartyPairState
from triage.errors import BadInput, NotFound, TriageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

LONGEST_REASON: Final = 200
_MOVES: Final = frozenset({PartyAct.MERGE.value, PartyAct.SPLIT.value})


class PartyMoved(TriageError):
    """这个对象刚被别人改过，请刷新页面再看。"""

    code: ClassVar[str] = "party_moved"
    status: ClassVar[int] = 409


async def merge(
    session: AsyncSession, from_id: int, to_id: int, *, version: int, reason: str, by: str, now: datetime
) -> int:
    """归并: all spellings of one party go to another. Gives the change's id.

    Raises NotFound, BadInput, PartyMoved.
    """
    if from_id == to_id:
        raise BadInput("不能把对象归并到它自己")
    parties = await _locked(session, from_id, to_id)
    _unchanged(parties[from_id], version)
    if parties[to_id].merged_into is not None:
        raise BadInput("目标对象已经归并到别处，请选归并后的那一个")
    names = list(await session.scalars(sa.select(PartyName.id).where(PartyName.party_id == from_id)))
    parties[from_id].merged_into = to_id
    await _move(session, parties, names, to_id)
    await _decided(session, names, to_id, by=by, now=now)
    return await _note(session, PartyAct.MERGE, from_id, to_id, names, reason=reason, by=by, now=now)


async def split(
    session: AsyncSession,
    from_id: int,
    names: Sequence[int],
    *,
    version: int,
    reason: str,
    by: str,
    now: datetime,
) -> int:
    """拆分: some spellings become a party of their own. Gives that party's id.

    Raises NotFound, BadInput, PartyMoved.
    """
    parties = await _locked(session, from_id)
    _unchanged(parties[from_id], version)
    own = list(await session.scalars(sa.select(PartyName).where(PartyName.party_id == from_id)))
    chosen = [row for row in own if row.id in set(names)]
    if not chosen or len(chosen) == len(own):
        raise BadInput("请选要拆出去的写法，至少一个，也不能是全部")
    first = min(chosen, key=lambda row: row.id)
    party = Party(
        name=first.written, district_code=parties[from_id].district_code, street_code=first.street_code,
        version=1, made_at=now,
    )  # fmt: skip
    session.add(party)
    await session.flush()
    parties[party.id] = party
    await _move(session, parties, [row.id for row in chosen], party.id)
    await _refused(
        session, [row.id for row in chosen], [r.id for r in own if r not in chosen], by=by, now=now
    )
    await _note(
        session, PartyAct.SPLIT, from_id, party.id, [row.id for row in chosen], reason=reason, by=by, now=now
    )
    return party.id


async def undo(session: AsyncSession, change_id: int, *, of: int, by: str, now: datetime) -> int:
    """撤回: the spellings of a change go back, if they are still where it put them. Gives the party's id.

    `of` is the party on whose page it stands: a change of others is not there.

    Raises NotFound, BadInput.
    """
    change = await session.get(PartyChange, change_id)
    if change is None or of not in {change.from_id, change.to_id}:
        raise NotFound("没有这条归并记录。")
    if change.act not in _MOVES:
        raise BadInput("撤回本身不能再撤回：请重新归并或拆分")
    done = await session.scalar(sa.select(PartyChange.id).where(PartyChange.undoes == change_id))
    if done is not None:
        raise BadInput("这一步已经撤回过")
    parties = await _locked(session, change.from_id, change.to_id)
    held = await session.scalar(
        sa.select(sa.func.count()).where(PartyName.id.in_(change.names), PartyName.party_id == change.to_id)
    )
    if held != len(change.names):
        raise BadInput("这些写法后来又归到了别处，请先撤回后来的那一步")
    parties[change.from_id].merged_into = None
    await _move(session, parties, change.names, change.from_id)
    left = await session.scalar(sa.select(sa.func.count()).where(PartyName.party_id == change.to_id))
    if not left:
        parties[change.to_id].merged_into = change.from_id
    await session.execute(
        sa.update(PartyPair)
        .where(PartyPair.at == change.at, PartyPair.state != PartyPairState.PROPOSED.value)
        .where(sa.or_(PartyPair.a_id.in_(change.names), PartyPair.b_id.in_(change.names)))
        .values(state=PartyPairState.PROPOSED.value, by=by, at=now)
        .execution_options(synchronize_session=False)
    )
    session.add(
        PartyChange(
            act=PartyAct.UNDO.value, from_id=change.to_id, to_id=change.from_id, names=change.names,
            reason=f"撤回第 {change_id} 步", by=by, at=now, undoes=change_id,
        )
    )  # fmt: skip
    await session.flush()
    return change.from_id


async def refuse(session: AsyncSession, a_id: int, b_id: int, *, by: str, now: datetime) -> None:
    """不是同一家: the pair is not proposed again. Raises NotFound, and BadInput where it is answered."""
    await _answer(session, a_id, b_id, PartyPairState.PROPOSED, PartyPairState.REFUSED, by=by, now=now)
    await _said(session, PartyAct.REFUSE, a_id, b_id, "判为不是同一家", by=by, now=now)


async def propose_again(
    session: AsyncSession, a_id: int, b_id: int, *, reason: str, by: str, now: datetime
) -> None:
    """撤回“不是同一家”: the pair is proposed as before; that it was refused stays among the steps.

    Raises NotFound, and BadInput where it is not refused.
    """
    await _answer(session, a_id, b_id, PartyPairState.REFUSED, PartyPairState.PROPOSED, by=by, now=now)
    await _said(session, PartyAct.AGAIN, a_id, b_id, reason, by=by, now=now)


async def _answer(
    session: AsyncSession, a_id: int, b_id: int, old: PartyPairState, new: PartyPairState, *,
    by: str, now: datetime,
) -> None:  # fmt: skip
    key = min(a_id, b_id), max(a_id, b_id)
    pair: PartyPair | None = await session.get(PartyPair, key, with_for_update=True)
    if pair is None:
        raise NotFound("没有这一对。")
    if pair.state != old.value:
        raise BadInput(f"这一对现在是“{PartyPairState(pair.state).label}”，请刷新页面再看")
    pair.state, pair.by, pair.at = new.value, by, now


async def _said(
    session: AsyncSession, act: PartyAct, a_id: int, b_id: int, reason: str, *, by: str, now: datetime
) -> None:
    """Among the steps of both parties, though no spelling moves."""
    rows = await session.execute(
        sa.select(PartyName.id, PartyName.party_id).where(PartyName.id.in_((a_id, b_id)))
    )
    party = {row.id: row.party_id for row in rows}
    await _note(session, act, party[a_id], party[b_id], [a_id, b_id], reason=reason, by=by, now=now)


async def _locked(session: AsyncSession, *ids: int) -> dict[int, Party]:
    rows = await session.scalars(
        sa.select(Party).where(Party.id.in_(ids)).order_by(Party.id).with_for_update()
    )
    found = {row.id: row for row in rows}
    if set(ids) - found.keys():
        raise NotFound("没有这个对象。")
    return found


def _unchanged(party: Party, version: int) -> None:
    if party.version != version or party.merged_into is not None:
        raise PartyMoved


async def _move(session: AsyncSession, parties: dict[int, Party], names: Sequence[int], to_id: int) -> None:
    for party in parties.values():
        party.version += 1
    await session.execute(
        sa.update(PartyName)
        .where(PartyName.id.in_(names))
        .values(party_id=to_id)
        .execution_options(synchronize_session=False)
    )
    await session.flush()


async def _decided(
    session: AsyncSession, names: Sequence[int], to_id: int, *, by: str, now: datetime
) -> None:
    """The pairs that the merge answers."""
    all_names = list(await session.scalars(sa.select(PartyName.id).where(PartyName.party_id == to_id)))
    await session.execute(
        sa.update(PartyPair)
        .where(PartyPair.a_id.in_(all_names), PartyPair.b_id.in_(all_names))
        .where(sa.or_(PartyPair.a_id.in_(names), PartyPair.b_id.in_(names)))
        .where(PartyPair.state == PartyPairState.PROPOSED.value)
        .values(state=PartyPairState.MERGED.value, by=by, at=now)
        .execution_options(synchronize_session=False)
    )


async def _refused(
    session: AsyncSession, these: Sequence[int], those: Sequence[int], *, by: str, now: datetime
) -> None:
    """The pairs that the split answers."""
    either = sa.or_(
        sa.and_(PartyPair.a_id.in_(these), PartyPair.b_id.in_(those)),
        sa.and_(PartyPair.a_id.in_(those), PartyPair.b_id.in_(these)),
    )
    await session.execute(
        sa.update(PartyPair)
        .where(either)
        .values(state=PartyPairState.REFUSED.value, by=by, at=now)
        .execution_options(synchronize_session=False)
    )


async def _note(
    session: AsyncSession, act: PartyAct, from_id: int, to_id: int, names: Sequence[int], *,
    reason: str, by: str, now: datetime,
) -> int:  # fmt: skip
    told = reason.replace("\0", "").strip()
    if not told or len(told) > LONGEST_REASON:
        raise BadInput(f"请写明理由，最多 {LONGEST_REASON} 个字")
    row = PartyChange(
        act=act.value, from_id=from_id, to_id=to_id, names=list(names), reason=told, by=by, at=now
    )
    session.add(row)
    await session.flush()
    return row.id
