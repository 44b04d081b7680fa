"""What a kind of source (来源) must bring so that it can be edited on the page and run by the timetable.

A `Puller` says which settings it has (the page draws the form from them and checks what was typed), which
tasks it does by itself, and how to try it. The runner (`running`) gives each task of each source a lease, a
time limit, a back-off and a circuit breaker; the task only does its work once and says what came of it:

* it raises `SourceFault` with a Chinese sentence for staff when the other side did not do its part;
  `hopeless=True` when only a person can mend it (a wrong password): the breaker opens at once;
* it keeps what it stored in its own transactions, each safe to repeat: it may be killed at any moment;
* its `cursor` is whatever it said in the `Outcome` of its last success, or kept by `Work.keep` since;
* nothing that it says or raises may hold a citizen's words, names or numbers: it is shown and logged.

To add a kind: write a `Puller` and name it in `registry.PULLERS`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from triage.errors import TriageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import timedelta

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps


class SourceFault(TriageError):
    """来源没有按约定答复。"""

    code: ClassVar[str] = "source_fault"
    status: ClassVar[int] = 502

    def __init__(self, detail: str, *, hopeless: bool = False) -> None:
        """Say what is wrong, and whether trying again by itself is any use."""
        super().__init__(detail)
        self.hopeless = hopeless


class FieldType(StrEnum):
    """How a setting is typed and checked."""

    TEXT = "text"
    URL = "url"
    NUMBER = "number"
    CHOICE = "choice"
    FILE = "file"
    LONG = "long"
    SECRET = "secret"  # noqa: S105  (the name of a type: kept sealed, never shown again)


@dataclass(frozen=True, slots=True)
class SettingField:
    """One setting of a kind of source. `choices`: stored value and label; `least`, `most` of a number."""

    name: str
    label: str
    hint: str = ""
    type: FieldType = FieldType.TEXT
    required: bool = False
    default: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    least: int = 0
    most: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Settled:
    """A source as it runs: its row in plain values, the credentials opened."""

    id: int
    key: str
    name: str
    settings: Mapping[str, str]
    credentials: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Work:
    """What a task is given: who it is for, what it works with, how far it came.

    `keep(session, cursor)` writes the cursor in a transaction of the task's own, with what it stored there.
    """

    deps: Deps
    source: Settled
    cursor: Mapping[str, Any] | None
    keep: Callable[[AsyncSession, Mapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a task's run came to. `more`: there is more at once; `said`: in Chinese, for the page."""

    said: str = ""
    seen: int = 0
    stored: int = 0
    lag: timedelta | None = None
    cursor: Mapping[str, Any] | None = None
    more: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that a source does by itself. `every_seconds` None: as often as the source's row says."""

    name: str
    label: str
    run: Callable[[Work], Awaitable[Outcome]]
    limit_seconds: float = 60.0
    every_seconds: float | None = None


class Puller(Protocol):
    """A kind of source: its settings, its tasks, and how to try it."""

    @property
    def fields(self) -> tuple[SettingField, ...]:
        """Its settings, in the order of the form; the secret ones among them."""
        ...

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What it does by itself; the first is the one that the list of sources shows."""
        ...

    def check(self, settings: Mapping[str, str]) -> None:
        """Look at the settings as a whole. Raises BadInput naming the field in words."""
        ...

    async def trial(self, work: Work) -> str:
        """立即试一次: ask the other side without storing anything; a Chinese sentence. Raises SourceFault."""
        ...
