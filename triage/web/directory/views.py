"""What pages and JSON say of a unit's entry of 单位通讯录."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  (the OpenAPI document is made of it)
from typing import TYPE_CHECKING

from models.vocab_directory import DirectoryField
from triage.rules import directory as rules
from triage.services.directory import said_by

if TYPE_CHECKING:
    from models.directory import DirectoryEntry
    from models.viewing import Viewer


@dataclass(frozen=True, slots=True)
class PhoneView:
    """A number as it is written, and what a telephone is told to dial."""

    text: str
    dial: str


@dataclass(frozen=True, slots=True)
class PersonView:
    """Who answers at a post (环保管家, 接诉即办专员, 带班领导): staff, by the number of their office."""

    post: str
    name: str
    phones: tuple[PhoneView, ...]


@dataclass(frozen=True, slots=True)
class DirectoryItem:
    """A unit and how it is reached. `filled`: whether it said so; `stale`: to be confirmed again (核对)."""

    unit: str
    name: str
    filled: bool
    duty: tuple[PhoneView, ...]
    office: tuple[PhoneView, ...]
    hours: str
    people: tuple[PersonView, ...]
    remark: str
    confirmed_at: datetime | None
    stale: bool
    may_write: bool
    """Whether whoever asks keeps it."""


def item(unit: str, name: str, row: DirectoryEntry | None, viewer: Viewer, *, now: datetime) -> DirectoryItem:
    """A unit as whoever asks reads it; sight is asked before."""
    said = said_by(row)
    people = (
        PersonView(person.label, said[person], _phones(said[phone]))
        for person, phone in rules.PEOPLE.items()
        if said[person]
    )
    return DirectoryItem(
        unit=unit,
        name=name,
        filled=row is not None,
        duty=_phones(said[DirectoryField.DUTY_PHONE]),
        office=_phones(said[DirectoryField.OFFICE_PHONE]),
        hours=said[DirectoryField.HOURS],
        people=tuple(people),
        remark=said[DirectoryField.REMARK],
        confirmed_at=row.confirmed_at if row else None,
        stale=row is not None and rules.overdue(row.confirmed_at, now),
        may_write=rules.may_write(viewer, unit),
    )


def _phones(text: str) -> tuple[PhoneView, ...]:
    return tuple(PhoneView(one.text, one.dial) for one in rules.phones(text))
