"""Both forms say the same, whatever is in them; and what is no answer is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.open311.wire import JSON, XML, Reply, Unreadable, json_tree, same, spark, xml_root
from triage.web.open311.documents import Many, One, as_json, as_xml

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
ROW = st.fixed_dictionaries(
    {
        "service_request_id": TEXT.filter(bool),
        "description": st.none() | TEXT,
        "lat": st.none() | st.floats(-90, 90),
        "metadata": st.booleans(),
        "values": st.lists(TEXT, max_size=3).map(
            lambda keys: Many("values", "value", [{"key": k} for k in keys])
        ),
    }
)


@given(st.lists(ROW, max_size=4))
def test_xml_and_json_of_one_answer_carry_the_same(rows: list[dict[str, object]]) -> None:
    told = Many("service_requests", "request", rows)
    one, other = json_tree(as_json(told).encode()), spark(xml_root(as_xml(told).encode()))
    assert same(one, other)
    assert isinstance(one, list)


@given(TEXT)
def test_text_goes_there_and_back(text: str) -> None:
    told = as_xml(One("x", {"description": text}))
    back = spark(xml_root(told.encode()))
    shown = json_tree(as_json(One("x", {"description": text})).encode())["description"]
    assert (back["description"] if isinstance(back, dict) else None) == shown


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE z [<!ENTITY a "aaaaaaaaaa">'
    b'<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><services><service>&b;</service></services>'
)


@pytest.mark.parametrize(
    ("body", "fmt"),
    [
        (b"", XML), (b"<services>", XML), (b"<!DOCTYPE x><services/>", XML), (BOMB, XML),
        (b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><services>&f;</services>', XML),
        (b"", JSON), (b"[", JSON), (b"{}", JSON), (b"[1]", JSON), (b"<html/>", JSON),
    ],
)  # fmt: skip
def test_what_is_no_list_is_refused(body: bytes, fmt: str) -> None:
    with pytest.raises(Unreadable):
        Reply(200, "", body, fmt).rows()
