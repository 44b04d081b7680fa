"""What the standard leaves to us, and what must hold beyond its list: keys, masking, windows, tokens."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestClient, TestServer

from models import public
from models.appeals import Appeal, Appellant, Source
from models.open311 import Open311Request
from models.tickets import Ticket
from models.vocab import Move, Post, State
from tests.factories import TicketIn, add_reference, add_tickets
from tests.triage.web.citizen.steps import move_of
from tests.triage.web.open311.conftest import BASE, read_all
from triage.clock import FixedClock
from triage.services import reference
from triage.services.open311 import keys, taking
from triage.settings import Settings
from triage.web.app import make_app

if TYPE_CHECKING:
    from models.db import Database
    from nlp.pipeline import Reader
    from tests.triage.web.conftest import Client
    from triage.rules.rows import Tables
    from triage.services.deps import Deps

GOOD = {
    "service_code": "NOI-01",
    "lat": "39.9957",
    "long": "116.4707",
    "attribute[OFTEN]": "daily",
    "description": "望京街道一处工地夜里施工，机器声音很大。",
}


async def post(client: Client, key: str, **more: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    fields = {name: value for name, value in {**GOOD, "api_key": key, **more}.items() if value is not None}
    answer = await client.post(f"{BASE}/requests.json", data=fields)
    found: list[dict[str, Any]] = await answer.json()
    return found


async def test_a_posting_is_an_appeal_with_a_sealed_appellant(
    client: Client, deps: Deps, key: str, reader: Reader
) -> None:
    await reference.sync(deps)
    text = "望京街道工地夜里施工，我叫李小明，电话13912340007，邮箱 lxm@example.org。"
    (row,) = await post(
        client, key, description=text, phone="13912340007", first_name="小明", last_name="李",
        email="lxm@example.org", media_url="https://example.org/13912340007.jpg",
        address_id="A-7 13912340007",
    )  # fmt: skip
    async with deps.db.reads() as session:
        appeal, source = (await session.execute(sa.select(Appeal, Source.key).join(Source))).one()
        person = (await session.scalars(sa.select(Appellant))).one()
        posted = (await session.scalars(sa.select(Open311Request))).one()
    assert (row["service_request_id"], source, appeal.channel) == ("00000001", "open311:tests", "web")
    assert person.phone
    assert person.name
    assert person.original
    assert appeal.address
    assert posted.description
    assert deps.vault.open(person.phone, belongs_to="appellant.phone:1") == "13912340007"
    assert deps.vault.open(person.name, belongs_to="appellant.name:1") == "李小明"
    assert "lxm@example.org" in deps.vault.open(person.original, belongs_to="appellant.original:1")
    own = ("13912340007", "李小明", "lxm@example.org")
    assert [word for word in own if word in posted.description + appeal.address] == []
    assert "13912340007" not in appeal.text
    assert posted.media_url is None
    assert posted.address_id is not None
    assert (posted.address_id[:4], "13912340007" in posted.address_id) == ("A-7 ", False)
    # The point is told in words: the reader has no other way to know it.
    assert appeal.address.startswith("北京市朝阳区")
    assert "多久发生一次：每天" in appeal.text
    assert await read_all(deps, reader) == 1
    async with deps.db.reads() as session:
        ticket = (await session.scalars(sa.select(Ticket))).one()
    assert (ticket.no[-8:], ticket.district_code) == ("00000001", "110105")
    found = (await (await client.get(f"{BASE}/requests/{ticket.no}.json")).json())[0]
    assert (found["service_request_id"], found["lat"]) == ("00000001", 39.9957)


async def test_answers_are_kept_in_order(client: Client, deps: Deps, key: str) -> None:
    await post(client, key, **{"attribute[HOURS][]": ["night", "dawn", "morning"]})
    async with deps.db.reads() as session:
        posted = (await session.scalars(sa.select(Open311Request))).one()
    assert posted.answers == {"OFTEN": ["daily"], "HOURS": ["night", "dawn", "morning"]}


async def test_every_fault_is_told_at_once(client: Client, key: str) -> None:
    rows = await post(
        client, key, lat="91", long=None, description="x" * 4001, media_url="javascript:alert(1)",
        **{"attribute[OFTEN]": None, "attribute[DISTANCE]": "far", "attribute[SINCE]": "gestern"},
        **{"attribute[X]": "1"},
    )  # fmt: skip
    told = "\n".join(row["description"] for row in rows)
    for name in ("lat", "long", "description", "media_url", "[OFTEN]", "[DISTANCE]", "[SINCE]", "[X]"):
        assert name in told
    assert {row["code"] for row in rows} == {400}


async def test_the_end_of_a_receipt_is_no_number(
    client: Client, key: str, deps: Deps, reader: Reader
) -> None:
    number = (await post(client, key))[0]["service_request_id"]
    await read_all(deps, reader)
    for text, status in (
        (number, 200),
        (f"20261123-{number}", 200),
        (f"W20261123-{number}", 404),
        ("-1", 404),
    ):
        assert (await client.get(f"{BASE}/requests/{text}.json")).status == status


async def test_outside_the_city_is_told(client: Client, key: str) -> None:
    (row,) = await post(client, key, lat="31.23", long="121.47")
    assert "不在本市" in row["description"]


async def test_a_revoked_key_lets_nobody_in(client: Client, deps: Deps, key: str) -> None:
    async with deps.db.writes.begin() as session:
        await keys.revoke(session, "tests", now=deps.clock.now())
    assert (await post(client, key))[0]["code"] == 403


async def test_files_and_other_bodies_are_refused_in_the_same_shape(client: Client, key: str) -> None:
    for how in ({"data": b"\xff\xfe=%ff"}, {"data": b"x" * 70_000}, {"json": {"api_key": key}}):
        answer = await client.post(f"{BASE}/requests.xml", **how)
        assert answer.status in {400, 403, 413}
        assert (await answer.text()).startswith(
            '<?xml version="1.0" encoding="UTF-8"?>\n<errors><error><code>'
        )
        assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"


async def test_the_changeset_changes_with_a_service_and_only_then(deps: Deps, tables: Tables) -> None:
    async def changeset(with_tables: Tables) -> str:
        server = TestServer(make_app(replace(deps, tables=with_tables, clock=_Later(deps))))
        async with TestClient(server) as client:
            first = await (await client.get(f"{BASE}/discovery.json")).json()
        return str(first["changeset"])

    first = await changeset(tables)
    assert await changeset(tables) == first
    kinds = dict(tables.kinds)
    kinds["NOI-01"] = replace(kinds["NOI-01"], name="工地噪声")
    second = await changeset(replace(tables, kinds=kinds))
    third = await changeset(tables)
    assert first < second < third


class _Later:
    """A clock that goes on by a minute at every look."""

    minutes = 0

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    def now(self) -> Any:  # noqa: ANN401
        _Later.minutes += 1
        return self._deps.clock.now() - timedelta(days=1) + timedelta(minutes=_Later.minutes)


async def test_a_token_becomes_a_number_when_it_was_read(deps: Deps, key: str, reader: Reader) -> None:
    deps = replace(deps, settings=Settings(open311_tokens=True))
    await reference.sync(deps)
    async with TestClient(TestServer(make_app(deps))) as client:
        (row,) = await post(client, key)
        assert "service_request_id" not in row
        before = await (await client.get(f"{BASE}/tokens/{row['token']}.json")).json()
        await read_all(deps, reader)
        after = await (await client.get(f"{BASE}/tokens/{row['token']}.json")).json()
        services = await (await client.get(f"{BASE}/services.json")).json()
    assert before == [{"service_request_id": None, "token": row["token"]}]
    assert after == [{"service_request_id": "00000001", "token": row["token"]}]
    assert {service["type"] for service in services} == {"batch"}


async def test_no_more_than_a_thousand_and_paged(client: Client, deps: Deps) -> None:
    await add_tickets(deps.db, TicketIn())
    now = deps.clock.now()
    async with deps.db.writes.begin() as session:
        appeal = (await session.execute(sa.select(Appeal.__table__))).mappings().one()
        ticket = (
            (await session.execute(sa.select(*[c for c in Ticket.__table__.c if c.name != "search"])))
            .mappings()
            .one()
        )
        numbers = range(2, 1006)
        await session.execute(
            sa.insert(Appeal),
            [
                {**appeal, "id": n, "dedupe_key": f"x:{n}", "received_at": now - timedelta(seconds=n)}
                for n in numbers
            ],
        )  # fmt: skip
        await session.execute(
            sa.insert(Ticket),
            [{**ticket, "id": n, "no": f"20261123-{n:08d}", "appeal_id": n} for n in numbers],
        )
    rows = await (await client.get(f"{BASE}/requests.json")).json()
    assert len(rows) == 1000
    assert [int(row["service_request_id"]) for row in rows] == list(range(2, 1002))
    page = await client.get(f"{BASE}/requests.json?page=3&page_size=100")
    assert [int(row["service_request_id"]) for row in await page.json()] == list(range(202, 302))
    assert (page.headers["page-TotalSize"], page.headers["page-TotalPages"]) == ("1000", "10")
    for query in ("page=11&page_size=100", "page=0", "page=x", "page_size=1001"):
        assert (await client.get(f"{BASE}/requests.json?{query}")).status == 400


async def test_a_key_posts_so_often_and_no_more(deps: Deps, key: str) -> None:
    deps = replace(deps, settings=Settings(open311_per_hour=2))
    async with TestClient(TestServer(make_app(deps))) as client:
        told = [(await post(client, key))[0].get("code") for _ in range(3)]
    assert told == [None, None, 429]


async def test_postings_under_one_key_do_not_wait_for_each_other(
    postgres_db: Database, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    deps = replace(deps, db=postgres_db)
    await add_reference(postgres_db)
    async with postgres_db.writes.begin() as session:
        key = await keys.make(session, deps.vault, "tests", now=deps.clock.now())
    take = taking.take
    others: list[dict[str, Any]] = []

    async def meanwhile(*given: Any, **named: Any) -> tuple[int, str]:  # noqa: ANN401
        taken = await take(*given, **named)
        monkeypatch.setattr(taking, "take", take)
        async with asyncio.timeout(20):
            others.extend(await post(client, key, description="另一件：望京街道工地夜里施工。"))
        return taken

    async with TestClient(TestServer(make_app(deps))) as client:
        # The first of all makes the source.
        await post(client, key, description="望京街道早先的一件。")
        monkeypatch.setattr(taking, "take", meanwhile)
        mine = await post(client, key)
    assert {row["service_request_id"] for row in (*mine, *others)} == {"00000002", "00000003"}


async def test_another_jurisdiction_is_not_found(deps: Deps) -> None:
    deps = replace(deps, settings=Settings(open311_jurisdiction="beijing"))
    async with TestClient(TestServer(make_app(deps))) as client:
        told = [
            (await client.get(f"{BASE}/services.json{query}")).status
            for query in ("", "?jurisdiction_id=", "?jurisdiction_id=beijing", "?jurisdiction_id=boston.gov")
        ]
    assert told == [200, 200, 200, 404]


async def test_two_at_once_with_one_key_of_the_client_are_one(client: Client, deps: Deps, key: str) -> None:
    import asyncio  # noqa: PLC0415

    rows = await asyncio.gather(*(post(client, key, client_request_id="same") for _ in range(8)))
    assert {row[0]["service_request_id"] for row in rows} == {"00000001"}
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Appeal)) == 1


@pytest.mark.parametrize(
    "query",
    ["status=%00", "service_code=%00", "start_date=2026-13-01T00:00:00Z", "start_date=9999-12-31T00:00:00Z",
     "end_date=0001-01-01T00:00:00Z", "service_request_id=%00,1", "service_request_id=" + "9" * 30],
)  # fmt: skip
async def test_odd_questions_are_answered(client: Client, query: str) -> None:
    assert (await client.get(f"{BASE}/requests.json?{query}")).status in {200, 400}


async def told_of(client: Client, number: str) -> dict[str, Any]:
    (row,) = await (await client.get(f"{BASE}/requests/{number}.json")).json()
    found: dict[str, Any] = row
    return found


async def test_of_an_answer_at_once_the_public_is_told_that_there_was_one_and_no_word_of_it(
    client: Client, key: str, deps: Deps
) -> None:
    del key
    asked = TicketIn(state=State.REVIEW, appeal_type="咨询")
    mine, other = await add_tickets(deps.db, asked, asked)
    await reference.sync(deps)
    number, elsewhere = (no.split("-")[1] for no in (mine, other))
    async with deps.db.writes.begin() as session:
        session.add(Open311Request(
            appeal_id=int(number), key_id=1, token="t" * 24, service_code="NOI-01", description="在哪办",
            address=None, lon=None, lat=None, answers={},
        ))  # fmt: skip
    words = "夜间施工证明由街道受理，工作日上午可查"
    for no in (mine, other):
        await move_of(deps, no, Post.HOTLINE, Move.ANSWER_NOW, note=words, told_citizen="web")
    both = [await told_of(client, one) for one in (number, elsewhere)]
    assert [(row["status"], row["status_notes"]) for row in both] == [("closed", "已当场答复")] * 2
    assert words not in str(both)
    assert both[1]["updated_datetime"] > both[1]["requested_datetime"], "when it ended"
    await move_of(deps, other, Post.HOTLINE, Move.ARCHIVE)
    assert (await told_of(client, elsewhere))["status_notes"] == "已当场答复"
    await move_of(deps, mine, Post.HOTLINE, Move.UNDO, reason="答错了一件")
    row = await told_of(client, number)
    assert (row["status"], words in str(row)) == ("open", False)


async def test_that_it_was_withdrawn_is_said_and_why_is_not(client: Client, key: str, deps: Deps) -> None:
    del key
    (no,) = await add_tickets(deps.db, TicketIn())
    await reference.sync(deps)
    number = no.split("-")[1]
    by = {"withdrawn_by": "caller", "withdrawn_why": "other", "note": "家里有人住院了，顾不上"}
    await move_of(deps, no, Post.HOTLINE, Move.WITHDRAW, **by)
    row = await told_of(client, number)
    assert (row["status"], row["status_notes"], "住院" in str(row)) == ("closed", "已撤诉", False)
    await move_of(deps, no, Post.HOTLINE, Move.ARCHIVE)
    assert (await told_of(client, number))["status_notes"] == "已撤诉"


async def test_that_others_wait_for_the_same_is_not_told_to_who_withdrew(
    client: Client, key: str, deps: Deps
) -> None:
    """Else 撤诉 would be a way to ask whether somebody reported it, in confidence or not."""
    del key
    dated = TicketIn(due=timedelta(days=7))
    head, other, alone = await add_tickets(deps.db, dated, dated, dated)
    await reference.sync(deps)
    await move_of(deps, other, Post.HOTLINE, Move.MERGE, other_ticket=head, reason="同一处同一事项")
    for no in (head, alone):
        await move_of(deps, no, Post.HOTLINE, Move.WITHDRAW, withdrawn_by="caller", withdrawn_why="mistake")
    await move_of(deps, head, Post.UNIT, Move.SIGN)
    told = [await told_of(client, no.split("-")[1]) for no in (head, alone)]
    names = ("status", "status_notes", "agency_responsible", "expected_datetime")
    both = [("closed", "已撤诉", None, None)] * 2
    assert [tuple(row[name] for name in names) for row in told] == both
    assert "已撤诉" not in (await told_of(client, other.split("-")[1]))["status_notes"]
    ended = [row.id for row in await public_rows(deps, closed=True)]
    assert len(ended) == 2
    assert not set(ended) & {row.id for row in await public_rows(deps, closed=False)}
    await ended_for_the_others(deps, head)
    after = [await told_of(client, no.split("-")[1]) for no in (head, alone)]
    assert after == told, "nor by when and by whom it was done"


async def test_taken_up_again_a_head_is_open(client: Client, key: str, deps: Deps) -> None:
    del key
    head, other = await add_tickets(deps.db, TicketIn(), TicketIn())
    await reference.sync(deps)
    await move_of(deps, other, Post.HOTLINE, Move.MERGE, other_ticket=head, reason="同一处同一事项")
    await move_of(deps, head, Post.HOTLINE, Move.WITHDRAW, withdrawn_by="caller", withdrawn_why="mistake")
    await move_of(deps, head, Post.HOTLINE, Move.TAKE_UP, reason="诉求人又来电要求办")
    assert (await told_of(client, head.split("-")[1]))["status"] == "open"


async def ended_for_the_others(deps: Deps, head: str) -> None:
    """The head has its answer, and is closed, days after its own sender withdrew."""
    later = replace(deps, clock=FixedClock(deps.clock.now() + timedelta(hours=2)))
    reached = {"outcome": "reached", "told_citizen": "phone"}
    await move_of(later, head, Post.UNIT, Move.CONTACT, **reached)
    fed = {"note": "已责令停工并清运", "attachment": "照片 1", "told_citizen": "phone"}
    await move_of(later, head, Post.UNIT, Move.FEEDBACK, **fed)
    last = replace(deps, clock=FixedClock(deps.clock.now() + timedelta(days=3)))
    await move_of(last, head, Post.FOLLOW_UP, Move.CLOSE)


async def public_rows(deps: Deps, *, closed: bool) -> list[public.PublicCase]:
    async with deps.db.reads() as session:
        return await public.public_cases(session, public.PublicFilter(closed=closed), limit=9)


async def test_what_was_taken_up_again_is_open(client: Client, key: str, deps: Deps) -> None:
    del key
    one, other = await add_tickets(deps.db, TicketIn(), TicketIn())
    await reference.sync(deps)
    for no, back in ((one, Move.UNDO), (other, Move.TAKE_UP)):
        await move_of(deps, no, Post.HOTLINE, Move.WITHDRAW, withdrawn_by="caller", withdrawn_why="mistake")
        await move_of(deps, no, Post.HOTLINE, back, reason="诉求人又来电要求办")
        row = await told_of(client, no.split("-")[1])
        assert (row["status"], "撤诉" in row["status_notes"]) == ("open", False)
