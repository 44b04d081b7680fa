"""查进度: how often somebody may try, by what they have few of, and without keeping the owner out."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Appellant
from tests.triage.web.citizen.steps import PHONE, track
from triage.services import limiting
from triage.services.citizen import filing, tracking

if TYPE_CHECKING:
    from tests.triage.web.citizen.conftest import Citizen
    from triage.services.deps import Deps


@pytest.fixture(autouse=True)
def _from_elsewhere_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    places = (f"198.51.100.{n}" for n in count())
    monkeypatch.setattr(limiting, "place_of", lambda _: next(places))


async def test_a_number_is_one_however_it_is_written(
    citizen: Citizen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "WIDE", 1)
    await citizen.report()
    receipt = citizen.receipt
    ways = (
        receipt,
        receipt.replace("-", ""),
        receipt[1:],
        " ".join(receipt),
        "Ｗ" + receipt[1:],
        f"{receipt}--",
    )
    told = [await track(citizen, ways[n % 6], f"139000000{n:02d}") for n in range(31)]
    assert told == [403] * 30 + [429]


async def test_from_many_addresses_a_phone_is_no_key_to_numbers_in_turn(citizen: Citizen) -> None:
    """Whoever knows a neighbour's phone, the day and how numbers follow one another."""
    await citizen.report()
    ways = (PHONE, "139-1234-0007", "+86 13912340007")
    told = [await track(citizen, f"20261123-{n:08d}", ways[n % 3]) for n in range(21)]
    assert told == [403] * 20 + [429]


async def test_guesses_at_a_number_do_not_keep_its_owner_out(citizen: Citizen) -> None:
    await citizen.report()
    receipt = citizen.receipt
    assert {await track(citizen, receipt, f"139000000{n:02d}") for n in range(40)} == {403}
    assert await track(citizen, receipt, PHONE) == 200


async def test_one_line_of_ipv6_is_one_site(citizen: Citizen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "WIDE", 1)
    monkeypatch.setattr(limiting, "site_of", lambda _: "2001:db8:1::/48")
    await citizen.report()
    told = [await track(citizen, f"20261123-{n:08d}", f"139000000{n:02d}") for n in range(31)]
    assert told == [403] * 30 + [429]


async def test_codes_with_the_digits_of_another_do_not_keep_its_owner_out(
    citizen: Citizen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """查询码 of letters and a few digits: whoever sends each digit in turn would shut everybody out."""
    monkeypatch.setattr(filing, "code_of", lambda *_: "KM7WQ4TR")  # by lot it may have no digit at all
    await citizen.report(manner="anonymous", phone="", name="")
    receipt, code = citizen.receipt, citizen.code
    digits = re.sub(r"\D", "", code)
    other = ("ABCDEFGH" + digits)[-8:]
    tries = (other, digits, f"{digits}.")
    assert {await track(citizen, receipt, tries[n % 3]) for n in range(60)} <= {403, 429}
    assert await track(citizen, receipt, code) == 200


@pytest.mark.parametrize("secret", ["ab5d efgh", "ＡＢ５ＤＥＦＧＨ", "AB5D-EFGH", " ab-5defgh "])
def test_a_code_is_counted_whole_however_it_is_written(secret: str) -> None:
    assert tracking._plain(secret) == "AB5DEFGH"


@pytest.mark.parametrize("secret", ["84922345", "8492-2345", "(8492) 2345", "８４９２２３４５"])
def test_digits_alone_are_one_as_phone_and_as_code(secret: str) -> None:
    assert tracking._plain(secret) == "84922345"


async def test_a_phone_with_a_letter_in_it_is_none(citizen: Citizen, deps: Deps) -> None:
    """Seven digits (of the hotline) and any letter would be another secret each time, and one phone."""
    await citizen.report()
    receipt = citizen.receipt
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Appellant).values(phone_index=deps.vault.phone_index("8492345")))
    assert await track(citizen, receipt, "8492345Z") == 403
    assert await track(citizen, receipt, "8492345") == 200
