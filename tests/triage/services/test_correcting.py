"""Corrections are kept as they were said, one field each, and come out as labels of masked words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from models import corrections
from models.appeals import Appeal
from models.corrections import CorrectedText, Correction
from models.filters import all_seeing
from nlp.training.examples import as_example as learned
from tests.factories import NOW, TicketIn, add_reference, add_tickets
from triage.errors import BadInput, NotFound
from triage.services.correcting import as_example, correct

if TYPE_CHECKING:
    from datetime import datetime

    from models.db import Database
    from triage.rules.rows import Tables

CLERK = all_seeing("local")


@pytest.fixture(scope="module")
def tables() -> Tables:
    return triage.tables.load()


async def stored(db: Database, *tickets: TicketIn) -> list[str]:
    await add_reference(db)
    return list(await add_tickets(db, *tickets))


async def say(db: Database, tables: Tables, no: str, **said: str) -> list[Correction]:
    async with db.writes.begin() as session:
        return await correct(session, tables, CLERK, no, said, at=NOW)


async def kept(db: Database) -> list[tuple[str, str | None, str]]:
    async with db.reads() as session:
        rows = await session.scalars(sa.select(Correction).order_by(Correction.id))
        return [(row.field, row.old, row.new) for row in rows]


@pytest.mark.parametrize("code", ["110115403", "110116400", "110118400"])
async def test_a_functional_area_is_a_place(db: Database, tables: Tables, code: str) -> None:
    (no,) = await stored(db, TicketIn(kind="NOI-01"))
    (found,) = await say(db, tables, no, place=code)
    assert (found.field, found.new) == ("place", code)


async def test_what_was_held_before_is_kept_with_who_when_and_which_model(
    db: Database, tables: Tables
) -> None:
    (no,) = await stored(db, TicketIn(kind="NOI-01"))
    (found,) = await say(db, tables, no, kind="NOI-02")
    assert (found.field, found.old, found.new, found.by, found.at) == (
        "kind",
        "NOI-01",
        "NOI-02",
        "local",
        NOW,
    )
    assert found.model_version


async def test_a_second_correction_stands_on_the_first(db: Database, tables: Tables) -> None:
    (no,) = await stored(db, TicketIn(kind="NOI-01"))
    await say(db, tables, no, kind="NOI-02")
    await say(db, tables, no, kind="NOI-03")
    assert await kept(db) == [("kind", "NOI-01", "NOI-02"), ("kind", "NOI-02", "NOI-03")]


async def test_what_changes_nothing_is_not_kept(db: Database, tables: Tables) -> None:
    (no,) = await stored(db, TicketIn(kind="NOI-01"))
    assert await say(db, tables, no, kind="NOI-01") == []
    assert await kept(db) == []


@pytest.mark.parametrize("said", ["咨询", "投诉"])
async def test_a_type_that_was_read_and_is_called_another_is_decided_by_naming_either(
    db: Database, tables: Tables, said: str
) -> None:
    (no,) = await stored(db, TicketIn(appeal_type="咨询"))
    async with db.writes.begin() as session:
        await session.execute(sa.update(Appeal).values(told_type="投诉"))
    await say(db, tables, no, appeal_type=said)
    assert await kept(db) == [("appeal_type", "投诉", said)]
    # Said once more it is what was said.
    assert await say(db, tables, no, appeal_type=said) == []


async def test_a_type_that_its_source_calls_so_too_is_not_kept(db: Database, tables: Tables) -> None:
    one, other = await stored(db, TicketIn(appeal_type="咨询"), TicketIn(appeal_type="咨询"))
    async with db.writes.begin() as session:
        await session.execute(sa.update(Appeal).where(Appeal.id == 1).values(told_type="咨询"))
    for no in (one, other):
        assert await say(db, tables, no, appeal_type="咨询") == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"kind": "NOI-77"}, "污染种类"),
        ({"environmental": "yes"}, "是否环境类"),
        ({"urgency": "U9"}, "紧急程度"),
        ({"appeal_type": "生气"}, "诉求类型"),
        ({"place": "999999"}, "地点"),
        ({"colour": "red"}, "不能更正 colour"),
        ({}, "没有要更正的内容"),
    ],
)
async def test_a_value_that_is_none_is_refused_by_its_field(
    db: Database, tables: Tables, said: dict[str, str], told: str
) -> None:
    (no,) = await stored(db, TicketIn())
    with pytest.raises(BadInput, match=told):
        await say(db, tables, no, **said)
    assert await kept(db) == []


async def test_one_bad_field_keeps_none_of_the_others(db: Database, tables: Tables) -> None:
    (no,) = await stored(db, TicketIn())
    with pytest.raises(BadInput):
        await say(db, tables, no, kind="NOI-02", urgency="U9")
    assert await kept(db) == []


@pytest.mark.parametrize("no", ["20261123-99999999", "none", "\0"])
async def test_a_ticket_that_is_not_there_is_not_found(db: Database, tables: Tables, no: str) -> None:
    with pytest.raises(NotFound):
        await say(db, tables, no, kind="NOI-02")


async def test_what_the_viewer_may_not_see_cannot_be_corrected(
    db: Database, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    (no,) = await stored(db, TicketIn())
    monkeypatch.setattr("models.corrections.may_see", lambda _viewer: sa.false())
    with pytest.raises(NotFound):
        await say(db, tables, no, kind="NOI-02")


async def corrected(db: Database, *, since: datetime | None = None) -> tuple[list[CorrectedText], int]:
    async with db.reads() as session:
        return await corrections.corrected_texts(session, since=since)


async def test_a_corrected_text_is_a_masked_example_with_only_what_was_said(
    db: Database, tables: Tables
) -> None:
    (no,) = await stored(
        db, TicketIn(title="油烟", text="我叫张伟，电话13800000001，楼下烧烤油烟大", kind="AIR-07")
    )
    await say(db, tables, no, kind="AIR-06", place="110108010")
    (text,), _ = await corrected(db)
    row = as_example(text)
    assert (row["environmental"], row["kind"], row["place_code"]) == (True, "AIR-06", "110108010")
    assert "urgency" not in row
    assert ("13800000001" in row["text"], "张伟" in row["text"]) == (False, False)
    example = learned(row)
    assert (example.environmental, example.kinds, example.urgencies) == (1.0, {"AIR-06": 1.0}, {})


@pytest.mark.parametrize(
    ("said", "learned_as"),
    [
        ([{"kind": "AIR-06"}, {"environmental": "false"}], {"environmental": False}),
        (
            [{"environmental": "false"}, {"kind": "AIR-06"}],
            {"environmental": True, "kind": "AIR-06"},
        ),
        (
            [{"kind": "AIR-06"}, {"environmental": "false"}, {"environmental": "true"}],
            {"environmental": True},
        ),
        (
            [{"environmental": "false"}, {"environmental": "true"}, {"kind": "AIR-06"}],
            {"environmental": True, "kind": "AIR-06"},
        ),
    ],
)
async def test_the_last_word_on_the_kind_is_what_is_learned(
    db: Database, tables: Tables, said: list[dict[str, str]], learned_as: dict[str, object]
) -> None:
    (no,) = await stored(db, TicketIn(kind="NOI-01"))
    for words in said:
        await say(db, tables, no, **words)
    (text,), _ = await corrected(db)
    row = as_example(text)
    assert {name: row[name] for name in ("environmental", "kind") if name in row} == learned_as


async def test_confidential_appeals_and_older_corrections_stay_out(db: Database, tables: Tables) -> None:
    first, second = await stored(db, TicketIn(), TicketIn())
    await say(db, tables, first, kind="AIR-06")
    await say(db, tables, second, kind="AIR-06")
    async with db.writes.begin() as session:
        hidden = sa.select(Correction.appeal_id).order_by(Correction.id).limit(1).scalar_subquery()
        await session.execute(sa.update(Appeal).where(Appeal.id == hidden).values(confidential=True))
    texts, kept_back = await corrected(db)
    assert (len(texts), kept_back) == (1, 1)
    assert await corrected(db, since=NOW.replace(year=2027)) == ([], 0)
