"""待审批: a tile that counts what the viewer may answer, the list behind it, a group in 到期清单."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from models.filters import all_seeing
from models.vocab import Move, Post
from models.vocab_staff import Role
from tests.factories import NOW, TicketIn, add_tickets
from triage.rules.moves import Actor
from triage.services import moving, reference
from triage.services.moving import Person, Wish

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

STREET, OTHER, DISTRICT = "110105026", "110108010", "110105"
UNTIL = (NOW + timedelta(days=12)).isoformat()
REASON = "需要进场检测，周期较长"
LATER = {"reason": REASON, "until": UNTIL, "told_citizen": "phone"}
EXCLUDE = {"reason": "重复统计", "clause": "条例第32条"}
ANSWERS = {
    "extend_grant", "ledger_grant", "exclude_grant", "object_uphold", "object_reject", "arbitrate"
}  # fmt: skip
TILE = re.compile(r'href="([^"]+)"[^>]*><span>待我审批</span><b>([^<]+)</b>')


async def do(deps: Deps, no: str, unit: str, *moves: tuple[Move, dict[str, Any]]) -> None:
    person = Person(Actor(Post.UNIT, unit, f"of.{unit}"), unit)
    for at, (move, values) in enumerate(moves, start=1):
        async with deps.db.writes.begin() as session:
            wish = Wish(no, move, values, at, f"{no}-{at}")
            await moving.make(session, deps.tables, all_seeing("test"), person, wish, now=deps.clock.now())


@pytest.fixture
async def asked(deps: Deps) -> dict[str, str]:
    """A ticket with each wish, soonest last; one in the next district, and a confidential one."""
    await reference.sync(deps)
    names = ("extension", "ledger", "exclusion", "objection", "elsewhere", "secret")
    late: dict[str, Any] = {"age": timedelta(0), "urgency": "U4"}
    made = await add_tickets(
        deps.db, *(TicketIn(**late, due=timedelta(days=days)) for days in (6.8, 6.7, 6.6, 6)),
        TicketIn(**late, unit=OTHER, district="110108", assist=(), copies=(), due=timedelta(days=6.5)),
        TicketIn(**late, confidential=True, due=timedelta(days=6.2)),
    )  # fmt: skip
    found = dict(zip(names, made, strict=True))
    working: tuple[tuple[Move, dict[str, Any]], ...] = (
        (Move.SIGN, {}),
        (Move.CONTACT, {"outcome": "reached", "told_citizen": "phone"}),
    )
    wishes = {
        "extension": (Move.EXTEND_ASK, LATER), "ledger": (Move.LEDGER_ASK, {**LATER, "clause": "条例第15条"}),
        "exclusion": (Move.EXCLUDE_ASK, EXCLUDE), "elsewhere": (Move.EXTEND_ASK, LATER),
        "secret": (Move.EXTEND_ASK, LATER),
    }  # fmt: skip
    for name, wish in wishes.items():
        await do(deps, found[name], OTHER if name == "elsewhere" else STREET, *working, wish)
    objects = {"reason": "不属于本街道", "clause": "条例第12条", "proposed_unit": "110105-ecology"}
    await do(deps, found["objection"], STREET, (Move.OBJECT, objects))
    return found


async def text(client: Client, path: str) -> str:
    return await (await client.get(path)).text()


def numbers(page: str) -> list[str]:
    return re.findall(r'<tr data-no="([^"]+)"', page)


@pytest.mark.parametrize(
    ("role", "unit", "names"),
    [
        (Role.SUPERVISOR, None, {"ledger", "exclusion", "objection", "secret"}),
        (Role.BUREAU, DISTRICT, {"extension"}),
        (Role.SUPERVISOR, DISTRICT, {"extension", "ledger", "exclusion", "objection"}),
        (Role.CLERK, None, {"objection"}),
        (Role.BUREAU, "110108", {"elsewhere"}),
    ],
)
async def test_the_tile_counts_and_leads_to_what_the_viewer_may_answer(
    client_of: ClientOf, asked: dict[str, str], role: Role, unit: str | None, names: set[str]
) -> None:
    client = await client_of(role, unit=unit)
    tile = TILE.search(await text(client, "/desk"))
    assert tile is not None
    assert (tile[1], tile[2]) == ("/desk?state=decide", str(len(names)))
    page = await text(client, tile[1])
    assert set(numbers(page)) == {asked[name] for name in names}
    assert 'aria-current="page"><span>待我审批' in page
    for path in ("/api/v1/tickets?state=decide", "/desk/list?state=decide"):
        assert {no for no in asked.values() if no in await text(client, path)} == {asked[n] for n in names}


@pytest.mark.parametrize(
    ("role", "unit", "query"),
    [
        (Role.SUPERVISOR, None, "post=supervisor"),
        (Role.BUREAU, DISTRICT, f"post=district&unit={DISTRICT}"),
        (Role.CLERK, None, "post=hotline"),
    ],
)
async def test_whatever_is_listed_can_be_answered_on_its_page(
    client_of: ClientOf, asked: dict[str, str], role: Role, unit: str | None, query: str
) -> None:
    client = await client_of(role, unit=unit)
    listed = numbers(await text(client, "/desk?state=decide"))
    assert listed
    assert set(listed) <= set(asked.values())
    for no in listed:
        moves = (await (await client.get(f"/api/v1/tickets/{no}/moves?{query}")).json())["items"]
        assert {one["move"]["code"] for one in moves if one["possible"]} & ANSWERS


@pytest.mark.parametrize(
    ("role", "unit"), [(Role.STREET, STREET), (Role.FOLLOW_UP, None), (Role.BUREAU, "110105-ecology")]
)
async def test_whoever_answers_no_wish_has_no_tile_and_finds_none(
    client_of: ClientOf, asked: dict[str, str], role: Role, unit: str | None
) -> None:
    client = await client_of(role, unit=unit)
    home = await text(client, "/desk")
    assert "待我审批" not in home
    assert "待审批" in home
    assert numbers(await text(client, "/desk?state=decide")) == []
    assert "待我审批" not in await text(client, "/desk/due?hours=168")
    assert asked


async def test_where_nothing_waits_that_is_said(client: Client) -> None:
    page = await text(client, "/desk?state=decide")
    assert ("没有等您审批的" in page, "放宽一两个条件" in page) == (True, False)
    page = await text(client, "/desk?state=decide&urgency=U1")
    assert ("没有等您审批的" in page, "放宽一两个条件" in page) == (False, True)


async def test_the_list_says_which_wish_since_when_and_until_when(
    client_of: ClientOf, asked: dict[str, str]
) -> None:
    page = await text(await client_of(Role.SUPERVISOR), "/desk?state=asked")
    assert "按办理时限，最紧的在前" in page
    waits = re.findall(r'waits"><b>([^<]+)</b> ([^<]+)<time datetime="([^"]+)">', page)
    assert [kind for kind, *_ in waits] == ["异议", "延期", "延期", "剔除", "挂账", "延期"]
    ends = [end for *_, end in waits]
    assert ends == sorted(ends)
    assert len(ends) == len(asked)
    said = {kind: words for kind, words, _ in waits}
    assert said["延期"] == "11-23 16:00 提出，想到 2026-12-05 16:00；办理时限 "
    assert said["剔除"] == "11-23 16:00 提出；办理时限 "
    # What somebody wrote is for the page of the case.
    assert REASON not in page


async def test_of_a_case_that_another_district_has_its_own_wish_is_not_mine(
    client_of: ClientOf, deps: Deps
) -> None:
    """A district's 督办 sees it by a street that assists: 挂账 is theirs, 延期 the other centre's."""
    (no,) = await add_tickets(
        deps.db,
        TicketIn(
            age=timedelta(0), urgency="U4", due=timedelta(days=6), unit=OTHER, district="110108",
            assist=(STREET,), copies=(),
        ),
    )  # fmt: skip
    reached = (Move.CONTACT, {"outcome": "reached", "told_citizen": "phone"})
    both = ((Move.EXTEND_ASK, LATER), (Move.LEDGER_ASK, {**LATER, "clause": "条例第15条"}))
    await do(deps, no, OTHER, (Move.SIGN, {}), reached, *both)
    client = await client_of(Role.SUPERVISOR, unit=DISTRICT)
    waits = {
        state: re.findall(r'waits"><b>([^<]+)</b>', await text(client, f"/desk?state={state}"))
        for state in ("asked", "decide")
    }
    assert waits == {"asked": ["延期", "挂账"], "decide": ["挂账"]}


async def test_a_confidential_extension_is_the_centres_once_it_is_called_in(
    client_of: ClientOf, deps: Deps, asked: dict[str, str]
) -> None:
    """Copied it does not see the case, and 督办 of the city answers; 提级 gives it sight, and the answer."""
    no = asked["secret"]
    city = await client_of(Role.SUPERVISOR)
    assert no in numbers(await text(city, "/desk?state=decide"))
    client = await client_of(Role.BUREAU, unit=DISTRICT)
    assert (await client.get(f"/desk/tickets/{no}")).status == 404
    called = {"unit": DISTRICT, "until": (NOW + timedelta(days=1)).isoformat(), "reason": "请区里协调"}
    person = Person(Actor(Post.UNIT, STREET, "wang"), "王某")
    async with deps.db.writes.begin() as session:
        wish = Wish(no, Move.ESCALATE, called, 4, "k")
        await moving.make(session, deps.tables, all_seeing("test"), person, wish, now=deps.clock.now())
    assert no in numbers(await text(client, "/desk?state=decide"))
    moves = await (await client.get(f"/api/v1/tickets/{no}/moves?post=district&unit={DISTRICT}")).json()
    assert "extend_grant" in {one["move"]["code"] for one in moves["items"] if one["possible"]}
    assert no not in numbers(await text(city, "/desk?state=decide"))
    assert no not in await text(city, "/desk/due?hours=168&clock=decide")


async def test_what_the_centre_does_not_see_the_citys_supervisor_answers(
    client_of: ClientOf, deps: Deps, asked: dict[str, str]
) -> None:
    no = asked["secret"]
    city = await client_of(Role.SUPERVISOR)
    assert no in await text(city, "/desk/due?hours=168&clock=decide")
    seen = await city.get(f"/api/v1/tickets/{asked['extension']}/moves?post=supervisor")
    why = {one["move"]["code"]: one["why"] for one in (await seen.json())["items"]}
    assert "区级中心看得到这张工单，由它审批" in why["extend_grant"]
    person = Person(Actor(Post.SUPERVISOR, None, "sun"), "孙某")
    async with deps.db.writes.begin() as session:
        wish = Wish(no, Move.EXTEND_GRANT, {}, 4, "k")
        await moving.make(session, deps.tables, all_seeing("test"), person, wish, now=deps.clock.now())
    assert no not in numbers(await text(city, "/desk?state=decide"))


@pytest.mark.parametrize(
    ("name", "by"),
    [
        ("extension", "由朝阳区人民政府（区级中心）审批"),
        ("secret", "由督办岗审批（这一件区级中心看不到）"),
        ("ledger", "由督办岗审批"),
    ],
)
async def test_the_unit_that_asked_reads_who_decides(
    client_of: ClientOf, asked: dict[str, str], name: str, by: str
) -> None:
    client = await client_of(Role.STREET, unit=STREET)
    assert f"提出，{by}。理由：" in await text(client, f"/desk/tickets/{asked[name]}?post=unit&unit={STREET}")


async def test_the_form_says_who_decides_before_it_is_sent(client_of: ClientOf, deps: Deps) -> None:
    late: dict[str, Any] = {"age": timedelta(0), "urgency": "U4", "due": timedelta(days=6)}
    seen, secret = await add_tickets(deps.db, TicketIn(**late), TicketIn(**late, confidential=True))
    client = await client_of(Role.STREET, unit=STREET)
    said = {}
    for no in (seen, secret):
        await do(deps, no, STREET, (Move.SIGN, {}))
        asks = await (await client.get(f"/api/v1/tickets/{no}/moves?post=unit&unit={STREET}")).json()
        said[no] = next(one["hint"] for one in asks["items"] if one["move"]["code"] == "extend_ask")
    assert said[seen].endswith("；由朝阳区人民政府（区级中心）审批")
    assert said[secret].endswith("；由督办岗审批（这一件区级中心看不到）")


async def test_other_lists_say_nothing_of_it_and_the_api_which(client: Client, asked: dict[str, str]) -> None:
    assert 'waits"' not in await text(client, "/desk")
    found = await (await client.get("/api/v1/tickets?state=asked")).json()
    waits = {item["no"]: [one["label"] for one in item["waits"]] for item in found["items"]}
    assert waits[asked["ledger"]] == ["挂账"]
    assert waits[asked["objection"]] == ["异议"]
    whole = await (await client.get(f"/api/v1/tickets/{asked['exclusion']}")).json()
    assert whole["item"]["waits"] == [{"code": "exclude_ask", "label": "剔除"}]


async def test_an_answered_wish_leaves_the_list(client: Client, deps: Deps, asked: dict[str, str]) -> None:
    no = asked["exclusion"]
    person = Person(Actor(Post.SUPERVISOR, None, "sun"), "孙某")
    async with deps.db.writes.begin() as session:
        wish = Wish(no, Move.EXCLUDE_DENY, {"reason": "应当计入"}, 4, "k")
        await moving.make(session, deps.tables, all_seeing("test"), person, wish, now=deps.clock.now())
    for state in ("asked", "decide"):
        assert no not in numbers(await text(client, f"/desk?state={state}"))


async def test_what_waits_stands_first_in_the_due_list(client_of: ClientOf, asked: dict[str, str]) -> None:
    supervisor = await client_of(Role.SUPERVISOR)
    page = await text(supervisor, "/desk/due?hours=168&clock=decide")
    lines = re.findall(r"<b>([^<]+)</b> <a href=\"/desk/tickets/([^\"]+)\"", page)
    assert lines == [
        ("异议", asked["objection"]), ("延期", asked["secret"]),
        ("剔除", asked["exclusion"]), ("挂账", asked["ledger"]),
    ]  # fmt: skip
    # What is further off than the window is in the list of tickets.
    assert "待我审批" not in await text(supervisor, "/desk/due?hours=2")
    assert (
        re.findall(r'class="clocktag">([^<]+)', await text(supervisor, "/desk/due?hours=168"))[0]
        == "待我审批"
    )
    assert (await supervisor.get("/desk/due?clock=decided")).status == 400
    centre = await client_of(Role.BUREAU, unit=DISTRICT)
    page = await text(centre, "/desk/due?hours=168&clock=decide")
    assert re.findall(r"<b>([^<]+)</b> <a", page) == ["延期"]
    assert asked["secret"] not in page
    assert "待我审批" not in await text(centre, "/desk/due?hours=168&unit=110105-ecology&clock=decide")
