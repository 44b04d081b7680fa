"""The queue port: RQ on a real server and the in-memory twin keep the same promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import rq
from rq.serializers import JSONSerializer

from connectors.fakes import MemoryQueue
from connectors.ports import JobName, QueueDown
from connectors.queue import QUEUE_NAME, RqQueue, connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.ports import JobQueue


@pytest.fixture(params=["rq", "memory"])
def queue(request: pytest.FixtureRequest) -> JobQueue:
    """Either twin."""
    make: dict[str, Callable[[], JobQueue]] = {
        "rq": lambda: RqQueue(connect(request.getfixturevalue("redis_url")), job_timeout=30),
        "memory": MemoryQueue,
    }
    return make[request.param]()


def test_jobs_wait(queue: JobQueue) -> None:
    queue.enqueue(JobName.READ_APPEALS, [1, 2], key="read-1")
    queue.enqueue(JobName.READ_APPEALS, [3], key="read-3")
    assert queue.waiting() == 2


def test_the_same_key_waits_once(queue: JobQueue) -> None:
    queue.enqueue(JobName.READ_APPEALS, [1], key="read-1")
    queue.enqueue(JobName.READ_APPEALS, [1], key="read-1")
    assert queue.waiting() == 1


def test_a_body_holds_ids_and_is_json(redis_url: str) -> None:
    RqQueue(connect(redis_url), job_timeout=30).enqueue(JobName.READ_APPEALS, [7, 8], key="read-7")
    client = connect(redis_url)
    job = rq.Queue(QUEUE_NAME, connection=client, serializer=JSONSerializer).jobs[0]
    assert (job.func_name, list(job.args), job.kwargs) == ("triage.jobs.read_appeals", [[7, 8]], {})
    assert client.hget(f"rq:job:{job.id}", "data") is not None


def test_a_server_that_is_away_is_said_to_be_down(tmp_path: object) -> None:
    queue = RqQueue(connect(f"unix://{tmp_path}/nobody.sock"), job_timeout=30)
    with pytest.raises(QueueDown):
        queue.waiting()
    with pytest.raises(QueueDown):
        queue.enqueue(JobName.READ_APPEALS, [1], key="read-1")


def test_the_twin_can_be_down_too() -> None:
    with pytest.raises(QueueDown):
        MemoryQueue(down=True).waiting()
