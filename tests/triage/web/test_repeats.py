"""同一事项 on the desk: the list, two tickets side by side, one press to merge or to refuse."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from models.appeals import Appeal, Reading
from models.files import Attachment
from models.matters import MatterPair
from models.tickets import Ticket
from models.vocab import Move, Post
from tests.factories import NOW, add_tickets
from tests.triage.services.repeats.test_looking import AGAIN, FIRST, RIVER
from tests.triage.services.test_moving import do
from triage.rules.moves import Actor
from triage.services import reference
from triage.services.moving import Person
from triage.services.repeats import comparing, looking

if TYPE_CHECKING:
    import pytest

    from nlp.repeats import PairReader
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps


async def ready(deps: Deps) -> tuple[str, str]:
    """Two tickets about one matter, one about another, and what was found."""
    first, _, again = await add_tickets(deps.db, FIRST, RIVER, AGAIN)
    await reference.sync(deps)
    await looking.Finder(deps).catch_up()
    return first, again


def hidden(page: str, form: str) -> dict[str, str]:
    """The hidden fields of the form that leads to `form`."""
    part = page.split(f'action="{form}"')[1].split("</form>", maxsplit=1)[0]
    return dict(re.findall(r'name="([^"]+)" value="([^"]*)"', part))


async def test_the_list_has_the_pair_with_its_reasons(client: Client, deps: Deps) -> None:
    first, again = await ready(deps)
    page = await (await client.get("/desk/repeats")).text()
    assert f"/desk/compare/{again}/{first}" in page
    assert "望京西园四区" in page
    assert RIVER.title is not None
    assert RIVER.title not in page


async def test_no_page_claims_to_be_certain(client: Client, deps: Deps) -> None:
    first, again = await ready(deps)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(MatterPair).values(p=0.9999))
    for address in ("/desk/repeats", f"/desk/tickets/{first}", f"/desk/compare/{first}/{again}"):
        assert "100%" not in await (await client.get(address)).text()
    assert "99%" in await (await client.get("/desk/repeats")).text()


async def test_no_connection_is_held_while_two_are_weighed(
    client: Client, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, again = await ready(deps)
    weigh, pool, held = comparing.compare, deps.db.engine.pool, []
    assert isinstance(pool, QueuePool)

    def noted(pairs: PairReader, found: comparing.Gathered) -> comparing.Compared:
        held.append(pool.checkedout())
        return weigh(pairs, found)

    monkeypatch.setattr(comparing, "compare", noted)
    assert (await client.get(f"/desk/compare/{again}/{first}")).status == 200
    assert held == [0]


async def test_a_pair_across_confidence_is_marked(client: Client, deps: Deps) -> None:
    first, _ = await ready(deps)
    assert '<span class="tag">一件保密' not in await (await client.get("/desk/repeats")).text()
    async with deps.db.writes.begin() as session:
        own = sa.select(Ticket.appeal_id).where(Ticket.no == first).scalar_subquery()
        await session.execute(sa.update(Appeal).where(Appeal.id == own).values(confidential=True))
    assert '<span class="tag">一件保密' in await (await client.get("/desk/repeats")).text()


async def test_the_ticket_s_page_says_what_may_be_the_same(client: Client, deps: Deps) -> None:
    first, again = await ready(deps)
    page = await (await client.get(f"/desk/tickets/{first}")).text()
    assert "可能是同一件事" in page
    assert f"/desk/compare/{again}/{first}" in page


async def test_side_by_side_marks_what_only_one_says(client: Client, deps: Deps) -> None:
    first, again = await ready(deps)
    answer = await client.get(f"/desk/compare/{first}/{again}")
    page = await answer.text()
    assert answer.status == 200
    assert re.search(r'<mark class="own">[^<]*上次投诉后停了两天', page)
    assert "相隔 2 天" in page
    assert "两地定位到同一点（可能只精确到街道）" in page
    assert page.index(again) < page.index(f"/desk/tickets/{first}")


async def test_one_press_merges_the_later_into_the_earlier(client: Client, deps: Deps) -> None:
    first, again = await ready(deps)
    place = f"/desk/compare/{again}/{first}"
    page = await (await client.get(place)).text()
    answer = await client.post(f"{place}/merge", data=hidden(page, f"{place}/merge"), allow_redirects=False)
    head_page = f"/desk/tickets/{first}?done=merge&merged={again}"
    assert (answer.status, answer.headers["Location"]) == (303, head_page)
    head = await (await client.get(head_page)).text()
    assert f'<a href="/desk/tickets/{again}">{again}</a> 已并入本工单' in head
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(Ticket.state).where(Ticket.no == again)) == "merged"
        assert await session.scalar(sa.select(MatterPair.state)) == "merged"
    after = await (await client.get(place)).text()
    assert 'data-key="m"' not in after
    assert f'已并入 <a href="/desk/tickets/{first}">' in after


async def merge(client: Client, later: str, earlier: str) -> dict[str, str]:
    """Merge two on the page where they stand side by side; gives the form that was sent."""
    place = f"/desk/compare/{later}/{earlier}"
    form = hidden(await (await client.get(place)).text(), f"{place}/merge")
    assert (await client.post(f"{place}/merge", data=form, allow_redirects=False)).status == 303
    return form


async def test_the_graver_of_two_is_the_one_that_goes_on(client: Client, deps: Deps) -> None:
    """Merged the usual way its shorter clocks would stop; so would a 督办."""
    first, again = await ready(deps)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.no == again).values(urgency="U1"))
    place, other_way = f"/desk/compare/{again}/{first}", f"/desk/compare/{first}/{again}"
    assert '<span class="grade u1">' in await (await client.get("/desk/repeats")).text()
    page = await (await client.get(place)).text()
    assert '<span class="grade u1">' in page
    assert f"{first} 并入 {again} 办理" in page
    form = hidden(page, f"{other_way}/merge")
    refused = await client.post(f"{place}/merge", data=form | {"key": "wrong-way"})
    assert refused.status == 422
    assert "请反过来，把那张并入这张" in await refused.text()
    assert (await client.post(f"{other_way}/merge", data=form, allow_redirects=False)).status == 303
    assert (await states(deps)) == (["merged", "dispatched", "dispatched"], ["merged"])


async def test_a_ticket_that_is_supervised_is_not_offered_to_be_merged(client: Client, deps: Deps) -> None:
    first, again = await ready(deps)
    supervisor = Person(Actor(Post.SUPERVISOR, None, "supervisor.a"), "督办甲")
    asked = {"reason": "重复来电", "until": (NOW + timedelta(days=1)).isoformat()}
    await do(deps.db, deps.tables, again, supervisor, Move.SUPERVISE, 1, asked)
    page = await (await client.get(f"/desk/compare/{again}/{first}")).text()
    assert "督办，等待到场核实" in page
    assert f'action="/desk/compare/{first}/{again}/merge"' in page


async def test_side_by_side_says_what_it_does_not_show(
    client: Client, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, again = await ready(deps)
    monkeypatch.setattr(comparing, "COMPARED", 20)
    page = await (await client.get(f"/desk/compare/{again}/{first}")).text()
    assert f"（以下 {len(AGAIN.text) - 20} 字没有比对）</span> {AGAIN.text[20:]}" in page
    assert f"（以下 {len(FIRST.text) - 20} 字没有比对）</span> {FIRST.text[20:]}" in page
    monkeypatch.setattr(comparing, "_MOST_PAIRS", 10)
    page = await (await client.get(f"/desk/compare/{again}/{first}")).text()
    assert "两边重复的字太多，没有逐字比对" in page


async def states(deps: Deps) -> tuple[list[str], list[str]]:
    """Of the tickets by number, and of what was proposed."""
    async with deps.db.reads() as session:
        tickets = await session.scalars(sa.select(Ticket.state).order_by(Ticket.no))
        pairs = await session.scalars(sa.select(MatterPair.state))
        return list(tickets), list(pairs)


async def test_a_merge_is_taken_back_where_it_was_made(client: Client, deps: Deps) -> None:
    first, again = await ready(deps)
    place = f"/desk/compare/{again}/{first}"
    before = await states(deps)
    assert "撤销合并 <kbd>" not in await (await client.get(place)).text()
    await merge(client, again, first)
    page = await (await client.get(place)).text()
    assert 'data-key="u"' in page
    assert 'data-key="r"' not in page
    form = hidden(page, f"{place}/split")
    assert form["reason"] == "合并有误"
    answer = await client.post(f"{place}/split", data=form, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, f"{place}?done=split")
    page = await (await client.get(f"{place}?done=split")).text()
    assert "已撤销合并" in page
    assert 'data-key="m"' in page
    assert await states(deps) == before
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(Ticket.urges).where(Ticket.no == first)) == 0
    assert place in await (await client.get("/desk/repeats")).text()


async def test_a_form_that_is_sent_again_changes_nothing_more(client: Client, deps: Deps) -> None:
    first, again = await ready(deps)
    place = f"/desk/compare/{again}/{first}"
    merging = await merge(client, again, first)
    splitting = hidden(await (await client.get(place)).text(), f"{place}/split")
    await client.post(f"{place}/split", data=splitting)
    await client.post(f"{place}/merge", data=merging)
    assert (await states(deps))[1] == ["proposed"]
    refusing = hidden(await (await client.get(place)).text(), f"{place}/refuse")
    await client.post(f"{place}/refuse", data=refusing)
    assert (await client.post(f"{place}/split", data=splitting, allow_redirects=False)).status == 303
    assert (await states(deps))[1] == ["refused"]


async def test_a_refusal_outlives_a_merge_and_its_undoing(client: Client, deps: Deps) -> None:
    first, again = await ready(deps)
    place = f"/desk/compare/{again}/{first}"
    refusing = hidden(await (await client.get(place)).text(), f"{place}/refuse")
    await client.post(f"{place}/refuse", data=refusing)
    await merge(client, again, first)
    form = hidden(await (await client.get(place)).text(), f"{place}/split")
    await client.post(f"{place}/split", data=form)
    assert (await states(deps))[1] == ["refused"]


async def test_what_nobody_proposed_is_not_proposed_by_being_taken_back(client: Client, deps: Deps) -> None:
    one, other = await add_tickets(deps.db, FIRST, replace(RIVER, text="温榆河有死鱼"))
    await reference.sync(deps)
    place = f"/desk/compare/{other}/{one}"
    await merge(client, other, one)
    form = hidden(await (await client.get(place)).text(), f"{place}/split")
    await client.post(f"{place}/split", data=form)
    assert (await states(deps))[1] == []


async def test_what_was_merged_elsewhere_and_back_is_proposed_as_before(client: Client, deps: Deps) -> None:
    first, again = await ready(deps)
    for move, values, state in (
        ("merge", {"other_ticket": first, "reason": "同一事项"}, "merged"),
        ("split", {"reason": "合并有误"}, "proposed"),
    ):
        async with deps.db.reads() as session:
            version = await session.scalar(sa.select(Ticket.version).where(Ticket.no == again))
        body = {"move": move, "values": values, "version": version, "as": {"post": "hotline"}}
        answer = await client.post(
            f"/api/v1/tickets/{again}/moves", json=body, headers={"Idempotency-Key": move}
        )
        assert answer.status == 200, await answer.text()
        assert (await states(deps))[1] == [state]


async def test_what_is_merged_is_not_refused(client: Client, deps: Deps) -> None:
    first, again = await ready(deps)
    place = f"/desk/compare/{again}/{first}"
    refusing = hidden(await (await client.get(place)).text(), f"{place}/refuse")
    await merge(client, again, first)
    answer = await client.post(f"{place}/refuse", data=refusing)
    assert answer.status == 400
    assert "请先撤销合并" in await answer.text()
    assert (await states(deps))[1] == ["merged"]


async def test_a_ticket_is_not_taken_out_of_a_third_one(client: Client, deps: Deps) -> None:
    first, again = await ready(deps)
    third = next(iter(await add_tickets(deps.db, replace(RIVER, text="温榆河有死鱼，一片白"))))
    place = f"/desk/compare/{again}/{first}"
    await merge(client, again, first)
    form = hidden(await (await client.get(place)).text(), f"{place}/split")
    before = await states(deps)
    answer = await client.post(f"/desk/compare/{again}/{third}/split", data=form)
    assert answer.status == 400
    assert "没有并入" in await answer.text()
    assert await states(deps) == before
    page = await (await client.get(f"/desk/compare/{again}/{third}")).text()
    assert f"{again} 已并入 {first}" in page


async def test_what_was_never_merged_is_not_taken_back(client: Client, deps: Deps) -> None:
    first, again = await ready(deps)
    place = f"/desk/compare/{again}/{first}"
    data = hidden(await (await client.get(place)).text(), f"{place}/merge")
    answer = await client.post(f"{place}/split", data={**data, "reason": "合并有误"}, allow_redirects=False)
    assert answer.status == 422
    assert 'role="alert"' in await answer.text()
    assert (await states(deps))[1] == ["proposed"]


async def test_sent_twice_it_is_merged_once(client: Client, deps: Deps) -> None:
    first, again = await ready(deps)
    place = f"/desk/compare/{again}/{first}"
    data = hidden(await (await client.get(place)).text(), f"{place}/merge")
    for _ in range(2):
        answer = await client.post(f"{place}/merge", data=data, allow_redirects=False)
        assert answer.status == 303
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(Ticket.urges).where(Ticket.no == first)) == 1


async def test_what_changed_meanwhile_is_told(client: Client, deps: Deps) -> None:
    first, again = await ready(deps)
    place = f"/desk/compare/{again}/{first}"
    data = hidden(await (await client.get(place)).text(), f"{place}/merge")
    answer = await client.post(f"{place}/merge", data={**data, "version": "9"}, allow_redirects=False)
    assert answer.status == 409
    assert "又有变化" in await answer.text()


async def test_a_refusal_is_remembered(client: Client, deps: Deps) -> None:
    first, again = await ready(deps)
    place = f"/desk/compare/{again}/{first}"
    page = await (await client.get(place)).text()
    answer = await client.post(f"{place}/refuse", data=hidden(page, f"{place}/refuse"), allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, f"/desk/repeats?a={again}&b={first}")
    assert f'href="{place}"' in await (await client.get(answer.headers["Location"])).text()
    assert "没有待确认的" in await (await client.get("/desk/repeats")).text()
    assert "已判为不是同一事项" in await (await client.get(place)).text()
    ticket = await (await client.get(f"/desk/tickets/{again}")).text()
    assert "可能是同一件事" not in ticket


async def test_a_refusal_is_taken_back(client: Client, deps: Deps) -> None:
    first, again = await ready(deps)
    place = f"/desk/compare/{again}/{first}"
    form = hidden(await (await client.get(place)).text(), f"{place}/refuse")
    assert (await client.post(f"{place}/reopen", data=form)).status == 400
    await client.post(f"{place}/refuse", data=form)
    page = await (await client.get(place)).text()
    await client.post(f"{place}/reopen", data=hidden(page, f"{place}/reopen"))
    assert f'href="{place}"' in await (await client.get("/desk/repeats")).text()


async def test_numbers_that_are_none_are_not_found(client: Client, deps: Deps) -> None:
    first, _ = await ready(deps)
    assert (await client.get(f"/desk/compare/{first}/20261123-99999999")).status == 404
    assert (await client.get(f"/desk/compare/{first}/{first}")).status == 400


async def test_two_that_nobody_proposed_can_be_compared(client: Client, deps: Deps) -> None:
    one, other = await add_tickets(deps.db, FIRST, replace(RIVER, text="温榆河有死鱼"))
    page = await (await client.get(f"/desk/compare/{one}/{other}")).text()
    assert "看来不是同一事项" in page


async def test_both_places_are_on_one_map_and_photos_stand_side_by_side(
    client: Client, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, again = await ready(deps)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Reading).where(Reading.id == 3).values(lon=116.48))
        rows: list[dict[str, object]] = [
            {
                "appeal_id": appeal, "owner": "appeal", "event_seq": None, "sha256": f"{number:064d}",
                "thumb_sha256": thumb, "size": 1, "media_type": "image/jpeg", "name": "照片.jpg",
                "by": "citizen", "at": NOW,
            }
            for number, (appeal, thumb) in enumerate([(1, "a" * 64), (3, "b" * 64), (3, None)], start=1)
        ]  # fmt: skip
        await session.execute(sa.insert(Attachment), rows)
    page = await (await client.get(f"/desk/compare/{again}/{first}")).text()
    # Told apart by shape, not by colour alone.
    assert (page.count('<circle class="dot"'), page.count('<rect class="dot fresh"')) == (1, 1)
    assert "两地相距约" in page
    assert re.findall(r"/desk/files/(\d+)/thumb", page) == ["2", "1"]
    assert "还有 1 张" not in page
    monkeypatch.setattr(comparing, "PHOTOS", 0)
    page = await (await client.get(f"/desk/compare/{again}/{first}")).text()
    assert page.count("还有 1 张") == 2


async def test_a_place_that_was_put_right_stands_on_the_map_where_it_was_put(
    client: Client, deps: Deps
) -> None:
    first, again = await ready(deps)
    here = sa.update(Ticket).where(Ticket.no == again)
    for where, dots in (((116.35, 40.03), (1, 1)), ((None, None), (1, 0))):
        async with deps.db.writes.begin() as session:
            moved = {"district_code": "110108", "street_code": "110108017"}
            await session.execute(here.values(**moved, lon=where[0], lat=where[1]))
        page = await (await client.get(f"/desk/compare/{again}/{first}")).text()
        assert (page.count('<circle class="dot"'), page.count('<rect class="dot fresh"')) == dots


async def test_texts_that_repeat_one_word_are_shown_without_marks(client: Client, deps: Deps) -> None:
    """To find what both have would take minutes, in which this process answered nobody."""
    numbers = await add_tickets(
        deps.db, replace(FIRST, text="的" * 3000), replace(AGAIN, text="的的甲" * 1000)
    )
    await reference.sync(deps)
    answer = await client.get(f"/desk/compare/{numbers[0]}/{numbers[1]}")
    assert answer.status == 200
    assert not re.search(r'<mark class="own">[^<]*的的', await answer.text())
