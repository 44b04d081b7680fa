"""登记: appeals come in. Writes appeal, sealed appellant and outbox row in the caller's transaction.

Called by whatever receives appeals: file import, hotline, leads, the citizen's form, Open311, a clerk.
Identities are masked in the stored text; the unmasked original is sealed with the appellant.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import orjson
import sqlalchemy as sa

from connectors.phones import besides
from models.appeals import Appeal, Appellant, Source
from models.caller_numbers import CallerNumber
from models.db import ALL_TOGETHER, insert_of
from models.vocab import AppealState, AppealType, Channel
from nlp.text import mask_identity
from triage.services import outbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault

#: A two-character name is also an ordinary word: it is masked only where the text introduces it as a name.
_LONG_NAME: Final = 3
#: The part of an appeal's sealed original that says what a clerk answered at once (`at_once`).
ANSWERED: Final = "answered"
#: The part that says who found it on patrol (`patrol.carrying`): no answer, and given to no other appeal.
FOUND: Final = "found"
#: What a key is made of.
_NUMBER: Final = "x:"
_HASH: Final = "h:"
#: Written out: only so does the partial index fit.
_WITHOUT_NUMBER: Final[sa.ColumnElement[bool]] = sa.literal_column(f"(appeal.dedupe_key LIKE '{_HASH}%')")


@dataclass(frozen=True, slots=True)
class NewAppeal:
    """One appeal as received, identities in the clear. `received_at` aware."""

    source: str
    text: str
    received_at: datetime
    external_id: str | None = None
    numbered: bool = True
    """Whether that number makes it one within its source; else `content` does, and others may bear it too."""
    content: str | None = None
    former: str | None = None
    """What `content` was before address and name counted for what has no number; None: the same."""
    title: str | None = None
    address: str | None = None
    channel: Channel = Channel.FILE
    confidential: bool = False
    name: str | None = None
    also_masked: tuple[str, ...] = ()
    """Names of others that its words may hold: masked as the appellant's own, and kept nowhere else."""
    phone: str | None = None
    id_number: str | None = None
    caller_area: str | None = None
    """Code of the district or street the caller is registered in, never an address."""
    told_type: AppealType | None = None
    """What the source itself calls it."""
    answer: str | None = None
    """What a clerk answered at once (`at_once`), sealed with the original until the appeal is read."""
    found: str | None = None
    """Who found it on patrol, and what they did (`patrol.carrying`); sealed in the same way."""
    extra: dict[str, str] = field(default_factory=dict)

    def masked(self, words: str) -> str:
        """Words of it as they lie in the clear."""
        found = mask(words, name=self.name)
        for name in self.also_masked:
            found = mask(found, name=name)
        return found

    @property
    def identity(self) -> str:
        """What tells content from content when there is no number from outside."""
        return self.content or "\x1f".join((self.title or "", self.text, self.phone or ""))


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a batch: ids stored, how many were known and the same.

    `changed`: places in the batch (from 0) whose number is known with other content or at another address;
    those are not stored. `elsewhere`: those among them with another address.
    """

    stored: tuple[int, ...]
    repeated: int
    changed: tuple[int, ...]
    elsewhere: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Known:
    """What counts under a number: the hash of what it says, and the address."""

    content_hash: str
    address: str | None


def _plain(address: str | None) -> str:
    """An address without what changes nothing about it: width of characters, spaces."""
    return "".join(unicodedata.normalize("NFKC", address or "").split())


def _elsewhere(known: _Known, item: NewAppeal) -> bool:
    """Whether another address is told under a number; none at all leaves what is known as it is."""
    return bool(item.external_id and item.address) and not _same_place(item, known.address)


def _same_place(item: NewAppeal, stored: str | None) -> bool:
    """Whether an item's address is the one that is stored, masked; none is like none."""
    if _plain(item.address) == _plain(stored):
        return True
    said = _plain(item.masked(item.address or ""))
    # Masked anew as well: what was stored may have been masked by fewer rules.
    return said in {_plain(stored), _plain(item.masked(stored or ""))}


def mask(text: str, *, name: str | None) -> str:
    """Mask phone, ID, account and plate numbers, and the appellant's own name."""
    masked = mask_identity(text)
    if name and len(name) >= _LONG_NAME:
        return masked.replace(name, name[0] + "某")
    if name and len(name) == _LONG_NAME - 1:
        return re.sub(_short_name_pattern(name), name[0] + "某", masked)
    return masked


def _short_name_pattern(name: str) -> str:
    # Lookbehind needs one width per branch, so each introduction is spelled out.
    branches = "|".join(
        f"(?<={intro})" for intro in ("我叫", "姓名", "姓名：", "姓名:", "本人", "市民", "联系人")
    )
    return f"(?:{branches}){re.escape(name)}"


