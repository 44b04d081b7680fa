"""内部备注: who may write and read one, masked, sent twice, taken back, merged, 保密. Both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models import ticket_detail
from models.appeals import Appeal
from models.ledger import LedgerRow
from models.remarks import TicketRemark
from models.tickets import Ticket
from models.vocab import Move, Post, State
from models.vocab_remarks import Audience
from models.vocab_staff import Role
from tests.factories import NOW, TicketIn, add_tickets
from tests.signed_in import add_person
from tests.triage.services.test_moving import HOTLINE, do, row
from triage.clock import FixedClock
from triage.errors import BadInput, NotFound
from triage.rules.access import PostNotYours
from triage.rules.moves import Actor
from triage.services import reference, remarks
from triage.services.deps import Deps
from triage.services.moving import KeyReused, Person
from triage.services.remarks import LONGEST, MOST, NoPart, NotYours, Remark, Remarks, TooLate, Wish, Written
from triage.services.staff import people
from triage.settings import Settings

if TYPE_CHECKING:
    from datetime import datetime

    from models.db import Database
    from models.viewing import Viewer
    from triage.rules.rows import Tables

WANGJING, ECOLOGY, CHAOYANG, WATER = "110105026", "110105-ecology", "110105", "110105-water"
LASTS = timedelta(minutes=15)
CALLED = "打过两次电话，对方说下午回电"
#: Each with the post and the unit that they act for.
PEOPLE = {
    "li": (Role.STREET, WANGJING, Post.UNIT, WANGJING),
    "wang": (Role.STREET, WANGJING, Post.UNIT, WANGJING),
    "shen": (Role.BUREAU, ECOLOGY, Post.UNIT, ECOLOGY),
    "qu": (Role.BUREAU, CHAOYANG, Post.DISTRICT, CHAOYANG),
    "clerk": (Role.CLERK, None, Post.HOTLINE, None),
    "caller": (Role.FOLLOW_UP, None, Post.FOLLOW_UP, None),
    "boss": (Role.SUPERVISOR, None, Post.SUPERVISOR, None),
    "prize": (Role.REWARD, None, None, None),
    "think": (Role.ANALYST, None, None, None),
    "far": (Role.STREET, "110108010", Post.UNIT, "110108010"),
    "haidian": (Role.BUREAU, "110108", Post.DISTRICT, "110108"),
}


@pytest.fixture(scope="session")
def tables() -> Tables:
    return triage.tables.load()


@pytest.fixture
def deps(db: Database, tables: Tables) -> Deps:
    return Deps(Settings(), FixedClock(NOW), tables, db, Vault({1: bytes(32)}))


@pytest.fixture
async def no(db: Database, deps: Deps) -> str:
    (number,) = await add_tickets(db, TicketIn())
    await reference.sync(deps)
    for login, (role, unit, *_) in PEOPLE.items():
        await add_person(deps, login, (role, unit), name=f"{login}某")
    return str(number)


async def viewer(deps: Deps, login: str) -> Viewer:
    async with deps.db.reads() as session:
        person = await people.person_at(session, login, now=NOW)
    assert person is not None
    return people.viewer_of(deps.tables, person, now=NOW)


async def write(
    deps: Deps,
    login: str,
    no: str,
    text: str = CALLED,
    audience: Audience = Audience.ALL,
    *,
    key: str = "",
    at: datetime = NOW,
) -> Written:
    _, _, post, unit = PEOPLE[login]
    person = Person(Actor(post or Post.UNIT, unit, login), f"{login}某")
    wish = Wish(no, text, audience, key or f"{login} {text[:20]}")
    who = await viewer(deps, login)
    async with deps.db.writes.begin() as session:
        return await remarks.write(session, deps.tables, who, person, wish, now=at)


async def back(deps: Deps, login: str, no: str, remark: int, *, at: datetime = NOW) -> Written:
    who = await viewer(deps, login)
    async with deps.db.writes.begin() as session:
        return await remarks.take_back(session, who, no, remark, lasts=LASTS, now=at)


async def read(deps: Deps, login: str, no: str, *, at: datetime = NOW) -> Remarks:
    who = await viewer(deps, login)
    async with deps.db.reads() as session:
        whole = await ticket_detail.whole_ticket(session, who, no)
        assert whole is not None
        return await remarks.of_case(session, who, remarks.case_of(whole), lasts=LASTS, now=at)


async def texts(deps: Deps, login: str, no: str) -> list[str | None]:
    return [one.text for one in (await read(deps, login, no)).items]


async def test_written_and_read_by_all_who_see_the_case_and_nothing_moved(deps: Deps, no: str) -> None:
    before = await row(deps.db, no)
    done = await write(deps, "li", no)
    assert done == Written(no, done.id)
    (one,) = (await read(deps, "clerk", no)).items
    assert one == Remark(done.id, None, NOW, "li某", "望京街道办事处", Audience.ALL, CALLED, None)
    (own,) = (await read(deps, "li", no)).items
    assert own.until == NOW + LASTS
    for login in ("wang", "shen", "qu", "boss", "caller", "prize"):
        assert await texts(deps, login, no) == [CALLED]
    after = await row(deps.db, no)
    for column in ("version", "state", "due_at", "due_clock", "answer_by", "unit_code"):
        assert getattr(after, column) == getattr(before, column)


@pytest.mark.parametrize(
    ("author", "readers"),
    [
        ("li", {"li", "wang"}),
        ("shen", {"shen"}),
        ("qu", {"qu"}),
        ("clerk", {"clerk", "caller", "boss"}),
        ("boss", {"clerk", "caller", "boss"}),
    ],
)
async def test_what_is_for_ones_own_unit_no_other_reads(
    deps: Deps, no: str, author: str, readers: set[str]
) -> None:
    await write(deps, author, no, audience=Audience.OWN)
    sees = ("li", "wang", "shen", "qu", "clerk", "caller", "boss", "prize")
    assert {login for login in sees if await texts(deps, login, no)} == readers


@pytest.mark.parametrize(
    ("login", "refused"),
    [
        ("far", NotFound),  # sees nothing of it
        ("haidian", NotFound),
        ("prize", PostNotYours),  # sees it, and moves nothing
        ("think", PostNotYours),  # sees no case
    ],
)
async def test_who_has_no_part_writes_none(deps: Deps, no: str, login: str, refused: type[Exception]) -> None:
    with pytest.raises(refused):
        await write(deps, login, no)
    assert await texts(deps, "clerk", no) == []


async def test_a_unit_that_is_only_copied_reads_and_writes_none(deps: Deps, db: Database, no: str) -> None:
    (no,) = await add_tickets(db, TicketIn(copies=(CHAOYANG, WATER)))
    await add_person(deps, "shui", (Role.BUREAU, WATER), name="水某")
    await write(deps, "clerk", no)
    assert await texts(deps, "shui", no) == [CALLED]
    person, who = Person(Actor(Post.UNIT, WATER, "shui"), "水某"), await viewer(deps, "shui")
    async with deps.db.writes.begin() as session:
        with pytest.raises(NoPart):
            await remarks.write(
                session, deps.tables, who, person, Wish(no, "也来一条", Audience.ALL, "k"), now=NOW
            )
    person = Person(Actor(Post.UNIT, WANGJING, "shui"), "水某")
    async with deps.db.writes.begin() as session:
        with pytest.raises(PostNotYours):
            await remarks.write(
                session, deps.tables, who, person, Wish(no, "替别人写", Audience.ALL, "k"), now=NOW
            )


async def test_phones_and_ids_are_not_kept(deps: Deps, no: str) -> None:
    await write(deps, "li", no, "回电 13812345678，证件 110101199003076632")
    async with deps.db.reads() as session:
        kept = await session.scalar(sa.select(TicketRemark.text))
    assert kept == "回电 [手机号]，证件 [身份证号]"
    assert await texts(deps, "qu", no) == [kept]


async def test_what_was_kept_before_a_rule_of_masking_is_masked_for_who_does_not_handle(
    deps: Deps, no: str
) -> None:
    await write(deps, "li", no)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(TicketRemark).values(text="回电 13812345678"))
    assert await texts(deps, "qu", no) == ["回电 [手机号]"]
    assert await texts(deps, "shen", no) == ["回电 13812345678"]


@pytest.mark.parametrize("text", ["", "  \n\x00 ", "长" * (LONGEST + 1)])
async def test_without_words_or_with_too_many_it_is_refused_by_the_fields_name(
    deps: Deps, no: str, text: str
) -> None:
    with pytest.raises(BadInput, match="备注："):
        await write(deps, "li", no, text, key="k")
    assert await texts(deps, "li", no) == []


@pytest.mark.parametrize("key", ["x" * 65, "a\nb"])
async def test_a_bad_key_is_refused(deps: Deps, no: str, key: str) -> None:
    with pytest.raises(BadInput, match="key"):
        await write(deps, "li", no, key=key)


async def test_sent_twice_at_once_it_is_one(deps: Deps, no: str) -> None:
    both = await asyncio.gather(*(write(deps, "li", no, key="one") for _ in range(2)))
    assert sorted(one.repeated for one in both) == [False, True]
    assert len({one.id for one in both}) == 1
    assert await texts(deps, "li", no) == [CALLED]
    async with deps.db.reads() as session:
        entries = await session.scalar(sa.select(sa.func.count()).where(LedgerRow.act == "ticket.remark"))
    assert entries == 1


async def test_a_key_is_its_senders_and_says_one_thing(deps: Deps, no: str) -> None:
    await write(deps, "li", no, key="one")
    await write(deps, "shen", no, "另一句", key="one")
    with pytest.raises(KeyReused):
        await write(deps, "li", no, "改了一句", key="one")
    with pytest.raises(KeyReused):
        await write(deps, "li", no, audience=Audience.OWN, key="one")
    assert sorted(str(text) for text in await texts(deps, "clerk", no)) == ["另一句", CALLED]


async def test_taken_back_the_words_are_gone_and_the_line_stays(deps: Deps, no: str) -> None:
    done = await write(deps, "li", no)
    assert await back(deps, "li", no, done.id, at=NOW + LASTS) == Written(no, done.id)
    assert await back(deps, "li", no, done.id, at=NOW + LASTS) == Written(no, done.id, repeated=True)
    (one,) = (await read(deps, "clerk", no)).items
    assert (one.text, one.by, one.until) == (None, "li某", None)
    async with deps.db.reads() as session:
        kept = (await session.execute(sa.select(TicketRemark.text, TicketRemark.taken_back_at))).one()
        entries = (
            await session.execute(
                sa.select(LedgerRow.who, LedgerRow.act, LedgerRow.case_no, LedgerRow.new, LedgerRow.detail)
                .where(LedgerRow.act.like("ticket.remark%"))
                .order_by(LedgerRow.seq)
            )
        ).all()
    assert tuple(kept) == (None, NOW + LASTS)
    detail = {"remark": done.id, "audience": "all", "unit": WANGJING}
    assert [tuple(entry) for entry in entries] == [
        ("li", "ticket.remark", no, None, detail), ("li", "ticket.remark_taken_back", no, None, detail),
    ]  # fmt: skip
    with pytest.raises(KeyReused):
        await write(deps, "li", no)


async def test_only_whoever_wrote_it_takes_it_back_and_not_for_ever(deps: Deps, no: str) -> None:
    done = await write(deps, "li", no)
    own = await write(deps, "li", no, "只给本单位", Audience.OWN)
    for login in ("wang", "clerk"):
        with pytest.raises(NotYours):
            await back(deps, login, no, done.id)
    for login, number in (("clerk", own.id), ("far", done.id), ("li", done.id + 99)):
        with pytest.raises(NotFound):
            await back(deps, login, no, number)
    (other,) = await add_tickets(deps.db, TicketIn())
    with pytest.raises(NotFound):
        await back(deps, "li", other, done.id)
    with pytest.raises(TooLate):
        await back(deps, "li", no, done.id, at=NOW + LASTS + timedelta(seconds=1))
    assert [one.until for one in (await read(deps, "li", no, at=NOW + 2 * LASTS)).items] == [None, None]
    assert None not in await texts(deps, "li", no)


async def test_newest_first_and_not_without_end(deps: Deps, no: str) -> None:
    for number in range(3):
        await write(deps, "li", no, f"第{number}条", at=NOW + timedelta(minutes=number))
    assert await texts(deps, "clerk", no) == ["第2条", "第1条", "第0条"]
    async with deps.db.writes.begin() as session:
        first = (await session.scalars(sa.select(TicketRemark).limit(1))).one()
        session.add_all(
            TicketRemark(
                ticket_id=first.ticket_id, staff_id=first.staff_id, unit_code=WANGJING, at=NOW,
                audience="all", text="多", key=f"m{number}",
            )
            for number in range(MOST)
        )  # fmt: skip
    found = await read(deps, "clerk", no)
    assert (len(found.items), found.more, found.items[0].text) == (MOST, True, "第2条")


async def merged(deps: Deps, db: Database, head: str, **more: Any) -> str:  # noqa: ANN401
    (other,) = await add_tickets(db, TicketIn(**more))
    version = (await row(db, other)).version
    await do(
        db, deps.tables, other, HOTLINE, Move.MERGE, version, {"other_ticket": head, "reason": "同一处工地"}
    )
    assert (await row(db, other)).state == State.MERGED.value
    return str(other)


async def test_of_a_merged_case_they_stand_on_the_heads_page_with_its_number(
    deps: Deps, db: Database, no: str
) -> None:
    other = await merged(deps, db, no)
    await write(deps, "clerk", other, "并入的那件")
    await write(deps, "clerk", no, "这件", at=NOW + timedelta(minutes=1))
    found = await read(deps, "li", no)
    assert [(one.no, one.text) for one in found.items] == [(None, "这件"), (other, "并入的那件")]
    assert await texts(deps, "clerk", other) == ["并入的那件"]
    split = await row(db, other)
    await do(db, deps.tables, other, HOTLINE, Move.SPLIT, split.version, {"reason": "不是同一处工地"})
    assert await texts(deps, "li", no) == ["这件"]


async def test_of_a_merged_case_it_is_taken_back_by_the_heads_number_too(
    deps: Deps, db: Database, no: str
) -> None:
    other = await merged(deps, db, no)
    done = await write(deps, "clerk", other, "并入的那件")
    here = await write(deps, "clerk", no, "这件")
    with pytest.raises(NotFound):
        await back(deps, "clerk", other, here.id)
    with pytest.raises(NotYours):
        await back(deps, "li", no, done.id)
    assert await back(deps, "clerk", no, done.id) == Written(other, done.id)
    assert await texts(deps, "li", no) == ["这件", None]


async def test_ones_own_is_taken_back_where_the_case_went_out_of_sight(
    deps: Deps, db: Database, no: str
) -> None:
    done = await write(deps, "qu", no)
    theirs = await write(deps, "shen", no)
    async with db.writes.begin() as session:
        appeal = sa.select(Ticket.appeal_id).where(Ticket.no == no).scalar_subquery()
        await session.execute(sa.update(Appeal).where(Appeal.id == appeal).values(confidential=True))
    for number in (theirs.id, done.id + 99):
        with pytest.raises(NotFound):
            await back(deps, "qu", no, number)
    assert await back(deps, "qu", no, done.id) == Written(no, done.id)
    assert sorted(str(text) for text in await texts(deps, "li", no)) == ["None", CALLED]


async def test_of_a_merged_case_in_confidence_the_head_tells_nothing(
    deps: Deps, db: Database, no: str
) -> None:
    other = await merged(deps, db, no)
    await write(deps, "clerk", other, "并入的那件")
    async with db.writes.begin() as session:
        appeal = sa.select(Ticket.appeal_id).where(Ticket.no == other).scalar_subquery()
        await session.execute(sa.update(Appeal).where(Appeal.id == appeal).values(confidential=True))
    for login in ("li", "qu", "clerk"):
        assert await texts(deps, login, no) == []
    assert await texts(deps, "clerk", other) == ["并入的那件"]


async def test_of_a_merged_case_out_of_sight_the_head_tells_nothing(
    deps: Deps, db: Database, no: str
) -> None:
    far = {"unit": "110108010", "assist": (), "copies": (), "district": "110108", "street": "110108010"}
    other = await merged(deps, db, no, **far)
    await write(deps, "clerk", other, "海淀那件")
    assert await texts(deps, "li", no) == []
    assert await texts(deps, "clerk", no) == ["海淀那件"]


async def test_a_case_in_confidence_hides_its_remarks_from_who_is_only_copied(
    deps: Deps, db: Database, no: str
) -> None:
    assert await texts(deps, "qu", no) == []
    (no,) = await add_tickets(db, TicketIn(confidential=True))
    await write(deps, "clerk", no)
    assert await texts(deps, "li", no) == [CALLED]
    with pytest.raises(NotFound):
        await write(deps, "qu", no)
    with pytest.raises(AssertionError):
        await read(deps, "qu", no)
