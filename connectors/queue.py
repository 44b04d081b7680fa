"""The RQ adapter: JSON bodies (never pickle), ids only, jobs named by dotted string."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import redis
import rq
from rq.exceptions import DuplicateJobError
from rq.serializers import JSONSerializer

from connectors.ports import JobName, QueueDown

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The seam that lets services name a job without importing the module that runs it.
DOTTED: Final = {
    JobName.READ_APPEALS: "triage.jobs.read_appeals",
    JobName.READ_LEADS: "triage.jobs.read_leads",
    JobName.RUN_BULK: "triage.jobs.run_bulk",
}

QUEUE_NAME: Final = "nlp"

#: A failed job stays a day for whoever looks; RQ's own default of a year fills Redis.
FAILURE_TTL_SECONDS: Final = 86_400


def connect(url: str) -> redis.Redis:
    """A client for `redis://` or `unix://` with limits, so that a dead server never blocks for ever."""
    return redis.Redis.from_url(url, socket_connect_timeout=3, health_check_interval=30)


def workers(client: redis.Redis) -> int:
    """How many workers are known to take jobs. Raises QueueDown."""
    try:
        return int(rq.Worker.count(connection=client))
    except redis.RedisError as error:
        raise QueueDown(type(error).__name__) from error


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

    def enqueue(self, job: JobName, ids: Sequence[int], *, key: str) -> None:
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
            )
        except DuplicateJobError:
            return  # it waits already: that is what was wanted
        except redis.RedisError as error:
            raise QueueDown(type(error).__name__) from error
