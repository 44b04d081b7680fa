"""反映问题 without a script: what is taken, what is told, what is never lost, sent twice or given away."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any
from unittest.mock import AsyncMock

import pytest
import sqlalchemy as sa
from aiohttp import FormData

from connectors.ports import StoreDown
from models import files as file_rows
from models.appeals import Appeal, Appellant
from models.citizens import CitizenAccess, RateCount
from models.files import Attachment
from tests import pictures
from tests.triage.web.citizen.conftest import GOOD, Citizen
from tests.triage.web.open311.conftest import read_all
from triage.services import attachments
from triage.web.citizen import maps, pressed, report
from triage.web.open311.places import area_of

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from tests.triage.web.citizen.conftest import Clock
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps


async def appeals(deps: Deps) -> list[Appeal]:
    async with deps.db.reads() as session:
        return list(await session.scalars(sa.select(Appeal).order_by(Appeal.id)))


async def test_a_named_report_is_sealed_and_gets_a_number(citizen: Citizen, deps: Deps) -> None:
    await citizen.report(("李小明家门口.jpg", pictures.jpeg()))
    assert (citizen.status, citizen.address) == (200, "/citizen/done")
    assert re.fullmatch(r"W20261123-\d{6}", citizen.receipt)
    (appeal,) = await appeals(deps)
    async with deps.db.reads() as session:
        person = (await session.scalars(sa.select(Appellant))).one()
        (photo,) = await file_rows.sent_with(session, appeal.id)
    assert (appeal.external_id, appeal.confidential, appeal.channel) == (
        citizen.receipt.replace("-", ""), False, "web",
    )  # fmt: skip
    assert person.phone is not None
    assert deps.vault.open(person.phone, belongs_to=f"appellant.phone:{appeal.id}") == "13912340007"
    assert (photo.name, photo.media_type, photo.by) == ("照片 1.jpg", "image/jpeg", "citizen")
    # The name that the sender's phone or the sender gave the file may be the sender's own.
    # Neither number nor phone in an address, ever.
    assert "139" not in citizen.address + (appeal.text + (appeal.address or ""))


async def test_an_anonymous_report_keeps_nobody(citizen: Citizen, deps: Deps) -> None:
    await citizen.report(manner="anonymous")
    code = citizen.code
    async with deps.db.reads() as session:
        assert (await session.scalars(sa.select(Appellant))).all() == []
        access = (await session.scalars(sa.select(CitizenAccess))).one()
    assert code not in (access.code_hash or "") + access.form_hash
    again = await citizen.get("/citizen/done")
    assert (code in again, "受理编号" in again) == (False, True)


async def test_a_report_in_confidence_is_not_for_the_public(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    await citizen.report(manner="confidential", name="")
    (appeal,) = await appeals(deps)
    assert appeal.confidential
    await read_all(deps, reader)
    listed = await (await citizen.client.get("/open311/v2/requests.json")).json()
    single = await citizen.client.get(f"/open311/v2/requests/{appeal.id:08d}.json")
    assert (listed, single.status) == ([], 404)


LARGE = "吵" * 100_000


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/citizen/report", {"data": GOOD | {"text": LARGE}}, 413),
        ("/citizen/track", {"data": {"number": LARGE}}, 413),
        ("/citizen/track", {"data": FormData({"number": LARGE}, default_to_multipart=True)}, 413),
        ("/citizen/report", {"data": FormData(GOOD | {"text": LARGE}, default_to_multipart=True)}, 403),
    ],
    ids=["report without files", "track", "track as a form with files", "report with files"],
)
async def test_only_a_form_that_carries_files_may_be_large(
    citizen: Citizen, path: str, form: dict[str, Any], status: int
) -> None:
    # 403: it was read, and has no token.
    answer = await citizen.client.post(path, **form)
    assert answer.status == status


FAULTS = {
    "no words": ({"text": " \n "}, "text"),
    "too few words": ({"text": "吵"}, "text"),
    "too many words": ({"text": "吵" * 4001}, "text"),
    "no place": ({"place": ""}, "place"),
    "a place outside": ({"place": "x", "lat": "31.2", "lon": "121.4"}, "place"),
    "no phone": ({"phone": ""}, "phone"),
    "no such phone": ({"phone": "12345"}, "phone"),
    "no name": ({"name": ""}, "name"),
    "no such manner": ({"manner": "loud"}, "manner"),
    "the trap": ({"website": "http://spam"}, "trap"),
}


@pytest.mark.parametrize("case", FAULTS)
async def test_what_is_wrong_is_told_beside_its_field_and_nothing_is_lost(
    citizen: Citizen, deps: Deps, case: str
) -> None:
    more, field = FAULTS[case]
    await citizen.report(**more)
    assert citizen.status == 400
    assert set(citizen.faults) == {field}
    assert f'aria-describedby="{field}-fault"' in citizen.page or field in {"manner", "trap"}
    typed = {**GOOD, **more}
    kept = re.search(r"<textarea[^>]*>\n?(.*?)</textarea>", citizen.page, re.DOTALL)
    assert kept is not None
    assert kept[1] == typed["text"]
    assert f'name="place" value="{typed["place"]}"' in citizen.page
    assert await appeals(deps) == []


async def test_what_is_typed_is_shown_as_text(citizen: Citizen) -> None:
    await citizen.report(text='</textarea><script>alert("x")</script>', place='"><img src=x>', phone="")
    assert "<script>alert" not in citizen.page
    assert "<img src=x>" not in citizen.page


async def test_bad_photos_are_told_and_the_words_kept(citizen: Citizen, deps: Deps) -> None:
    heavy, bomb = b"\xff\xd8\xff" + bytes(1_000_001), pictures.png_bomb(9000)
    several = [(f"{n}.jpg", pictures.jpeg()) for n in range(3)]
    for files in ([("a.jpg", heavy)], [("a.heic", b"\0\0\0\x18ftypheic")], several, [("b.png", bomb)]):
        await citizen.report(*files)
        assert (citizen.status, set(citizen.faults)) == (400, {"files"})
        assert GOOD["text"] in citizen.page
    assert await appeals(deps) == []


async def test_photos_that_cannot_be_kept_cost_no_words(
    citizen: Citizen, deps: Deps, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(attachments, "store_all", AsyncMock(side_effect=StoreDown("full")))
    await citizen.report(("a.jpg", pictures.jpeg()))
    assert (citizen.status, set(citizen.faults)) == (503, {"files"})
    assert "先不带照片提交" in citizen.faults["files"]
    assert GOOD["text"] in citizen.page
    assert await appeals(deps) == []
    assert "file_store_down" in caplog.text


async def test_pictures_of_a_form_that_is_refused_are_not_decoded(
    citizen: Citizen, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = AsyncMock()
    monkeypatch.setattr(attachments, "prepare_all", decode)
    await citizen.report(("a.jpg", pictures.jpeg()), text="")
    assert (citizen.status, set(citizen.faults)) == (400, {"text", "files"})
    assert "请重新选一次照片" in citizen.page
    decode.assert_not_awaited()


async def test_forms_with_pictures_are_counted_also_when_nothing_comes_of_them(
    citizen: Citizen, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = ("a.jpg", b"\xff\xd8\xff\xe0" + bytes(30))
    for _ in range(2):
        await citizen.report(broken)
    async with deps.db.reads() as session:
        assert list(await session.scalars(sa.select(RateCount.times))) == [2]
    monkeypatch.setattr(report, "FORMS_A_REPORT", 0)
    await citizen.report(broken)
    assert citizen.status == 429
    assert GOOD["text"] in citizen.page


async def test_presses_on_the_map_are_counted(citizen: Citizen, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a script and without, together: each is looked up among all streets."""
    monkeypatch.setattr(report, "_PRESSES_A_REPORT", 0.1)
    await citizen.get("/citizen/report")
    spot = {"token": citizen.hidden("token"), "lon": "116.47", "lat": "39.99"}
    pressed = {**GOOD, "key": citizen.hidden("key"), "spot.x": "160", "spot.y": "160"}
    await citizen.post("/citizen/report", pressed)
    assert citizen.status == 200
    assert [(await citizen.client.post("/citizen/where", data=spot)).status for _ in range(2)] == [200, 429]
    await citizen.post("/citizen/report", pressed)
    assert (citizen.status, "提交太频繁" in citizen.page, GOOD["text"] in citizen.page) == (429, True, True)


