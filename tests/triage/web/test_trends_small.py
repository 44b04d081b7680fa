"""Small numbers outside the office: none is told, nor follows from what stands beside it in its chart."""

from __future__ import annotations

import re
from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from models.vocab import State
from models.vocab_mood import Mood
from models.vocab_staff import Role
from tests.factories import TicketIn, add_tickets
from tests.triage.services.trends.helpers import correct, refreshed
from triage.rules.rate_rows import Rate
from triage.rules.rates import By, Line, Tally
from triage.services import months

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

PERIOD = "from=2026-11-01&to=2026-11-23"
JOINED = TicketIn(state=State.MERGED)


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough: the sums are tested on both elsewhere."""
    return sqlite_db


async def lines(client: Client, panel: str) -> list[str]:
    answer = await client.get(f"/desk/trends/{panel}.csv?{PERIOD}")
    assert answer.status == 200
    return (await answer.text()).splitlines()[1:]


@pytest.fixture
async def outside(client_of: ClientOf) -> Client:
    return await client_of(Role.SUPERVISOR, unit="110105")


async def test_the_joined_ones_do_not_follow_from_demands_and_cases(
    client: Client, outside: Client, deps: Deps
) -> None:
    over_there = TicketIn(district="110108", street="110108010", unit="110108010")
    await add_tickets(deps.db, *[TicketIn()] * 8, *[JOINED] * 2, *[over_there] * 20)
    await refreshed(deps)
    assert [line.split(",")[:3] for line in (await lines(client, "areas"))[:4:2]] == [
        ["海淀区", "20", "20"], ["朝阳区", "10", "8"],
    ]  # fmt: skip
    # The other one too: from the city's cases the hidden 8 would follow.
    assert [line.split(",")[:3] for line in (await lines(outside, "areas"))[:4:2]] == [
        ["海淀区", "20", "＜5"], ["朝阳区", "10", "＜5"],
    ]  # fmt: skip
    page = await (await outside.get(f"/desk/trends?{PERIOD}")).text()
    assert "<b>30</b>" in page
    assert "<b>28</b>" not in page
    (repeats,) = [line for line in await lines(outside, "repeats") if line.startswith("2026-11-23")]
    assert repeats.startswith("2026-11-23,30,＜5,,")


async def test_the_streets_of_a_district_are_told_where_none_small_follows(
    client: Client, outside: Client, deps: Deps
) -> None:
    other = TicketIn(street="110105001", unit=None)
    await add_tickets(deps.db, *[TicketIn()] * 6, *[other] * 2)
    await refreshed(deps)
    told = [line.split(",")[:3] for line in (await lines(client, "areas"))[:3]]
    assert [line[1:] for line in told] == [["8", "8"], ["6", ""], ["2", ""]]
    assert told[1][0] == "　望京街道"
    page = await (await client.get(f"/desk/trends?{PERIOD}")).text()
    link = re.search(r'<a href="([^"]+)">2</a>', page.split("　望京街道")[1])
    assert link is not None
    listed = await (await client.get(link[1].replace("&amp;", "&"))).text()
    assert len(set(re.findall(r"/desk/tickets/([0-9-]+)", listed))) == 2
    charts = await (await client.get(f"/desk/trends/charts.json?{PERIOD}")).json()
    shaded, bubbles = (one["data"] for one in charts["areas"]["option"]["series"])
    assert "district%3D110105" in shaded[0]["link"]
    assert "street%3D110105026" in bubbles[0]["link"]
    hidden = [line.split(",")[:2] for line in (await lines(outside, "areas"))[:3]]
    assert [line[1] for line in hidden] == ["8", "＜5", "＜5"]


async def test_few_corrections_do_not_follow_from_their_share(
    client: Client, outside: Client, deps: Deps
) -> None:
    made = await add_tickets(deps.db, *[TicketIn()] * 40)
    for no in made[:3]:
        await correct(deps, no, {"kind": "AIR-01"})
    await refreshed(deps)
    (whole, *_) = await lines(client, "model")
    (told, *_) = await lines(outside, "model")
    assert whole.split(",")[3:] == ["3", "1.0", "0.925"]
    assert told.split(",")[3:] == ["＜5", "1.0", ""]
    for asker, drawn in ((client, [92.5]), (outside, [None])):
        charts = await (await asker.get(f"/desk/trends/charts.json?{PERIOD}")).json()
        assert [one["data"] for one in charts["model"]["option"]["series"]] == [drawn]


async def test_few_calm_or_milder_ones_do_not_follow_from_the_others(
    client: Client, outside: Client, deps: Deps
) -> None:
    angry = TicketIn(mood=Mood.NEGATIVE.value, angry=True)
    await add_tickets(
        deps.db, *[angry] * 8, *[TicketIn(mood=Mood.NEGATIVE.value)] * 2,
        *[TicketIn(mood=Mood.POSITIVE.value)] * 8, *[TicketIn(mood=Mood.NEUTRAL.value)] * 2,
    )  # fmt: skip
    await refreshed(deps)
    (whole, *_) = await lines(client, "moods")
    (told, *_) = await lines(outside, "moods")
    assert whole == "2026-11-23,20,8,0.4,10,0.5,8"
    assert told == "2026-11-23,20,＜5,,10,0.5,＜5"


async def test_a_published_month_of_few_tells_no_count(
    client: Client, outside: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def line(month: str) -> Line:
        few = month == "2026-09"
        tickets = 4 if few else 40
        good = Tally(points=100 * tickets - (0 if few else 200), tickets=tickets, out=0)
        return Line(By.ALL, "", tickets, 0, tuple((rate, good) for rate in Rate))

    async def all_months(_session: object) -> list[str]:
        return ["2026-10", "2026-09"]

    async def headline(_session: object, month: str) -> SimpleNamespace:
        return SimpleNamespace(figures=SimpleNamespace(line=lambda _by, _key: line(month)))

    monkeypatch.setattr(months, "all_months", all_months)
    monkeypatch.setattr(months, "headline", headline)
    assert (await lines(client, "rates"))[:2] == ["2026-09,4,1.0,1.0,1.0", "2026-10,40,0.95,0.95,0.95"]
    # Of 40 with 95 % two are not.
    assert (await lines(outside, "rates"))[:2] == ["2026-09,＜5,,,", "2026-10,40,,,"]
    assert Tally(3800, 40, 0).share == Fraction(19, 20)
