"""Numbers that come from outside: plain digits, no longer than a column holds; nothing fails over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import factories
from tests.triage.web.test_moves import SAME_SITE, form_of
from triage.errors import BadInput
from triage.web.asking import form_number, number_of

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

ENDLESS = "9" * 5000


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("0", 0), ("7", 7), ("2147483647", 2147483647), ("2147483648", None), (ENDLESS, None), ("", None),
        ("-1", None), ("1.5", None), ("٣", None), ("²", None), (None, None), (7, None),
    ],
)  # fmt: skip
def test_what_is_a_number(said: object, found: int | None) -> None:
    assert number_of(said) == found


@pytest.mark.parametrize(
    "path", ["/desk/due?page=", "/desk/rewards/year?year=", "/desk/parties?skip=", "/desk/parties?least="]
)
async def test_endless_digits_in_an_address_are_refused(client: Client, path: str) -> None:
    assert (await client.get(path + ENDLESS)).status == 400


async def test_endless_digits_in_a_form_are_refused(client: Client, deps: Deps) -> None:
    await factories.add_reference(deps.db)
    (no,) = await factories.add_tickets(deps.db, factories.TicketIn())
    hidden = await form_of(client, no, "urge")
    data = {**hidden, "note": "诉求人又来电", "version": ENDLESS}
    answer = await client.post(f"/desk/tickets/{no}/moves", data=data, headers=SAME_SITE)
    assert answer.status == 400


@pytest.mark.parametrize("value", [ENDLESS, "", None])
def test_a_form_without_its_number_is_refused_in_words(value: str | None) -> None:
    with pytest.raises(BadInput, match="刷新页面"):
        form_number(value)
