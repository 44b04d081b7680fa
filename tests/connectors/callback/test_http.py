"""HttpNumbers against the reference provider as a process: what it gives, and everything it may do wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from connectors.callback.fields import AnswerFields, FieldsRefused, RequestFields
from connectors.callback.http import HttpNumbers, NumbersSettings
from connectors.callback.port import NumbersAway, NumbersError, NumbersRefused, VirtualNumbers, Wanted
from connectors.fakes import MemoryNumbers
from connectors.feeds.guard import Exempt
from tests.connectors.callback.provider import CITIZEN, OFFICER, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.connectors.callback.provider import Reference

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def reference() -> Iterator[Reference]:
    with running() as found:
        yield found


def wanted(key: str) -> Wanted:
    return Wanted(key, OFFICER, CITIZEN, HOUR)


async def bind(reference: Reference, key: str, **given: object) -> str:
    numbers = HttpNumbers(replace(reference.settings, **given), reference.exempt)  # type: ignore[arg-type]
    try:
        return (await numbers.bind(wanted(key), now=datetime.now(UTC))).number
    finally:
        await numbers.close()


async def test_the_number_reaches_the_citizen_and_is_neither_of_the_two(reference: Reference) -> None:
    now = datetime.now(UTC)
    numbers = HttpNumbers(reference.settings, reference.exempt)
    first = await numbers.bind(wanted("a"), now=now)
    again = await numbers.bind(wanted("a"), now=now)
    await numbers.close()
    assert await reference.dial(OFFICER, first.number) == CITIZEN
    assert await reference.dial(CITIZEN, first.number) == OFFICER
    assert await reference.dial("13700000000", first.number) is None
    assert (again.number, again.reference) == (first.number, first.reference)
    assert first.reference.startswith("bind-")
    assert now + HOUR - timedelta(minutes=1) < first.until <= now + HOUR + timedelta(minutes=1)
    assert first.number not in repr(first)
    assert CITIZEN not in repr(wanted("a"))


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("busy", NumbersAway, "http_503"),
        ("half", NumbersAway, "broken_answer"),
        ("hang", NumbersAway, "timeout"),
        ("refused", NumbersRefused, "http_422"),
        ("said_no", NumbersRefused, "not_good"),
        ("no_json", NumbersRefused, "not_good"),
        ("no_number", NumbersRefused, "no_number"),
        ("real", NumbersRefused, "real_number"),
        ("over", NumbersRefused, "bad_until"),
    ],
)
async def test_what_it_does_wrong_is_a_code_of_ours(
    reference: Reference, fault: str, error: type[NumbersError], code: str
) -> None:
    await reference.misbehave(fault)
    with pytest.raises(error) as caught:
        await bind(reference, fault, seconds=0.5)
    assert caught.value.code == code
    assert CITIZEN not in str(caught.value)


async def test_a_reference_made_of_the_number_is_not_kept(reference: Reference) -> None:
    await reference.misbehave("quotes")
    numbers = HttpNumbers(reference.settings, reference.exempt)
    found = await numbers.bind(wanted("q"), now=datetime.now(UTC))
    await numbers.close()
    assert found.reference == ""


@pytest.mark.parametrize("given", [{"token": "other"}, {"secret": "other"}, {"secret": None}])
async def test_who_is_not_known_gets_nothing(reference: Reference, given: dict[str, object]) -> None:
    with pytest.raises(NumbersRefused, match="http_401"):
        await bind(reference, "u", **given)


async def test_the_house_itself_is_not_reached(reference: Reference) -> None:
    with pytest.raises(NumbersRefused, match="inside"):
        HttpNumbers(reference.settings, Exempt())
    # Its address is only known once it is looked up.
    named = HttpNumbers(NumbersSettings(url="http://localhost:8080/bindings"), Exempt())
    with pytest.raises(NumbersAway, match="connect"):
        await named.bind(wanted("h"), now=datetime.now(UTC))
    await named.close()


def test_the_fields_say_what_is_sent_and_where_the_answer_stands() -> None:
    sent = RequestFields.parse("head.app = abc\nbody.telA = {caller}\nbody.telB={callee}\nbody.s = {seconds}")
    assert sent.body({"caller": "1", "callee": "2", "seconds": "60"}) == {
        "head": {"app": "abc"}, "body": {"telA": "1", "telB": "2", "s": 60},
    }  # fmt: skip
    answer = AnswerFields.parse("number = data.telX\ncode = ret.code\ngood = OK, 0")
    assert answer.read("number", {"data": {"telX": "95013"}}) == "95013"
    assert [answer.said_yes({"ret": {"code": code}}) for code in ("OK", 0, 1, True, None)] == [
        True, True, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("request_text", "told"),
    [
        ("a = {caller}", "没有写到"),
        ("a = {caller}\nb = {callee}\nc = {id_number}", "没有这一项"),
        ("a = {caller}\na = {callee}", "不重复"),
        ("a = {caller}\na.b = {callee}", "冲突"),
        ("a.b = {caller}\na = {callee}", "冲突"),
        ("号码 = {caller}\nb = {callee}", "字段名有误"),
        ("just words", "形如"),
    ],
)
def test_fields_that_cannot_be_used_are_named(request_text: str, told: str) -> None:
    with pytest.raises(FieldsRefused, match=told):
        RequestFields.parse(request_text)


@pytest.mark.parametrize(
    ("answer", "told"),
    [("until = u", "number"), ("number = n\ncode = c", "一起写"), ("number = n\nphone = p", "没有这一项")],
)
def test_answers_that_cannot_be_read_are_named(answer: str, told: str) -> None:
    with pytest.raises(FieldsRefused, match=told):
        AnswerFields.parse(answer)


async def test_the_fake_and_the_adapter_keep_the_one_promise(reference: Reference) -> None:
    both: tuple[VirtualNumbers, ...] = (
        MemoryNumbers(), HttpNumbers(reference.settings, reference.exempt),
    )  # fmt: skip
    for numbers in both:
        now = datetime.now(UTC)
        found = [await numbers.bind(wanted("f"), now=now) for _ in range(2)]
        assert len({one.number for one in found}) == 1
        assert found[0].until > now
        await numbers.close()
    with pytest.raises(NumbersAway):
        await MemoryNumbers(refuse=NumbersAway("down")).bind(wanted("g"), now=datetime.now(UTC))