async def receive(
    session: AsyncSession, vault: Vault, items: Sequence[NewAppeal], *, now: datetime
) -> Received:
    """Store what is new of a batch (up to some hundreds), each with its outbox row, or nothing at all."""
    if not items:
        return Received((), 0, ())
    sources = await _source_ids(session, {item.source for item in items}, now=now)
    keyed: dict[tuple[int, str], tuple[NewAppeal, str]] = {}
    told: list[tuple[tuple[int, str], _Known]] = []
    for item in items:
        key, content_hash = _identity(vault, item)
        where = (sources[item.source], key)
        keyed.setdefault(where, (item, content_hash))
        told.append((where, _Known(content_hash, item.address)))
    # What is stored counts; of two new ones with one number the first.
    kept = dict(reversed(told)) | await _stored(session, keyed)
    elsewhere = tuple(place for place, (where, _) in enumerate(told) if _elsewhere(kept[where], items[place]))
    other_words = {
        place for place, (where, said) in enumerate(told) if kept[where].content_hash != said.content_hash
    }
    changed = tuple(sorted(other_words.union(elsewhere)))

    rows = [
        {
            "source_id": source_id,
            "external_id": item.external_id,
            "dedupe_key": key,
            "content_hash": content_hash,
            "title": item.masked(item.title) if item.title else None,
            "text": item.masked(item.text),
            "address": item.masked(item.address) if item.address else None,
            "channel": item.channel.value,
            "caller_area": item.caller_area,
            "confidential": item.confidential,
            "told_type": item.told_type.value if item.told_type else None,
            "received_at": item.received_at,
            "stored_at": now,
            "state": AppealState.WAITING.value,
            "attempts": 0,
        }
        for (source_id, key), (item, content_hash) in keyed.items()
    ]
    result = await session.execute(
        insert_of(session, Appeal)
        .on_conflict_do_nothing(index_elements=["source_id", "dedupe_key"])
        .returning(Appeal.id, Appeal.source_id, Appeal.dedupe_key),
        rows,
        execution_options=ALL_TOGETHER,
    )
    stored = {(source_id, key): appeal_id for appeal_id, source_id, key in result}
    masked = {(row["source_id"], row["dedupe_key"]): row for row in rows}
    people = [
        person
        for where, appeal_id in stored.items()
        if (person := _sealed(vault, appeal_id, keyed[where][0], masked[where], now=now))
    ]
    if people:
        await session.execute(sa.insert(Appellant), people, execution_options=ALL_TOGETHER)
    await _numbers(session, vault, {stored[where]: keyed[where][0].phone for where in stored})
    await outbox.wait(session, stored.values(), now=now)
    return Received(
        tuple(sorted(stored.values())), len(items) - len(stored) - len(changed), changed, elsewhere
    )


async def _numbers(session: AsyncSession, vault: Vault, phones: Mapping[int, str | None]) -> None:
    """Each number of a field that is more than one number (转801, two of them): 来电查件 finds by each."""
    rows = [
        {
            "appeal_id": appeal_id, "number_index": vault.phone_index(number),
            "phone_index": vault.phone_index(phone),
        }
        for appeal_id, phone in phones.items() if phone
        for number in besides(phone)
    ]  # fmt: skip
    if rows:
        await session.execute(sa.insert(CallerNumber), rows, execution_options=ALL_TOGETHER)


async def _source_ids(session: AsyncSession, keys: set[str], *, now: datetime) -> dict[str, int]:
    """The ids of the sources, adding those not seen before."""
    found = dict((await session.execute(sa.select(Source.key, Source.id).where(Source.key.in_(keys)))).all())
    missing = sorted(keys - found.keys())
    if missing:
        await session.execute(
            insert_of(session, Source).on_conflict_do_nothing(index_elements=["key"]),
            [{"key": key, "name": key, "created_at": now} for key in missing],
        )
        found = dict(
            (await session.execute(sa.select(Source.key, Source.id).where(Source.key.in_(keys)))).all()
        )
    return {str(key): int(value) for key, value in found.items()}


def key_of(vault: Vault, item: NewAppeal) -> str:
    """What makes an appeal one within its source."""
    return _identity(vault, item)[0]


def _identity(vault: Vault, item: NewAppeal) -> tuple[str, str]:
    """The key that makes an appeal one within its source, and the hash of what it says."""
    content_hash = vault.content_hash(item.identity)
    number = item.external_id if item.numbered else None
    return (f"{_NUMBER}{number}" if number else f"{_HASH}{content_hash}"), content_hash


