"""来源 as they are sent and shown: never a credential, only which are held."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  (read at run time: the OpenAPI document)
from typing import TYPE_CHECKING, Final

from models.vocab_sources import Breaker, SourceKind
from triage.services.sources import editing
from triage.services.sources.ports import FieldType
from triage.services.sources.registry import PULLERS, puller_of
from triage.web.views import Term

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.appeals import Source
    from triage.services.hotline.overview import Exchange
    from triage.services.sources.looking import SourceSeen, TaskSeen
    from triage.services.sources.ports import SettingField


@dataclass(frozen=True, slots=True)
class TaskView:
    """One thing that a source does by itself, and how it goes. `lag_seconds`: how far behind it is."""

    task: Term
    breaker: Term
    tried_at: datetime | None
    succeeded_at: datetime | None
    next_at: datetime
    paused_until: datetime | None
    lag_seconds: int | None
    failures: int
    said: str | None
    error: str | None
    error_at: datetime | None
    seen: int
    stored: int


@dataclass(frozen=True, slots=True)
class SourceView:
    """来源. `settings`: texts by name; `credentials`: the names of those held, never their values.

    `refused`: orders of a platform that came within seven days and could not be taken in.
    """

    key: str
    name: str
    kind: Term
    enabled: bool
    runs: bool
    every_seconds: int
    version: int
    settings: dict[str, str]
    credentials: tuple[str, ...]
    tasks: tuple[TaskView, ...]
    refused: int


@dataclass(frozen=True, slots=True)
class SourceList:
    """全部来源."""

    items: tuple[SourceView, ...]


@dataclass(frozen=True, slots=True)
class TriedView:
    """立即试一次: whether the other side answered as agreed, and what came of it."""

    good: bool
    said: str


@dataclass(frozen=True, slots=True)
class Input:
    """A setting on the form. `value` of a secret is always empty; `held`: there is one."""

    name: str
    label: str
    hint: str
    type: str
    required: bool
    value: str
    placeholder: str
    choices: tuple[tuple[str, str], ...]
    held: bool


@dataclass(frozen=True, slots=True)
class SourcesPage:
    """Everything the list shows. `kinds`: those that can be added."""

    sources: tuple[SourceView, ...]
    others: tuple[SourceView, ...]
    kinds: tuple[Term, ...]
    field: str
    token: str
    as_of: str


@dataclass(frozen=True, slots=True)
class SourcePage:
    """Everything a source's page shows: new while `source` is null. `done`, `tried`, `fault`: just now."""

    source: SourceView | None
    kind: Term
    key: str
    name: str
    every_seconds: str
    version: int
    inputs: tuple[Input, ...]
    exchange: Exchange | None
    done: str | None
    tried: TriedView | None
    fault: str | None
    field: str
    token: str
    as_of: str


def kind_term(kind: str) -> Term:
    """A stored kind with its label."""
    found = next((known for known in SourceKind if known.value == kind), None)
    return Term(kind, found.label if found else kind)


def kinds() -> tuple[Term, ...]:
    """The kinds that can be added on the page."""
    return tuple(kind_term(kind.value) for kind in PULLERS)


def source_view(seen: SourceSeen) -> SourceView:
    """A source as it is sent."""
    source = seen.source
    return SourceView(
        key=source.key,
        name=source.name,
        kind=kind_term(source.kind),
        enabled=source.enabled,
        runs=puller_of(source.kind) is not None,
        every_seconds=source.every_seconds,
        version=source.version,
        settings=editing.plain(source),
        credentials=editing.names_of_credentials(source),
        tasks=tuple(_task(task) for task in seen.tasks),
        refused=seen.refused,
    )


def _task(seen: TaskSeen) -> TaskView:
    row, breaker = seen.row, Breaker(seen.breaker)
    return TaskView(
        task=Term(row.task, seen.label),
        breaker=Term(breaker.value, breaker.label),
        tried_at=row.tried_at,
        succeeded_at=row.succeeded_at,
        next_at=row.next_at,
        paused_until=row.paused_until,
        lag_seconds=seen.lag_seconds,
        failures=row.failures,
        said=row.said,
        error=row.error if row.failures else None,
        error_at=row.error_at if row.failures else None,
        seen=row.seen,
        stored=row.stored,
    )


_INPUT_TYPES: Final = {FieldType.SECRET: "password", FieldType.NUMBER: "number", FieldType.URL: "url"}


def inputs(kind: str, source: Source | None, typed: Mapping[str, str] | None = None) -> tuple[Input, ...]:
    """The fields of the form: as typed just now, else as stored. A secret is never put back."""
    puller = puller_of(kind)
    return inputs_of(
        puller.fields if puller else (),
        editing.plain(source) if source else {},
        editing.names_of_credentials(source) if source else (),
        typed,
    )


def inputs_of(
    fields: tuple[SettingField, ...],
    stored: Mapping[str, str],
    held: tuple[str, ...],
    typed: Mapping[str, str] | None = None,
) -> tuple[Input, ...]:
    """The same of any settings: `stored`, and the names of the credentials that are `held`."""
    found = []
    for spec in fields:
        secret = spec.type is FieldType.SECRET
        value = "" if secret else (stored if typed is None else typed).get(spec.name, "")
        chosen = _INPUT_TYPES.get(spec.type, spec.type.value)
        if spec.type is FieldType.CHOICE:
            value = value or spec.default
        found.append(
            Input(
                name=spec.name,
                label=spec.label,
                hint=spec.hint,
                type=chosen if chosen in {"choice", "long", "password", "number", "url"} else "text",
                required=spec.required and not spec.default and not (secret and spec.name in held),
                value=value,
                placeholder=f"默认 {spec.default}" if spec.default else "",
                choices=spec.choices,
                held=spec.name in held,
            )
        )
    return tuple(found)
