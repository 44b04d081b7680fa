"""Two windows of one browser, and a window that stood open too long: nothing goes astray, nothing is lost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.citizens import CitizenRating, CitizenWord
from tests import pictures
from tests.triage.web.citizen.conftest import GOOD
from tests.triage.web.citizen.steps import PHONE, answered, track
from tests.triage.web.open311.conftest import read_all

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from tests.triage.web.citizen.conftest import Citizen, Clock
    from triage.services.deps import Deps

WORDS = "昨晚又响到三点 <b>"
OTHER = "您又打开了另一件"


def kept(citizen: Citizen, name: str = "text") -> str:
    """What stands in a text field of the page."""
    return str(re.findall(rf'<textarea id="{name}"[^>]*>\n?([^<]*)</textarea>', citizen.page)[-1])


async def words_of(deps: Deps) -> list[str]:
    async with deps.db.reads() as session:
        return list(await session.scalars(sa.select(CitizenWord.text)))


@pytest.mark.parametrize(
    ("act", "fields"),
    [
        ("add", {"text": WORDS, "key": "k" * 32}),
        ("urge", {"key": "u-" + "k" * 32}),
        ("rate", {"solved": "no", "satisfaction": "dissatisfied", "note": WORDS}),
    ],
)
async def test_what_was_written_for_one_case_is_not_taken_for_another_opened_since(
    citizen: Citizen, deps: Deps, reader: Reader, act: str, fields: dict[str, str]
) -> None:
    await citizen.report()
    await read_all(deps, reader)
    await answered(deps)
    await citizen.get("/citizen/case")
    mark = citizen.hidden("case")
    # In another window, another report.
    await citizen.report(text=GOOD["text"] + "又一处", phone="13912340008")
    second = citizen.receipt
    await citizen.get("/citizen/case")
    await citizen.post(f"/citizen/case/{act}", {**fields, "case": mark})
    told = (citizen.status, OTHER in citizen.page, second in citizen.page)
    assert told == (409, True, True)
    assert fields.get("text", fields.get("note", ""))[:8] in citizen.page
    async with deps.db.reads() as session:
        rated = (await session.scalars(sa.select(CitizenRating))).all()
    assert (await words_of(deps), rated) == ([], [])


async def test_the_form_that_comes_back_is_of_the_case_it_shows(citizen: Citizen, deps: Deps) -> None:
    await citizen.report()
    await citizen.get("/citizen/case")
    mark = citizen.hidden("case")
    await citizen.report(text=GOOD["text"] + "又一处")
    second = citizen.receipt
    await citizen.get("/citizen/case")
    await citizen.post("/citizen/case/add", {"text": WORDS, "key": "k" * 32, "case": mark})
    assert kept(citizen) == WORDS.replace("<b>", "&lt;b&gt;")
    await citizen.post(
        "/citizen/case/add", {name: citizen.hidden(name) for name in ("key", "case")} | {"text": WORDS}
    )
    assert (citizen.address, second in citizen.page) == ("/citizen/case?done=added", True)
    assert await words_of(deps) == [WORDS]


@pytest.mark.parametrize("mark", ["AAAA", "1", "%00", "é"])
async def test_a_mark_that_is_not_ours_is_of_no_case(citizen: Citizen, deps: Deps, mark: str) -> None:
    await citizen.report()
    await citizen.get("/citizen/case")
    await citizen.post("/citizen/case/add", {"text": WORDS, "key": "k" * 32, "case": mark})
    assert (citizen.status, await words_of(deps)) == (409, [])


async def test_a_mark_is_no_number_and_another_one_on_every_page(citizen: Citizen) -> None:
    await citizen.report()
    marks = set()
    for _ in range(2):
        await citizen.get("/citizen/case")
        marks |= set(re.findall(r'name="case" value="([^"]*)"', citizen.page))
    assert (len(marks), min(map(len, marks)) > 40) == (2, True)


async def test_an_addition_outlives_the_half_hour(citizen: Citizen, deps: Deps, clock: Clock) -> None:
    await citizen.report()
    receipt = citizen.receipt
    await citizen.get("/citizen/case")
    form = {"text": WORDS, "key": citizen.hidden("key"), "case": citizen.hidden("case")}
    clock.later(minutes=31)
    await citizen.post("/citizen/case/add", form, [("夜里.jpg", pictures.jpeg())])
    told = [words in citizen.page for words in ("打开已过 30 分钟", "照片要重新选", "手机号或查询码")]
    assert (citizen.status, told, kept(citizen)) == (403, [True] * 3, WORDS.replace("<b>", "&lt;b&gt;"))
    # A wrong phone does not lose it either.
    again = {name: citizen.hidden(name) for name in ("key", "case")} | {"text": WORDS}
    await citizen.post("/citizen/track", {"number": receipt, "secret": "1", **again})
    assert (citizen.status, kept(citizen)) == (403, WORDS.replace("<b>", "&lt;b&gt;"))
    await citizen.post("/citizen/track", {"number": receipt, "secret": PHONE, **again})
    assert (citizen.status, "已放回表单" in citizen.page) == (200, True)
    assert (kept(citizen), citizen.hidden("key")) == (WORDS.replace("<b>", "&lt;b&gt;"), form["key"])
    assert await words_of(deps) == []
    for _ in range(2):
        await citizen.post("/citizen/case/add", {**again, "case": form["case"]})
        assert citizen.address == "/citizen/case?done=added"
    assert await words_of(deps) == [WORDS]


async def test_a_rating_outlives_the_half_hour(
    citizen: Citizen, deps: Deps, reader: Reader, clock: Clock
) -> None:
    await citizen.report()
    receipt = citizen.receipt
    await read_all(deps, reader)
    await answered(deps)
    await citizen.get("/citizen/case")
    clock.later(minutes=31)
    said = {"solved": "no", "satisfaction": "dissatisfied", "note": "还在响"}
    await citizen.post("/citizen/case/rate", {**said, "case": citizen.hidden("case")})
    carried = {name: citizen.hidden(name) for name in ("solved", "satisfaction", "case")}
    assert (carried["solved"], kept(citizen, "note")) == ("no", "还在响")
    await citizen.post(
        "/citizen/track", {"number": receipt, "secret": PHONE, **carried, "note": said["note"]}
    )
    assert re.findall(r'value="(\w+)" required checked', citizen.page) == ["no", "dissatisfied"]
    assert kept(citizen, "note") == "还在响"
    await citizen.post("/citizen/case/rate", {**said, "case": citizen.hidden("case")})
    assert "<h2>您的评价</h2><p>不满意 <small>" in citizen.page


async def test_what_is_put_back_into_another_case_says_so(citizen: Citizen, clock: Clock) -> None:
    await citizen.report()
    await citizen.get("/citizen/case")
    mark = citizen.hidden("case")
    await citizen.report(text=GOOD["text"] + "又一处")
    second = citizen.receipt
    clock.later(minutes=31)
    await citizen.get("/citizen/track")
    await citizen.post("/citizen/track", {"number": second, "secret": PHONE, "text": WORDS, "case": mark})
    assert (OTHER in citizen.page, kept(citizen)) == (True, WORDS.replace("<b>", "&lt;b&gt;"))


async def test_words_for_a_case_that_takes_none_stand_on_its_page(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    await citizen.report()
    await read_all(deps, reader)
    await citizen.get("/citizen/case")
    form = {"text": WORDS, "key": citizen.hidden("key"), "case": citizen.hidden("case")}
    await answered(deps)
    await citizen.post("/citizen/case/add", form)
    assert (citizen.status, "没有提交：</small>昨晚又响到三点" in citizen.page) == (409, True)


async def test_a_page_that_is_read_again_stays_open(citizen: Citizen, clock: Clock) -> None:
    await citizen.report()
    for _ in range(3):
        clock.later(minutes=20)
        await citizen.get("/citizen/case")
        assert citizen.address == "/citizen/case"
    clock.later(minutes=31)
    assert await track(citizen, "W20261123-999999", PHONE) == 403
    await citizen.get("/citizen/case")
    assert citizen.address == "/citizen/track"


async def test_nor_does_it_stay_open_for_good(citizen: Citizen, clock: Clock) -> None:
    """A phone that led to somebody else was put right since: their browser would read on."""
    await citizen.report()
    for _ in range(5):
        clock.later(minutes=20)
        await citizen.get("/citizen/case")
        assert citizen.address == "/citizen/case"
    clock.later(minutes=19)
    await citizen.get("/citizen/case")
    assert citizen.address == "/citizen/case"
    clock.later(minutes=2)
    await citizen.get("/citizen/case")
    assert citizen.address == "/citizen/track"


async def test_reading_the_page_first_does_not_lose_the_code(citizen: Citizen, clock: Clock) -> None:
    await citizen.get("/citizen/report")
    form = {**GOOD, "key": citizen.hidden("key"), "manner": "anonymous", "token": citizen.hidden("token")}
    await citizen.client.post("/citizen/report", data=form, allow_redirects=False)
    clock.later(minutes=20)
    await citizen.get("/citizen/case")
    assert "查询码只显示这一次" in await citizen.get("/citizen/done")