async def _stored(session: AsyncSession, keyed: Iterable[tuple[int, str]]) -> dict[tuple[int, str], _Known]:
    """What the appeals stored under these external numbers say: it is never overwritten."""
    by_source: dict[int, list[str]] = {}
    for source_id, key in keyed:
        if key.startswith(_NUMBER):
            by_source.setdefault(source_id, []).append(key)
    found: dict[tuple[int, str], _Known] = {}
    for source_id, keys in by_source.items():
        rows = await session.execute(
            sa.select(Appeal.dedupe_key, Appeal.content_hash, Appeal.address).where(
                Appeal.source_id == source_id, Appeal.dedupe_key.in_(keys)
            )
        )
        found |= {(source_id, key): _Known(stored, address) for key, stored, address in rows}
    return found


async def as_stored(session: AsyncSession, vault: Vault, items: Sequence[NewAppeal]) -> list[NewAppeal]:
    """The items, each that was stored when address and name did not count under what counted then.

    By its address, so that what was taken for it then comes in now. Names are sealed and not compared: with a
    name it is one of whom anything is sealed, or was.
    """
    before = {
        place: _HASH + vault.content_hash(item.former)
        for place, item in enumerate(items)
        if item.former and not item.external_id
    }
    known: dict[str, list[tuple[str | None, bool]]] = {}
    if before:
        rows = await session.execute(
            sa.select(Appeal.dedupe_key, Appeal.address, Appellant.id.is_not(None))
            .outerjoin(Appellant, Appellant.appeal_id == Appeal.id)
            .where(_WITHOUT_NUMBER, Appeal.dedupe_key.in_(set(before.values())))
        )
        for key, address, somebody in rows:
            known.setdefault(key, []).append((address, somebody))
    found = list(items)
    for place, key in before.items():
        item = items[place]
        if any(
            _same_place(item, address) and (somebody or not item.name)
            for address, somebody in known.get(key, ())
        ):
            found[place] = replace(item, content=item.former)
    return found


async def known_elsewhere(session: AsyncSession, vault: Vault, items: Sequence[NewAppeal]) -> dict[int, str]:
    """The places in the batch (from 0) that another source has, number and content alike; and that source.

    The number belongs to it: two citizens may well say the same words, but then under two numbers.
    """
    identities = [_identity(vault, item) for item in items]
    keys = {key for key, _ in identities if not key.startswith(_NUMBER)}
    numbers = {item.external_id for item in items if item.external_id}
    # Each by an index of its own: every file that ever came in is a source, so they are not asked one by one.
    by_number = Appeal.external_id.in_(numbers)
    by_hash = sa.and_(_WITHOUT_NUMBER, Appeal.dedupe_key.in_(keys))
    known: dict[tuple[str, str], list[str]] = {}
    for condition in [*([by_number] if numbers else []), *([by_hash] if keys else [])]:
        rows = await session.execute(
            sa.select(Appeal.dedupe_key, Appeal.content_hash, Source.key)
            .join(Source, Source.id == Appeal.source_id)
            .where(condition)
            .order_by(Appeal.id)
        )
        for key, content_hash, source in rows:
            known.setdefault((key, content_hash), []).append(source)
    others = {
        place: [source for source in known.get(identity, ()) if source != item.source]
        for place, (identity, item) in enumerate(zip(identities, items, strict=True))
    }
    return {place: sources[0] for place, sources in others.items() if sources}


def _sealed(
    vault: Vault, appeal_id: int, item: NewAppeal, masked: dict[str, Any], *, now: datetime
) -> dict[str, Any] | None:
    """The appellant row of an appeal, or None when nothing identifies anyone."""
    original = {
        name: value
        for name, value in (("title", item.title), ("text", item.text), ("address", item.address))
        if value and masked[name] != value
    }
    if item.extra:
        original["extra"] = orjson.dumps(item.extra).decode()
    original |= {part: told for part, told in ((ANSWERED, item.answer), (FOUND, item.found)) if told}
    if not (item.name or item.phone or item.id_number or original):
        return None

    sealer = vault.sealer()

    def seal(field_name: str, value: str | None) -> bytes | None:
        return sealer.seal(value, belongs_to=f"appellant.{field_name}:{appeal_id}") if value else None

    return {
        "appeal_id": appeal_id,
        "name": seal("name", item.name),
        "phone": seal("phone", item.phone),
        "id_number": seal("id_number", item.id_number),
        "original": seal("original", orjson.dumps(original).decode() if original else None),
        "phone_index": vault.phone_index(item.phone) if item.phone else None,
        "created_at": now,
    }
