"""Photos sent along with a move: of its event, once, and none when the move is refused."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp import FormData
from PIL import Image

from models.files import Attachment
from models.tickets import TicketEvent
from tests.factories import TicketIn, add_tickets
from triage.services import reference
from triage.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps


@pytest.fixture
def deps(deps: Deps, tmp_path: Path) -> Deps:
    return replace(deps, settings=Settings(files_dir=tmp_path / "files", upload_megabytes=1))


@pytest.fixture
async def no(deps: Deps) -> str:
    (made,) = await add_tickets(deps.db, TicketIn())
    await reference.sync(deps)
    return made


def photo(shade: int) -> bytes:
    out = BytesIO()
    Image.new("RGB", (60, 40), (shade, 90, 90)).save(out, "JPEG")
    return out.getvalue()


async def token_of(client: Client, no: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', await (await client.get(f"/desk/tickets/{no}")).text())
    assert found is not None
    await client.post(
        "/desk/as", data={"token": found[1], "post": "unit", "unit": "望京街道办事处", "name": "外勤二"}
    )
    return found[1]


async def make(
    client: Client, no: str, token: str, move: str, version: int, *files: bytes, **values: str
) -> tuple[int, str]:
    form = FormData()
    told = {"token": token, "move": move, "version": str(version), "key": f"{move}-{version}", **values}
    for name, value in told.items():
        form.add_field(name, value)
    for number, content in enumerate(files, start=1):
        form.add_field("files", content, filename=f"IMG_{number}.jpg", content_type="image/jpeg")
    answer = await client.post(f"/desk/tickets/{no}/moves", data=form, allow_redirects=False)
    return answer.status, await answer.text()


async def kept(deps: Deps) -> list[tuple[str, int | None, str]]:
    async with deps.db.reads() as session:
        rows = await session.execute(sa.select(Attachment.owner, Attachment.event_seq, Attachment.name))
        return [tuple(row) for row in rows]  # type: ignore[misc]


async def test_photos_belong_to_the_event_and_are_named_in_it(client: Client, deps: Deps, no: str) -> None:
    token = await token_of(client, no)
    assert (await make(client, no, token, "sign", 1))[0] == 303
    progress = {"note": "已到现场，等施工方"}
    assert (await make(client, no, token, "progress", 2, photo(10), photo(200), **progress))[0] == 303
    # The network lost the answer: the same form once more.
    assert (await make(client, no, token, "progress", 2, photo(10), photo(200), **progress))[0] == 303
    async with deps.db.reads() as session:
        event = (
            await session.execute(
                sa.select(TicketEvent.seq, TicketEvent.data).where(TicketEvent.tag == "ticket:progress")
            )
        ).one()
    assert await kept(deps) == [("event", event.seq, "IMG_1.jpg"), ("event", event.seq, "IMG_2.jpg")]
    assert event.data["values"]["attachment"].startswith("附件 2 个：")
    assert "附件 2 个：" in await (await client.get(f"/desk/tickets/{no}")).text()


async def test_a_photo_is_evidence_enough_for_a_feedback(client: Client, deps: Deps, no: str) -> None:
    token = await token_of(client, no)
    await make(client, no, token, "sign", 1)
    await make(client, no, token, "contact", 2, outcome="reached", told_citizen="phone")
    said = {"note": "已责令停工", "told_citizen": "phone"}
    status, page = await make(client, no, token, "feedback", 3, **said)
    assert (status, "必须写明佐证附件编号" in page) == (422, True)
    assert (await make(client, no, token, "feedback", 3, photo(10), **said))[0] == 303
    assert len(await kept(deps)) == 1


async def test_a_refused_move_registers_nothing_and_a_bad_file_is_told(
    client: Client, deps: Deps, no: str
) -> None:
    token = await token_of(client, no)
    status, page = await make(client, no, token, "progress", 1, photo(10), note="已到现场")
    assert (status, "不能阶段反馈" in page) == (422, True)
    await make(client, no, token, "sign", 1)
    status, page = await make(client, no, token, "progress", 2, b"GIF89a", note="已到现场")
    assert (status, "第 1 个附件：只收照片" in page) == (400, True)
    assert "已到现场" in page
    assert await kept(deps) == []


async def test_a_photo_can_be_sent_over_json(client: Client, deps: Deps, no: str) -> None:
    who = {"post": "unit", "unit": "望京街道办事处", "name": "外勤二"}
    sent = [{"name": "IMG_1.jpg", "content": base64.b64encode(photo(10)).decode()}]

    async def post(move: str, version: int, files: object = None, **values: str) -> int:
        body = {"move": move, "version": version, "as": who, "values": values}
        answer = await client.post(
            f"/api/v1/tickets/{no}/moves",
            json=body if files is None else {**body, "files": files},
            headers={"Idempotency-Key": f"{move}-{version}"},
        )
        return answer.status

    assert await post("sign", 1) == 200
    assert [await post("progress", 2, sent, note="已到现场") for _ in range(2)] == [200, 200]
    assert [(owner, name) for owner, _, name in await kept(deps)] == [("event", "IMG_1.jpg")]
    wrong: list[object] = [
        "x",
        ["x"],
        [{"name": "a"}],
        [{"name": "a", "content": "%%"}],
        [{"name": 1, "content": ""}],
    ]
    assert [await post("progress", 3, files, note="已到现场") for files in wrong] == [400] * 5
    assert len(await kept(deps)) == 1
