"""实时更新: a page is told that tickets changed, and asks anew for what it shows.

Only that something changed is told, never what: what a person may see is decided where the page asks, by the
one predicate. The number of the newest event in the database is the record, and the id of what is sent: a
browser that comes back says which it had last (Last-Event-ID) and learns at once whether it missed one. Redis
brings hints from other processes; while it is away each process looks more often by itself. A transaction
that wrote its event earlier and ended later than another is seen by its hint, or by the page's own refresh.
"""

from __future__ import annotations

import asyncio
import random
import re
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from aiohttp import hdrs, web
from sqlalchemy.exc import SQLAlchemyError

from connectors.hints import Hints, HintsDown
from models.tickets import TicketEvent
from triage import logs
from triage.errors import NotReady, TriageError
from triage.web import access
from triage.web.keys import DEPS, IDENTIFY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from models.db import Database

log = logs.get(__name__)

#: Between two looks at the database: while hints come, and while Redis is away.
CALM_SECONDS: Final = 10.0
ALONE_SECONDS: Final = 2.0
#: Until Redis is tried again.
AGAIN_SECONDS: Final = 3.0
#: A page is not told more often than this.
APART_SECONDS: Final = 1.0
#: Each page that is told asks for its list anew. Where many listen they are told one after another, so many a
#: second of one process, so that a change does not bring all of them at once.
TOLD_A_SECOND: Final = 20.0
#: However many listen, nobody is told later than this.
LATEST_SECONDS: Final = 10.0
#: A line is sent at least so often: who is gone is noticed, and nobody between takes the line for dead. As
#: often it is asked whether the session still stands: one that ended is told nothing after the next beat.
BEAT_SECONDS: Final = 15.0
#: After that the browser asks again: by then its person may see other cases.
LASTS_SECONDS: Final = 300.0
#: Pages that one process tells; further ones refresh by themselves as before.
MOST: Final = 500
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


class Board:
    """What one process knows of changes, and who waits to hear of them. Looks only while somebody does."""

    def __init__(self, db: Database, hints: Hints) -> None:
        """Take the record and the way hints come."""
        self._db = db
        self._hints = hints
        self._news = asyncio.Condition()
        self._look = asyncio.Event()
        #: Whether somebody said that tickets changed, since the last look.
        self._said = False
        self._tasks: list[asyncio.Task[None]] = []
        self._telling: set[asyncio.Task[None]] = set()
        self._listeners = 0
        #: Whether hints of other processes come at the moment.
        self.hinted = asyncio.Event()
        self._away_told = False
        self.latest = 0
        self.turn = 0
        self.closed = False
        self._closing = asyncio.Event()

    def tell(self) -> None:
        """Something changed here: pages of this process look now, others by the hint. Nobody waits for it."""
        self._heed()
        # One at a time: while Redis does not answer, hints are not heaped up.
        if not self._telling and not self.closed:
            task = asyncio.create_task(self._tell(), name="board-tell")
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    def _heed(self) -> None:
        """Look now, and tell pages even if no newer number is there."""
        self._said = True
        self._look.set()

    async def _tell(self) -> None:
        try:
            await self._hints.tell()
        except HintsDown as error:
            log.info("hint_not_sent", error=str(error))

    @asynccontextmanager
    async def listener(self) -> AsyncIterator[None]:
        """Be one of those who are told. Raises NotReady when there are too many, or it stops."""
        if self.closed or self._listeners >= MOST:
            raise NotReady("实时更新的连接已满，页面会照常定时刷新。")
        self._listeners += 1
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._watch(), name="board-watch"),
                asyncio.create_task(self._hear(), name="board-hear"),
            ]
        try:
            yield
        finally:
            self._listeners -= 1

    def delay(self) -> float:
        """Seconds until one of them is told what all may know: none for one, up to ten for two hundred."""
        spread = min((self._listeners - 1) / TOLD_A_SECOND, LATEST_SECONDS)
        return random.random() * spread  # noqa: S311  (no secret)

    async def rest(self, seconds: float) -> None:
        """Wait so long, or until the board is closed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    async def newer(self, turn: int, seconds: float) -> bool:
        """Wait until there is news after that turn, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: self.closed or self.turn != turn)
        return self.turn != turn

    async def first_look(self) -> None:
        """Know the newest event before the first page is told of none."""
        await self._learn(await self._newest(), hinted=False)

    async def close(self) -> None:
        """Let go of all who wait."""
        self.closed = True
        self._closing.set()
        tasks = {*self._tasks, *self._telling}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        async with self._news:
            self._news.notify_all()
        await self._hints.close()

    async def _newest(self) -> int:
        async with self._db.reads() as session:
            return int(await session.scalar(sa.select(sa.func.max(TicketEvent.id))) or 0)

    async def _watch(self) -> None:
        """Look at the record: when a hint came, and now and then."""
        while True:
            hinted, self._said = self._said, False
            self._look.clear()
            if self._listeners:
                await self._compare(hinted=hinted)
            with suppress(TimeoutError):
                async with asyncio.timeout(CALM_SECONDS if self.hinted.is_set() else ALONE_SECONDS):
                    await self._look.wait()

    async def _compare(self, *, hinted: bool) -> None:
        try:
            newest = await self._newest()
        except (SQLAlchemyError, OSError) as error:
            log.warning("board_cannot_look", error=type(error).__name__)
            return
        await self._learn(newest, hinted=hinted)

    async def _learn(self, newest: int, *, hinted: bool) -> None:
        """Whoever looks first, a page that comes or the watch, looks for all."""
        if newest > self.latest or hinted:
            self.latest = max(self.latest, newest)
            self.turn += 1
            async with self._news:
                self._news.notify_all()

    async def _hear(self) -> None:
        """Listen for hints, for ever: Redis may come and go."""
        while True:
            try:
                async with self._hints.listening() as hints:
                    self.hinted.set()
                    self._away_told = False
                    # What happened while nobody listened brought no hint.
                    self._heed()
                    async for _ in hints:
                        self._heed()
            except HintsDown as error:
                if self.hinted.is_set() or not self._away_told:
                    log.info("hints_away", error=str(error))
                self._away_told = True
            self.hinted.clear()
            # That Redis is still away is no news: pages are told of what the look finds, and of nothing else.
            self._look.set()
            await asyncio.sleep(AGAIN_SECONDS)


