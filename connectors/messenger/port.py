"""What the notices ask of a messenger, and how it may refuse.

Sent twice under one key, a message counts once wherever the counterpart looks at the key. A messenger that
does not know whether it was heard says `MessengerAway`: the same message is then sent again, same key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from connectors.ports import ConnectorError

if TYPE_CHECKING:
    from datetime import timedelta

#: Codes are ours and short: never words of the counterpart, which may quote an address.
LONGEST_CODE = 40


@dataclass(frozen=True, slots=True)
class Message:
    """What is said to one address. The address never shows in `repr`."""

    key: str
    to: str = field(repr=False)
    subject: str
    text: str


class MessengerError(ConnectorError):
    """A message was not taken."""

    def __init__(self, code: str) -> None:
        """Keep the code alone."""
        super().__init__(code[:LONGEST_CODE])
        self.code = code[:LONGEST_CODE]


class MessengerRefused(MessengerError):
    """对方拒收: it would refuse the same message again."""


class MessengerAway(MessengerError):
    """对方暂时不可用, or it is not known whether it heard: try again, not before `after` if it said when."""

    def __init__(self, code: str, *, after: timedelta | None = None) -> None:
        """Keep the code, and how long the counterpart asked to be left alone."""
        super().__init__(code)
        self.after = after


class Messenger(Protocol):
    """Hands a message to one medium."""

    async def send(self, message: Message) -> None:
        """Hand it over. Raises MessengerRefused, MessengerAway."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
