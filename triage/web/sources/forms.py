"""Forms of settings by their fields: `s.` before a setting or a credential, `f.` before one to be cleared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from triage.services.sources.ports import FieldType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from triage.services.sources.ports import SettingField


@dataclass(frozen=True, slots=True)
class Told:
    """What a form says of an account's settings. `credentials`: those typed anew."""

    settings: Mapping[str, str]
    credentials: Mapping[str, str] = field(repr=False)
    forget: tuple[str, ...]


def settings_of(form: Mapping[str, str]) -> dict[str, str]:
    """The settings and credentials as they were typed, by name."""
    return {name.removeprefix("s."): value for name, value in form.items() if name.startswith("s.")}


def told(fields: Sequence[SettingField], form: Mapping[str, str]) -> Told:
    """What it says, credentials apart."""
    secrets = {spec.name for spec in fields if spec.type is FieldType.SECRET}
    typed = settings_of(form)
    return Told(
        settings={name: value for name, value in typed.items() if name not in secrets},
        credentials={name: value for name, value in typed.items() if name in secrets and value.strip()},
        forget=tuple(name.removeprefix("f.") for name in form if name.startswith("f.")),
    )