BOARD: Final = web.AppKey("board", Board)


def board_of(app: web.Application) -> Board:
    """A board over the application's database and Redis, closed before its pages are waited for."""
    deps = app[DEPS]
    board = Board(deps.db, Hints(deps.settings.redis))

    async def close(_app: web.Application) -> None:
        await board.close()

    app.on_shutdown.append(close)
    return board


async def changes(request: web.Request) -> web.StreamResponse:
    """GET /desk/changes: a line whenever tickets changed. Raises NotReady."""
    board = request.app[BOARD]
    async with board.listener():
        await board.first_look()
        told = request.headers.get("Last-Event-ID", "")
        seen = int(told) if _NUMBER.fullmatch(told) else board.latest
        response = web.StreamResponse(
            headers={
                hdrs.CONTENT_TYPE: "text/event-stream; charset=utf-8",
                hdrs.CACHE_CONTROL: "no-store",
                "X-Accel-Buffering": "no",
                "X-Content-Type-Options": "nosniff",
            }
        )
        # A browser that went away is no fault.
        with suppress(ConnectionResetError):
            await response.prepare(request)
            await _stream(request, response, board, seen)
            await response.write_eof()
        return response


async def _stream(request: web.Request, response: web.StreamResponse, board: Board, seen: int) -> None:
    loop = asyncio.get_running_loop()
    ends, known = loop.time() + LASTS_SECONDS, loop.time()
    turn = board.turn
    # With an id from the start: who comes back before anything happened says so.
    missed = board.latest > seen
    await response.write(b"retry: 3000\n" + (_event(board) if missed else f"id: {board.latest}\n\n".encode()))
    while not board.closed and loop.time() < ends:
        news = await board.newer(turn, BEAT_SECONDS)
        if news:
            await board.rest(board.delay())
        # News may come without a pause between them: who listens is asked by the clock, not only at a beat.
        if loop.time() - known >= BEAT_SECONDS:
            if not await _still_there(request):
                return
            known = loop.time()
        if news:
            turn = board.turn
            await response.write(_event(board))
            await board.rest(APART_SECONDS)
        elif not board.closed:
            await response.write(b": \n\n")


async def _still_there(request: web.Request) -> bool:
    """Whether whoever listens is still signed in: a session may have ended, a role been taken away."""
    try:
        return await request.app[IDENTIFY](request) is not None
    except TriageError:  # something must be done first: on a page of its own
        return False
    except (SQLAlchemyError, OSError) as error:
        log.warning("board_cannot_look", error=type(error).__name__)
        return True


def _event(board: Board) -> bytes:
    return f"id: {board.latest}\nevent: changed\ndata: {board.latest}\n\n".encode()


ROUTES: Final = (access.get("/desk/changes", changes, needs=access.SIGNED_IN),)
