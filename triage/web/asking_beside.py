"""Asking the database what probes and figures want to know, also while a crowd has every connection lent.

A crowd is no absence: every process would be taken out of its balancer for it, all at once, and somebody be
called for a healthy database. So while the pool has none to give, the question goes over a connection beside
it, one for all who ask within some seconds.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from aiohttp import web
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from models.db import beside, too_many
from triage.web.cache import Cache
from triage.web.keys import DEPS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from models.db import Database

T = TypeVar("T")

#: How long the database may take to answer.
SECONDS: Final = 3.0
#: How old an answer may be that came over a connection beside the pool.
_KNOWN_SECONDS: Final = 3.0
_QUESTIONS: Final = 4


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What was asked; None where the server itself had no connection left.

    `crowded`: the pool had no connection to give.
    """

    said: T | None
    crowded: bool


class Asker:
    """The application's one way to ask for its probes."""

    def __init__(self, db: Database) -> None:
        """Take the database; nothing is opened before a crowd."""
        self._db = db
        self._known: Cache[Any] = Cache(seconds=_KNOWN_SECONDS, size=_QUESTIONS)

    async def ask(self, name: str, question: Callable[[Database], Awaitable[T]]) -> Answer[T]:
        """Ask. Raises SQLAlchemyError and OSError (a timeout included) when the database is away."""
        if not self._db.crowded:
            try:
                async with asyncio.timeout(SECONDS):
                    return Answer(await question(self._db), crowded=False)
            except (PoolTimeout, TimeoutError):
                if not self._db.crowded:
                    raise
            except DBAPIError as error:
                # The server is full, before this pool is: who has connections of it goes on with them.
                if not (too_many(error) and self._db.lent):
                    raise
                return Answer(None, crowded=True)
        return Answer(await self._known.get(name, partial(self._beside, question)), crowded=True)

    async def _beside(self, question: Callable[[Database], Awaitable[T]]) -> T | None:
        try:
            async with asyncio.timeout(SECONDS), beside(self._db) as other:
                return await question(other)
        except DBAPIError as error:
            if not too_many(error):
                raise
            return None

    async def close(self) -> None:
        """Stop asking."""
        await self._known.close()


ASKER: Final = web.AppKey("asker", Asker)


async def asker(app: web.Application) -> AsyncIterator[None]:
    """The application's asker, from its start to its end."""
    app[ASKER] = Asker(app[DEPS].db)
    yield
    await app[ASKER].close()
