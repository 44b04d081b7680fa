"""The RQ adapter: JSON bodies (never pickle), ids only, jobs named by dotted string."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import redis
import redis.asyncio
import rq
from rq.exceptions import DuplicateJobError
from rq.serializers import JSONSerializer
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from connectors.ports import JobName, QueueDown

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The seam that lets services name a job without importing the module that runs it.
DOTTED: Final = {
    JobName.READ_APPEALS: "triage.jobs.read_appeals",
    JobName.READ_LEADS: "triage.jobs.read_leads",
    JobName.RUN_BULK: "triage.jobs.run_bulk",
}

#: Under which a job's meta holds the traceparent of what handed it out.
TRACE: Final = "traceparent"

QUEUE_NAME: Final = "nlp"

#: A failed job stays a day for whoever looks; RQ's own default of a year fills Redis.
FAILURE_TTL_SECONDS: Final = 86_400

#: A probe is asked while a balancer waits.
_PATIENCE_SECONDS: Final = 1.0


def connect(url: str) -> redis.Redis:
    """A client for `redis://` or `unix://` with limits, so that a dead server never blocks for ever."""
    return redis.Redis.from_url(url, socket_connect_timeout=3, health_check_interval=30)


class Workers:
    """Whether anybody takes jobs of our queue. One per process and event loop, with one client.

    A worker that was killed stays in RQ's sets until another cleans up; its own key ends by itself when it is
    no longer renewed. So the keys are counted, not the names in the set.
    """

    def __init__(self, url: str) -> None:
        """Take an address; connects with the first question."""
        self._client = redis.asyncio.Redis.from_url(
            url, socket_connect_timeout=_PATIENCE_SECONDS, socket_timeout=_PATIENCE_SECONDS
        )

    async def count(self) -> int:
        """How many there are. Raises QueueDown."""
        try:
            keys = await self._client.smembers(WORKERS_BY_QUEUE_KEY % QUEUE_NAME)
            return int(await self._client.exists(*keys)) if keys else 0
        except (redis.RedisError, OSError) as error:
            raise QueueDown(type(error).__name__) from error

    async def close(self) -> None:
        """Let go of the connection."""
        await self._client.aclose()


def trace_of_job() -> str | None:
    """The traceparent that the job at hand was queued with."""
    job = rq.get_current_job()
    found = job.get_meta(refresh=False).get(TRACE) if job is not None else None
    return found if isinstance(found, str) else None


class RqQueue:
    """JobQueue over RQ."""

    def __init__(self, client: redis.Redis, *, job_timeout: int) -> None:
        """Take a client; `job_timeout` in seconds bounds one job."""
        self._queue = rq.Queue(QUEUE_NAME, connection=client, serializer=JSONSerializer)
        self._job_timeout = job_timeout

    def waiting(self) -> int:
        """How many jobs wait. Raises QueueDown."""
        try:
            return int(self._queue.count)
        except redis.RedisError as error:
            raise QueueDown(type(error).__name__) from error

    def enqueue(self, job: JobName, ids: Sequence[int], *, key: str, trace: str | None = None) -> None:
        """Queue one job for these row ids. A job of the same key still waiting is not doubled."""
        try:
            self._queue.enqueue_call(
                DOTTED[job],
                args=(list(ids),),
                job_id=key,
                timeout=self._job_timeout,
                result_ttl=0,
                failure_ttl=FAILURE_TTL_SECONDS,
                unique=True,
                meta={TRACE: trace} if trace else None,
            )
        except DuplicateJobError:
            return  # it waits already: that is what was wanted
        except redis.RedisError as error:
            raise QueueDown(type(error).__name__) from error
