"""The conformance suite of GeoReport v2: fifty checks of `docs/open311.md`, run against any server's address.

A check passes, fails with what was seen, or is skipped with what it would have needed (a key to post with,
the number of a hidden case). Nothing is assumed of the server but the standard; where the standard leaves a
choice (refuse or clamp, id or token) either is right.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from connectors.open311.client import Open311Down
from connectors.open311.conformance.server import Failed, Skipped
from connectors.open311.wire import Unreadable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from connectors.open311.conformance.server import Server

PASSED: Final = "passed"
FAILED: Final = "failed"
SKIPPED: Final = "skipped"
#: What reading an answer that is unlike the standard comes to.
_UNLIKE: Final = (KeyError, TypeError, ValueError, IndexError, AttributeError)


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its number in the list, and what it says."""

    number: int
    title: str
    run: Callable[[Server], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a check ended."""

    number: int
    title: str
    result: str
    why: str = ""


@dataclass(slots=True)
class Register:
    """Checks by number; each module adds its own."""

    checks: dict[int, Check] = field(default_factory=dict)

    def check(
        self, number: int, title: str
    ) -> Callable[[Callable[[Server], Awaitable[None]]], Callable[[Server], Awaitable[None]]]:
        """Add a check. A number is given once."""

        def add(run: Callable[[Server], Awaitable[None]]) -> Callable[[Server], Awaitable[None]]:
            if number in self.checks:
                raise ValueError(number)
            self.checks[number] = Check(number, title, run)
            return run

        return add

    def __iter__(self) -> Iterator[Check]:
        """In order of their numbers."""
        return iter(sorted(self.checks.values(), key=lambda check: check.number))


async def run_all(server: Server, register: Register) -> list[Outcome]:
    """Run every check, one after the other. Raises Open311Down when nobody answers at all."""
    await server.get("services")
    found = []
    for check in register:
        try:
            await check.run(server)
        except Failed as failure:
            found.append(Outcome(check.number, check.title, FAILED, str(failure)))
        except Skipped as reason:
            found.append(Outcome(check.number, check.title, SKIPPED, str(reason)))
        except (Unreadable, Open311Down) as error:
            found.append(Outcome(check.number, check.title, FAILED, str(error)))
        except _UNLIKE as error:
            # A check reads an answer as the standard gives it: what is not there, or not of its kind, ends
            # it here, and never the whole run.
            found.append(Outcome(check.number, check.title, FAILED, _unlike(error)))
        else:
            found.append(Outcome(check.number, check.title, PASSED))
    return found


def _unlike(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"答复缺少 {error.args[0]!s:.80}"
    return f"答复缺少该有的内容，或不是该有的样子（{type(error).__name__}）"


def mark() -> str:
    """A word that stands in no other text."""
    return secrets.token_hex(6)