async def test_sent_twice_it_is_one_case(citizen: Citizen, deps: Deps) -> None:
    await citizen.get("/citizen/report")
    fields = {**GOOD, "key": citizen.hidden("key"), "token": citizen.hidden("token"), "manner": "anonymous"}
    pages = await asyncio.gather(*(_post(citizen.client, fields) for _ in range(5)))
    assert len({page for page in pages if "受理编号" in page}) == 1
    assert len(await appeals(deps)) == 1
    # The back button, and something was changed: still the case that is there.
    assert citizen.client is not None
    assert "受理编号" in await _post(citizen.client, {**fields, "text": GOOD["text"] + "又响了。"})
    assert len(await appeals(deps)) == 1


async def _post(client: Client, fields: dict[str, str]) -> str:
    answer = await client.post("/citizen/report", data=fields)
    found = re.sub(r'value="[^"]*"', "", await answer.text())
    return re.sub(r"<p>查询码.*?没有它[^<]*</p>", "", found, flags=re.DOTALL)


async def test_two_forms_with_one_number_are_two_cases(
    citizen: Citizen, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    from triage.services.citizen import filing  # noqa: PLC0415

    made = filing._made_from
    monkeypatch.setattr(
        filing,
        "_made_from",
        lambda v, purpose, key, n=0: {"receipt": n}.get(purpose, made(v, purpose, key, n)),
    )
    numbers = []
    for _ in range(3):
        await citizen.report()
        numbers.append(citizen.receipt[-6:])
    assert numbers == ["000000", "000001", "000002"]
    assert len(await appeals(deps)) == 3


async def test_too_many_of_one_phone_and_the_form_is_kept(citizen: Citizen, deps: Deps, clock: Clock) -> None:
    for _ in range(5):
        await citizen.report()
    await citizen.report(phone="１３９１２３４０００７")
    assert citizen.status == 429
    assert ("一小时内最多 5 次" in citizen.page, GOOD["text"] in citizen.page) == (True, True)
    assert len(await appeals(deps)) == 5
    await citizen.report(phone="13912340008")
    assert citizen.status == 200
    clock.later(hours=1)
    await citizen.report()
    assert citizen.status == 200


async def test_too_many_from_one_address(citizen: Citizen) -> None:
    statuses = []
    for _ in range(21):
        await citizen.report(manner="anonymous")
        statuses.append(citizen.status)
    assert statuses == [200] * 20 + [429]


async def test_a_form_of_another_site_is_refused(client: Client, citizen: Citizen) -> None:
    await citizen.get("/citizen/report")
    for fields, headers in (
        ({**GOOD, "key": citizen.hidden("key")}, {}),
        ({**GOOD, "token": citizen.hidden("token")}, {"Origin": "http://elsewhere.example"}),
    ):
        answer = await client.post("/citizen/report", data=fields, headers=headers)
        assert answer.status == 403
        assert "已拒绝" in await answer.text()


async def test_the_map_is_pressed_without_a_script(citizen: Citizen, deps: Deps) -> None:
    """First the city, then the district; everything typed stays."""
    fields = {name: value for name, value in GOOD.items() if name not in {"do", "place"}}
    await citizen.get("/citizen/report")
    scale = pressed.SHOWN / maps.SIZE
    x, y = (at * scale for at in maps.view("").place(116.47, 39.99))
    await citizen.post(
        "/citizen/report", {**fields, "key": citizen.hidden("key"), "spot.x": int(x), "spot.y": int(y)}
    )
    assert 'value="110105"' in re.search(r"<option[^>]*selected", citizen.page)[0]  # type: ignore[index]
    x, y = (at * scale for at in maps.view("110105").place(116.47, 39.99))
    fields["area"] = "110105"
    await citizen.post(
        "/citizen/report", {**fields, "key": citizen.hidden("key"), "spot.x": round(x), "spot.y": round(y)}
    )
    assert "您点的位置：<b>朝阳区望京街道附近</b>" in citizen.page
    assert GOOD["text"] in citizen.page
    lat, lon = citizen.hidden("lat"), citizen.hidden("lon")
    await citizen.post(
        "/citizen/report", {**fields, "do": "send", "key": citizen.hidden("key"), "lat": lat, "lon": lon}
    )
    (appeal,) = await appeals(deps)
    async with deps.db.reads() as session:
        access = (await session.scalars(sa.select(CitizenAccess))).one()
    # Two streets' centres are as near: what is shown is not filed.
    assert (appeal.address, citizen.address) == ("朝阳区", "/citizen/done")
    # A pixel of the small map is some hundred metres.
    assert access.lon == pytest.approx(116.47, abs=0.003)
    assert access.lat == pytest.approx(39.99, abs=0.003)


@pytest.mark.parametrize(
    ("lon", "lat", "words", "filed", "beside_a_place"),
    [
        (116.40, 39.96, "东城区和平里街道附近", "东城区和平里街道", "东城区"),  # the second centre is far
        (116.46, 39.92, "朝阳区呼家楼街道附近", "朝阳区", "朝阳区"),
    ],
)
def test_a_street_is_filed_where_it_is_clear_and_no_place_was_typed(
    lon: float, lat: float, words: str, filed: str, beside_a_place: str
) -> None:
    spot = maps.spot(lon, lat)
    assert spot is not None
    assert (spot.words, spot.filed(None), spot.filed("望京花园东区")) == (words, filed, beside_a_place)
    assert area_of(lon, lat, told=False) == f"北京市{filed}"
    assert area_of(lon, lat, told=True) == f"北京市{beside_a_place}"


async def test_the_map_is_ours_and_only_of_districts(client: Client) -> None:
    for area in ("", "110105", "110119"):
        answer = await client.get(f"/citizen/map.svg?area={area}")
        text = await answer.text()
        assert (answer.status, answer.content_type) == (200, "image/svg+xml")
        assert len(text) < 60_000
        assert re.findall(r"(?:href|src|url|script)", text) == []
    assert (await client.get("/citizen/map.svg?area=310000")).status == 404


async def test_large_type_is_remembered_and_leads_nowhere_else(citizen: Citizen) -> None:
    await citizen.get("/citizen/track")
    await citizen.post("/citizen/size", {"large": "1", "back": "/citizen/track"})
    assert (citizen.address, '<html lang="zh-CN" class="large">' in citizen.page) == ("/citizen/track", True)
    await citizen.post("/citizen/size", {"large": "0", "back": "https://elsewhere.example/"})
    assert (citizen.address, 'class="large"' in citizen.page) == ("/citizen", False)


async def test_what_was_understood_is_told_when_it_was_read(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    await citizen.report()
    assert "正在识别和分派" in citizen.page
    await read_all(deps, reader)
    page = await citizen.get("/citizen/done")
    assert ("建筑施工噪声" in page, "望京街道" in page, "最晚答复" in page) == (True, True, True)


async def test_files_are_bound_to_the_appeal_once(citizen: Citizen, deps: Deps) -> None:
    await citizen.report(("a.jpg", pictures.jpeg()), ("b.jpg", pictures.jpeg()))
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Attachment)) == 1
