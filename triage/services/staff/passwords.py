"""Passwords: argon2id, off the event loop, few at once; the same work whether there is an account or not.

Callers: sign-in, accounts, commands. How much work a hash is, the settings say; a kept hash of other settings
still opens, and is made anew when its owner signs in.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

import argon2

if TYPE_CHECKING:
    from collections.abc import Callable

    from triage.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

#: Longer ones are refused before any work is done on them.
LONGEST: Final = 256
#: Each takes the memory of the settings, so no more than this at once in a process.
_AT_ONCE: Final = 2
#: Without what is easily mistaken when read out or copied by hand.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS: Final = 4
_GROUP: Final = 4


class Hasher:
    """Makes and checks hashes of one strength."""

    def __init__(self, *, memory_kib: int, passes: int, lanes: int) -> None:
        """Take the parameters of argon2id."""
        self._argon2 = argon2.PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes)
        self._pool = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="password")
        self._lock = threading.Lock()
        self._nobodys: str | None = None

    async def make(self, password: str) -> str:
        """The hash to keep."""
        return await self._off(self._argon2.hash, _normal(password))

    async def verify(self, kept: str | None, password: str) -> bool:
        """Whether it is the password. Without a kept hash the same work is done, and the answer is no."""
        nobodys = await self._off(self._nobody)
        good = await self._off(self._check, kept or nobodys, _normal(password))
        return good and kept is not None

    def outdated(self, kept: str) -> bool:
        """Whether a kept hash was made with other parameters."""
        return self._argon2.check_needs_rehash(kept)

    def _nobody(self) -> str:
        """The hash of a password that nobody has; made once."""
        with self._lock:
            if self._nobodys is None:
                self._nobodys = self._argon2.hash(secrets.token_urlsafe())
            return self._nobodys

    def _check(self, kept: str, password: str) -> bool:
        try:
            return self._argon2.verify(kept, password)
        except argon2.exceptions.VerifyMismatchError:
            return False

    async def _off(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(work, *given, **named))


@cache
def _hasher(memory_kib: int, passes: int, lanes: int) -> Hasher:
    return Hasher(memory_kib=memory_kib, passes=passes, lanes=lanes)


def hasher_of(settings: Settings) -> Hasher:
    """The process's hasher for these settings."""
    return _hasher(settings.password_memory_kib, settings.password_passes, settings.password_lanes)


def generated() -> str:
    """A password to be shown once: about 79 bits, in groups that can be read out."""
    return _groups(_GROUPS)


def half() -> str:
    """Half of such a password: two people are shown one each, and neither knows the whole."""
    return _groups(_GROUPS // 2)


def joined(first: str, second: str) -> str:
    """The password of two halves."""
    return f"{first}-{second}"


def _groups(count: int) -> str:
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(count))


def _normal(password: str) -> str:
    """However a keyboard put the characters together."""
    return unicodedata.normalize("NFKC", password)[: 4 * LONGEST]
