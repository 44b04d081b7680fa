"""What of 经办人 is offered on a ticket: for each unit of the viewer's that has a part in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import hdrs

from models import keepers
from models.db import away
from triage import logs
from triage.services import keeping
from triage.services.keeping import MOST
from triage.web.keys import CACHES, DEPS, VIEWER
from triage.web.present import keeper_view
from triage.web.views import KeeperView  # noqa: TC001  (the OpenAPI document is made of it)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from aiohttp import web

    from models.viewing import Viewer
    from triage.services.keeping import Colleague, Keeper

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class ColleagueView:
    """One whom the unit may name, by its number; `label` tells two of one name apart."""

    account: int
    label: str


@dataclass(frozen=True, slots=True)
class KeeperBox:
    """A unit's part: who deals with it, whether that is the viewer, to whom it can be given."""

    unit: str
    name: str
    keeper: KeeperView | None
    seen: int | None
    """Who deals with it now, as a wish says whom it saw; None: nobody, or nobody who still can."""
    mine: bool
    taken: bool
    """Whether they took it themselves."""
    fresh: bool
    """新: it was given to them, and they have not opened it."""
    colleagues: tuple[ColleagueView, ...]
    more: bool
    """Whether the unit has more people than are listed."""


async def opened(request: web.Request, ticket_id: int, kept: Mapping[str, Keeper], now: datetime) -> None:
    """Whoever opens the page has seen what they were given. The page is shown though this cannot be kept."""
    viewer, deps = request[VIEWER], request.app[DEPS]
    if request.method != hdrs.METH_GET or not keeping.is_new(kept, viewer):
        return
    try:
        async with deps.db.writes.begin() as session:
            await keepers.opened(session, ticket_id, viewer, now)
    except Exception as error:
        # Read-only for a while, full, locked: it stays new until it is opened the next time.
        if not away(error):
            raise
        log.warning("opening_not_kept", error=type(error).__name__)
    request.app[CACHES].new.forget_where(lambda whose: whose == viewer)


def boxes(
    parts: Mapping[str, str],
    mine: Mapping[str, tuple[Colleague, ...]],
    kept: Mapping[str, Keeper],
    viewer: Viewer,
) -> tuple[KeeperBox, ...]:
    """For each of the viewer's units; `parts`: names of the units that have one, `mine`: their people."""
    found = []
    for unit, people in sorted(mine.items()):
        keeper = kept.get(unit)
        standing = keeper if keeper is not None and keeper.gone is None else None
        has_it = None if standing is None else standing.staff_id
        others = [one for one in people if one.login != viewer.login and one.staff_id != has_it]
        found.append(
            KeeperBox(
                unit, parts[unit], keeper_view(keeper), has_it,
                standing is not None and standing.login == viewer.login,
                standing is not None and standing.taken,
                standing is not None and standing.fresh,
                tuple(ColleagueView(one.staff_id, one.label) for one in others[:MOST]), len(others) > MOST,
            )
        )  # fmt: skip
    return tuple(found)
