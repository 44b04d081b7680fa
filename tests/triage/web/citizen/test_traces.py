"""链路追踪: one appeal's way as one trace, from the form through the queue to its ticket; off, nothing.

The receiver is a real OTLP/HTTP server. What it is sent, and what the processes log, tells of no citizen.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import rq
import sqlalchemy as sa
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from rq.serializers import JSONSerializer

from connectors.fakes import MemoryQueue
from connectors.ports import JobName
from connectors.queue import QUEUE_NAME, TRACE, RqQueue, connect
from models.outbox import Outbox
from models.tickets import Ticket
from tests.triage.web.citizen.conftest import GOOD
from triage import jobs, tracing
from triage.services import relay
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.triage.web.citizen.conftest import Citizen
    from triage.services.deps import Deps

#: Nothing of these may leave the process.
PERSONAL = (GOOD["name"], "13912340007", "1391234", GOOD["phone"], "望京北路", "打桩", "睡不着")


class Receiver:
    """Takes spans as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        return web.Response(content_type="application/x-protobuf")

    def spans(self) -> dict[str, Any]:
        """By service and name, those of an appeal's way."""
        found: dict[str, Any] = {}
        for body in self.bodies:
            for part in ExportTraceServiceRequest.FromString(body).resource_spans:
                told = {item.key: item.value.string_value for item in part.resource.attributes}
                for scope in part.scope_spans:
                    found |= {f"{told['service.name']} {span.name}": span for span in scope.spans}
        return found


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    app = web.Application()
    app.router.add_post("/v1/traces", found.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await asyncio.to_thread(tracing.shut_down)
    await runner.cleanup()


def work(settings: Settings) -> None:
    """What `jiesu work` does with the one job there is."""
    jobs.start(settings)
    connection = connect(settings.redis)
    queue = rq.Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)
    (job,) = queue.jobs
    job.perform()
    connection.close()
    jobs.stop()


async def test_one_appeal_is_one_trace(
    citizen: Citizen,
    deps: Deps,
    redis_url: str,
    receiver: Receiver,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    database = deps.db.engine.url.render_as_string(hide_password=False)
    settings = Settings(
        otlp_endpoint=receiver.url, redis_url=redis_url, nlp_model="lexicon", database_url=database
    )
    tracing.set_up(settings, "web")
    await citizen.report()
    receipt = citizen.receipt
    await citizen.get(f"/citizen/cases?q={GOOD['name']}")
    await asyncio.to_thread(tracing.shut_down)

    tracing.set_up(settings, "relay")
    connection = connect(redis_url)
    async with deps.db.writes.begin() as session:
        queue = RqQueue(connection, job_timeout=30)
        assert await relay.relay(session, queue, now=deps.clock.now(), batch=10, depth=10) == 1
    connection.close()
    await asyncio.to_thread(tracing.shut_down)

    tracing.set_up(settings, "worker")
    await asyncio.to_thread(work, settings)
    await asyncio.to_thread(tracing.shut_down)

    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Ticket)) == 1
    spans = receiver.spans()
    came = spans["jiesu-web POST /citizen/report"]
    handed = spans["jiesu-relay relay"]
    done = spans["jiesu-worker job read_appeals"]
    steps = [spans["jiesu-worker read"], spans["jiesu-worker settle"]]
    assert {span.trace_id for span in (handed, done, *steps)} == {came.trace_id}
    assert (came.parent_span_id, handed.parent_span_id) == (b"", came.span_id)
    assert done.parent_span_id == handed.span_id
    assert {span.parent_span_id for span in steps} == {done.span_id}
    known = {item.key: item.value for item in came.attributes}
    assert known["http.route"].string_value == "/citizen/report"
    assert known["http.response.status_code"].int_value in {200, 303}

    sent = b"".join(receiver.bodies).decode(errors="replace")
    logged = "\n".join(f"{record.getMessage()} {record.msg} {record.args}" for record in caplog.records)
    assert [word for word in (*PERSONAL, receipt) if word in sent] == []
    assert [word for word in PERSONAL if word in logged] == []
    # Log lines name the trace they belong to, so that one leads to the other.
    assert "appeals_processed" in logged
    assert came.trace_id.hex() in logged


async def test_a_batch_out_of_many_names_each(deps: Deps, receiver: Receiver) -> None:
    tracing.set_up(Settings(otlp_endpoint=f"{receiver.url}/v1/traces"), "relay")
    traces = [f"00-{number:032x}-{number:016x}-01" for number in (1, 2)]
    async with deps.db.writes.begin() as session:
        for key, trace in enumerate([*traces, None, "not one"], start=1):
            now = deps.clock.now()
            row = {
                "topic": "read_appeals",
                "key": key,
                "created_at": now,
                "available_at": now,
                "trace": trace,
            }
            await session.execute(sa.insert(Outbox), row | {"attempts": 0})
        queue = MemoryQueue()
        await relay.relay(session, queue, now=deps.clock.now(), batch=10, depth=10)
    await asyncio.to_thread(tracing.shut_down)
    handed = receiver.spans()["jiesu-relay relay"]
    assert [link.trace_id.hex() for link in handed.links] == [f"{number:032x}" for number in (1, 2)]
    assert handed.parent_span_id == b""
    (carried,) = queue.traces.values()
    assert carried is not None
    assert carried.startswith(f"00-{handed.trace_id.hex()}-{handed.span_id.hex()}-")


async def test_an_error_is_told_by_its_class(receiver: Receiver) -> None:
    tracing.set_up(Settings(otlp_endpoint=receiver.url), "web")
    with pytest.raises(ValueError, match="李小明"), tracing.span("breaks"):
        raise ValueError(GOOD["name"])
    await asyncio.to_thread(tracing.shut_down)
    (span,) = receiver.spans().values()
    assert {item.key: item.value.string_value for item in span.attributes} == {"error.type": "ValueError"}
    assert (span.status.code, len(span.events)) == (2, 0)


async def test_off_nothing_is_carried(citizen: Citizen, deps: Deps) -> None:
    await citizen.report()
    queue = MemoryQueue()
    async with deps.db.writes.begin() as session:
        assert await session.scalar(sa.select(Outbox.trace)) is None
        await relay.relay(session, queue, now=deps.clock.now(), batch=10, depth=10)
    assert list(queue.traces.values()) == [None]
    assert tracing.span("x") is not None
    assert not [thread for thread in threading.enumerate() if "BatchSpan" in thread.name]


def test_off_nothing_of_it_is_loaded() -> None:
    program = (
        "import sys, triage.tracing as t, triage.jobs, triage.web.app\n"
        "with t.span('x', parent=None): print(t.current(), t.trace_id())\n"
        "print({'opentelemetry.sdk.trace', 'opentelemetry.exporter'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout == "None None\nset()\n"


def test_the_common_variable_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().traces_to is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/")
    assert Settings().traces_to == "http://127.0.0.1:4318/v1/traces"


def test_a_job_carries_it_in_its_meta(redis_url: str) -> None:
    connection = connect(redis_url)
    queue = RqQueue(connection, job_timeout=30)
    queue.enqueue(JobName.READ_APPEALS, [1], key="with", trace="00-1-2-01")
    queue.enqueue(JobName.READ_APPEALS, [1], key="without")
    found = rq.Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer).jobs
    assert [job.meta for job in found] == [{TRACE: "00-1-2-01"}, {}]
    connection.close()
