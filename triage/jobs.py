"""What RQ runs: thin functions, ids only, each safe to run twice. One runtime per worker process.

The runtime holds the event loop, the database and the models, made once. RQ's SimpleWorker runs jobs in
this process (no fork: a model loaded before a fork deadlocks), and the database sweep covers its death.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

import structlog

import triage.tables
from connectors import hints
from connectors.ports import JobName
from connectors.queue import connect, trace_of_job
from nlp.pipeline import Reader, ReviewThresholds
from triage import logs, metrics, overlays, tracing
from triage.errors import NotReady
from triage.services import processing, reference
from triage.services.bulk import running as bulk_running
from triage.services.leads import reading as lead_reading
from triage.settings import load_settings
from triage.site_names import SiteNames
from triage.wiring import build

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from triage.services.deps import Deps
    from triage.settings import Settings

T = TypeVar("T")
log = logs.get(__name__)

#: Of a job's time: bulk work that takes longer is handed out again, so that reading has its turn.
_BULK_SHARE: Final = 0.25


def load_reader(settings: Settings) -> Reader:
    """The reading models with the thresholds of the settings; says so when the encoder's weights are bad."""
    # Only a site's own model can know kinds that the tables do not.
    own = settings.nlp_model not in ("builtin", "lexicon")
    reader = Reader.load(
        weights=settings.encoder_folder,
        kinds=triage.tables.load(settings.tables_dir).kinds if own else None,
        threads=settings.nlp_threads,
        places=overlays.place_reader(settings),
        review_below=ReviewThresholds(
            environmental=settings.review_environmental,
            kind=settings.review_kind,
            place=settings.review_place,
        ),
    )
    if reader.degraded:
        log.error("weights_unusable", reason=reader.degraded, reading_with="lexicon")
    return reader


class Runtime:
    """A worker's loop, dependencies and models."""

    def __init__(self, settings: Settings) -> None:
        """Open everything; the models are loaded here, once."""
        self.settings = settings
        self.reader = load_reader(settings)
        self.site_names = SiteNames()
        self.units = reference.Completer()
        self.redis = connect(settings.redis)
        self._open()

    def _open(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.deps: Deps = build(self.settings)

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Run to the end. When RQ's timeout breaks in, the loop and connections are made anew."""
        try:
            return self.loop.run_until_complete(work)
        except BaseException:
            # An alarm may have cut the loop anywhere: nothing of it can be trusted any more.
            self._abandon()
            self._open()
            raise

    def _abandon(self) -> None:
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.run_until_complete(self.deps.close())
        self.loop.close()

    def close(self) -> None:
        """Close connections and the loop."""
        self.redis.close()
        self.loop.run_until_complete(self.deps.close())
        self.loop.close()


class _Holder:
    runtime: Runtime | None = None


def start(settings: Settings | None = None) -> Runtime:
    """Make this process's runtime; called by the worker before its first job."""
    _Holder.runtime = Runtime(settings or load_settings())
    return _Holder.runtime


def stop() -> None:
    """Close this process's runtime."""
    if _Holder.runtime is not None:
        _Holder.runtime.close()
        _Holder.runtime = None


@contextmanager
def _job(name: JobName, ids: list[int]) -> Iterator[None]:
    """Time a job, go on with the trace that queued it, and let its log lines name it."""
    with (
        metrics.timed(metrics.JOBS, name.value),
        tracing.span(f"job {name.value}", parent=trace_of_job(), rows=len(ids)),
        structlog.contextvars.bound_contextvars(job=name.value, **_numbered()),
    ):
        yield


def _numbered() -> dict[str, str]:
    trace_id = tracing.trace_id()
    return {"trace_id": trace_id} if trace_id else {}


def read_appeals(ids: list[int]) -> None:
    """读取并派单: turn waiting appeals into tickets. What is done already is passed over."""
    runtime = _Holder.runtime
    if runtime is None:
        raise NotReady("处理进程没有用 jiesu work 启动")
    with _job(JobName.READ_APPEALS, ids):
        runtime.run(runtime.units.poke(runtime.deps))
        runtime.run(runtime.site_names.refresh(runtime.deps, runtime.reader))
        report = runtime.run(processing.process(runtime.deps, runtime.reader, ids))
        _hint(runtime)
        log.info(
            "appeals_processed", asked=len(ids), done=report.done, failed=report.failed, dead=report.dead
        )


def _hint(runtime: Runtime) -> None:
    """Tell web processes that tickets changed; without Redis they find out by themselves."""
    try:
        hints.tell(runtime.redis)
    except hints.HintsDown as error:
        log.info("hint_not_sent", error=str(error))


def read_leads(ids: list[int]) -> None:
    """识别线索: read new leads and screen them. What is done already is passed over."""
    runtime = _Holder.runtime
    if runtime is None:
        raise NotReady("处理进程没有用 jiesu work 启动")
    with _job(JobName.READ_LEADS, ids):
        done = runtime.run(lead_reading.read(runtime.deps, runtime.reader, ids))
    log.info("leads_read", asked=len(ids), done=done)


def run_bulk(ids: list[int]) -> None:
    """批量办理: work on bulk jobs for a while. What is done already is passed over."""
    runtime = _Holder.runtime
    if runtime is None:
        raise NotReady("处理进程没有用 jiesu work 启动")
    for job_id in ids:
        seconds = runtime.settings.job_timeout * _BULK_SHARE / len(ids)
        with _job(JobName.RUN_BULK, ids):
            runtime.run(runtime.units.poke(runtime.deps))
            decided = runtime.run(bulk_running.run(runtime.deps, job_id, seconds=seconds))
        _hint(runtime)
        log.info("bulk_turn", job=job_id, decided=decided)
