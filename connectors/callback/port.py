"""What a call-back (回拨) asks of a provider of virtual numbers (虚拟号), and how it may refuse.

The provider is told two numbers and gives a third one (AXB): whoever of the two dials it reaches the other,
and sees only it. Both numbers are hidden from `repr`; errors hold a short code of ours, never a word of the
provider, which may quote a number. Asked twice under one key, a binding counts once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from connectors.ports import ConnectorError

if TYPE_CHECKING:
    from datetime import datetime, timedelta

LONGEST_CODE = 40


@dataclass(frozen=True, slots=True)
class Wanted:
    """A binding that is wanted: who will dial, whom it reaches, for how long."""

    key: str
    caller: str = field(repr=False)
    callee: str = field(repr=False)
    lasts: timedelta


@dataclass(frozen=True, slots=True)
class Binding:
    """绑定: the number to dial until `until`, and the provider's own name for it; empty: it gave none."""

    number: str = field(repr=False)
    until: datetime
    reference: str = ""


class NumbersError(ConnectorError):
    """No number was given."""

    def __init__(self, code: str) -> None:
        """Keep the code alone."""
        super().__init__(code[:LONGEST_CODE])
        self.code = code[:LONGEST_CODE]


class NumbersRefused(NumbersError):
    """服务方不接受: it would refuse the same again, or what it gave cannot be used."""


class NumbersAway(NumbersError):
    """服务方暂时不可用, or it is not known whether it heard."""


class VirtualNumbers(Protocol):
    """A provider of virtual numbers."""

    async def bind(self, wanted: Wanted, *, now: datetime) -> Binding:
        """Let the caller reach the callee by a number between them. Raises NumbersRefused, NumbersAway."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
