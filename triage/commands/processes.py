"""`jiesu serve`, `work`, `relay`, `timetable`: the long-running processes."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import redis
import rq
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer
from rq.timeouts import UnixSignalDeathPenalty

from connectors.ports import QueueDown
from connectors.queue import QUEUE_NAME, RqQueue, connect
from models.db import away
from models.vocab_notices import Medium
from triage import jobs, logs, memory, metrics, tracing
from triage.errors import place_of, trace_of
from triage.services import confiding, correcting, drift, move_keys, reference, shift_keeping, supervising
from triage.services import relay as relaying
from triage.services.auditing.keeping import Keeper
from triage.services.bulk import running as bulk_running
from triage.services.callbacks.keeping import Keeper as CallsKeeper
from triage.services.identities.erased_photos import Photos
from triage.services.identities.erasing import Eraser
from triage.services.incidents import watching
from triage.services.leads import reading as lead_reading
from triage.services.notices import sending, waking
from triage.services.notices.messengers import open_messengers
from triage.services.open_data import publishing
from triage.services.parties import gathering
from triage.services.repeats import looking, resting
from triage.services.reporting import drafting
from triage.services.rewards import clocking as reward_clock
from triage.services.rewards import forgetting, telling
from triage.services.sources.running import Runner
from triage.services.staff import requests
from triage.services.topics import finding
from triage.services.trends import noticing, partitions, refreshing, words
from triage.services.watch import port, snapshot
from triage.wiring import build, open_files

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from types import FrameType

    from connectors.messenger.port import Messenger
    from triage.services.deps import Deps
    from triage.settings import Settings

log = logs.get(__name__)

RELAY_PAUSE_SECONDS: Final = 0.2
SWEEP_PAUSE_SECONDS: Final = 5.0
#: Steps of the timetable that need not look as often as the others, or must look more often: a ticket is seen
#: by the watch for incidents within seconds.
PAUSES: Final = {
    "callbacks": 60.0,
    "confided": 60.0,
    "incidents": 2.0,
    "matters-resting": 300.0,
    "notices-woken": 60.0,
    "open-data": 300.0,
    "places": 600.0,
    "reports": 300.0,
    "requests": 300.0,
    "rollup-months": 600.0,
    "signals": 60.0,
    "topics": 300.0,
    "units": 60.0,
    "words": 60.0,
}
#: Tickets looked at in one transaction of the reminders: short enough that the desk never waits for it.
REMIND_BATCH: Final = 200
#: After a refusal (database or queue away) the next try waits longer, up to this.
LONGEST_PAUSE_SECONDS: Final = 5.0
#: Niceness of the timetable.
_PATIENCE: Final = 5
#: What runs when we are told to stop may go on for so long; whoever told us waits longer (compose.yaml).
STOP_SECONDS: Final = 8.0
#: After a fault of our own, which the next try will likely meet again.
FAULT_PAUSE_SECONDS: Final = 60.0


async def _stopping() -> asyncio.Event:
    """An event set by SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def repeat(
    name: str, step: Callable[[], Awaitable[bool]], *, pause: float, stop: asyncio.Event | None = None
) -> None:
    """Run `step` until stopped; at once again while it says there is more, slower when the world is away.

    Several that run side by side share one `stop`. A fault of ours is recorded by its place and the step is
    tried again later: one that cannot be done must not take the clocks and the alerts down with it.
    """
    stop = stop or await _stopping()
    wait = pause
    while not stop.is_set():
        try:
            with metrics.timed(metrics.STEPS, name):
                more = await step()
            wait = 0.0 if more else pause
        except Exception as error:  # noqa: BLE001  (recorded, and tried again)
            if isinstance(error, QueueDown) or away(error):
                wait = min(max(wait, pause) * 2, LONGEST_PAUSE_SECONDS)
                log.warning("step_refused", process=name, error=type(error).__name__, next_try_seconds=wait)
            else:
                wait = max(pause, FAULT_PAUSE_SECONDS)
                # The frames as well: of what a database refused the place is one of its driver's.
                log.error(  # noqa: TRY400  (no message: it may quote a row)
                    "step_failed",
                    process=name,
                    reason=place_of(error),
                    trace=trace_of(error),
                    next_try_seconds=wait,
                )
        if wait:
            try:
                await asyncio.wait_for(stop.wait(), wait)
            except TimeoutError:
                continue


def relay(settings: Settings) -> None:
    """Hand the outbox to the queue until stopped."""

    async def main() -> None:
        tracing.set_up(settings, "relay")
        deps = build(settings)
        queue = RqQueue(connect(settings.redis), job_timeout=settings.job_timeout)
        metrics.watch_pool("relay", partial(port.pool_samples, deps.db))
        opened = port.open_port(settings)

        async def step() -> bool:
            async with deps.db.writes.begin() as session:
                sent = await relaying.relay(
                    session,
                    queue,
                    now=deps.clock.now(),
                    batch=settings.batch_size,
                    depth=settings.queue_depth,
                )
            async with deps.db.writes.begin() as session:
                await lead_reading.hand_out(
                    session,
                    queue,
                    now=deps.clock.now(),
                    batch=settings.batch_size,
                    again=timedelta(seconds=settings.resend_seconds),
                )
                resend = timedelta(seconds=settings.resend_seconds)
                await bulk_running.hand_out(session, queue, now=deps.clock.now(), resend=resend)
            return sent >= settings.batch_size

        await repeat("relay", step, pause=RELAY_PAUSE_SECONDS)
        await deps.close()
        if opened is not None:
            opened.close()
        tracing.shut_down()

    asyncio.run(main())


def timetable(settings: Settings) -> None:
    """Run what is due by the clock: stuck work, the clocks, outgoing notices, once a day the drift.

    Beside it the sources (来源) run, each by itself: none of them delays the sweep.
    """
    # Where it shares a machine with web and workers, people come first; it catches up when they rest.
    os.nice(_PATIENCE)

    async def main() -> None:
        tracing.set_up(settings, "timetable")
        deps = build(settings)

        async def step() -> bool:
            more = await _sweep(deps)
            await drift.poke(deps)
            return more

        stop = await _stopping()
        metrics.watch_pool("timetable", partial(port.pool_samples, deps.db))
        opened = port.open_port(settings)
        messengers = open_messengers(settings, deps.clock)
        steps: dict[str, Callable[[], Awaitable[bool]]] = {
            "timetable": step,
            "units": partial(reference.Completer().poke, deps),
            "matters": looking.Finder(deps).catch_up,
            "matters-resting": resting.Rester(deps).keep,
            "incidents": partial(watching.watch, deps),
            "ledger": Keeper(deps).keep,
            "erasures": Eraser(deps).keep,
            "erased-photos": Photos(deps, open_files(settings)).keep,
            "callbacks": CallsKeeper(deps).keep,
            "shift-notes": shift_keeping.Keeper(deps).keep,
            "requests": partial(requests.forget, deps),
            "move-keys": move_keys.Forgetter(deps).keep,
            "rollups": partial(refreshing.catch_up, deps),
            "rollup-months": partial(partitions.poke, deps),
            "signals": partial(noticing.poke, deps),
            "claimants": forgetting.Forgetter(deps).keep,
            "rewards": reward_clock.Ticker(deps).tick,
            "words": partial(words.poke, deps),
            "places": partial(correcting.heal, deps),
            "parties": gathering.Gatherer(deps).catch_up,
            "topics": finding.DailyFinder(deps).poke,
            "reports": drafting.Drafter(deps).poke,
            "watch": partial(snapshot.poke, deps),
            "confided": partial(confiding.leave_sums, deps),
            "open-data": publishing.Publisher(deps).poke,
            **notice_steps(deps, messengers),
            **answer_steps(deps, messengers),
        }
        # Each by itself: a gateway that hangs delays neither the sweep nor the sources nor the other media.
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(Runner(deps).run(stop))]
            for name, one in steps.items():
                pause = PAUSES.get(name, SWEEP_PAUSE_SECONDS)
                running.append(tasks.create_task(repeat(name, one, pause=pause, stop=stop)))
            tasks.create_task(hurry(stop, running))
        for messenger in messengers.values():
            await messenger.close()
        await deps.close()
        if opened is not None:
            opened.close()
        tracing.shut_down()

    asyncio.run(main())


async def hurry(stop: asyncio.Event, running: Sequence[asyncio.Task[None]]) -> None:
    """Once told to stop, let every step end in order for a while, then break off what still goes on.

    A step broken off is one that was killed: its transaction is not written, and it is taken up again.
    """
    await stop.wait()
    _, late = await asyncio.wait(running, timeout=STOP_SECONDS)
    for task in late:
        task.cancel()
    if late:
        log.warning("steps_broken_off", count=len(late))


def notice_steps(
    deps: Deps, messengers: Mapping[Medium, Messenger]
) -> dict[str, Callable[[], Awaitable[bool]]]:
    """外发通知: the grouping, and the sender of each medium."""
    steps: dict[str, Callable[[], Awaitable[bool]]] = {
        "notices": partial(sending.gather, deps, tuple(messengers)),
        "notices-woken": partial(waking.wake, deps, tuple(messengers)),
    }
    for medium, messenger in messengers.items():
        steps[f"notices-{medium.value}"] = partial(sending.send, deps, medium, messenger, tuple(messengers))
    return steps


def answer_steps(
    deps: Deps, messengers: Mapping[Medium, Messenger]
) -> dict[str, Callable[[], Awaitable[bool]]]:
    """短信 to reporters whose case has an answer; none without a gateway, or where it is switched off."""
    sms = messengers.get(Medium.SMS)
    if sms is None or not deps.settings.reward_sms:
        return {}
    return {"answers": partial(telling.send, deps, sms)}


async def _sweep(deps: Deps) -> bool:
    async with deps.db.writes.begin() as session:
        count = await relaying.sweep(
            session, now=deps.clock.now(), resend=timedelta(seconds=deps.settings.resend_seconds)
        )
    if count:
        log.warning("work_resent", count=count)
    async with deps.db.writes.begin() as session:
        looked, sent = await supervising.sweep(session, deps.tables, now=deps.clock.now(), batch=REMIND_BATCH)
    if sent:
        log.info("reminders_written", looked=looked, sent=sent)
    return looked >= REMIND_BATCH


def work(settings: Settings, *, burst: bool = False) -> None:
    """Load the models, then run jobs until stopped (or until the queue is empty, with `burst`)."""
    tracing.set_up(settings, "worker")
    runtime = jobs.start(settings)
    metrics.MODEL_DEGRADED.set(int(runtime.reader.degraded is not None))
    metrics.watch_pool("worker", lambda: port.pool_samples(runtime.deps.db))
    opened = port.open_port(settings, degraded=lambda: ["model"] if runtime.reader.degraded else [])
    memory.settle()
    log.info("worker_ready")
    serve_queue(settings.redis, burst=burst)
    if opened is not None:
        opened.close()
    jobs.stop()
    tracing.shut_down()


class Overtime(BaseException):
    """A job took longer than it may.

    No Exception: who lets one bad text pass, so that it holds up no other, must not let this pass. The job
    would go on without a limit, and its appeals be read by another worker as well.
    """


class Penalty(UnixSignalDeathPenalty):
    """RQ's alarm, which nobody takes for an error of the text at hand."""

    def handle_death_penalty(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002  (RQ's)
        """End the job. Raises Overtime."""
        raise Overtime


class StoppableWorker(rq.SimpleWorker):
    """RQ's worker, which also tells that it was asked to stop: RQ forgets it when Redis is away."""

    death_penalty_class = Penalty
    asked_to_stop = False

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Remember the request, then do as RQ does. Raises StopRequested while no job runs."""
        self.asked_to_stop = True
        try:
            super().request_stop(signum, frame)  # type: ignore[no-untyped-call]
        except redis.RedisError as error:
            # RQ notes the request in Redis before anything else; the job at hand still ends in order.
            log.warning("queue_away", error=type(error).__name__)


def serve_queue(address: str, *, burst: bool) -> None:
    """Take jobs until SIGTERM or SIGINT, however often Redis goes away meanwhile."""
    stop = threading.Event()

    def take_signals() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())

    # RQ takes the signals while a worker of its runs; before the first and between two they are ours.
    take_signals()
    while not stop.is_set():
        # A fresh connection and worker each round: RQ gives up for good when Redis stays away, we do not.
        client = connect(address)
        worker = None
        try:
            worker = StoppableWorker(
                [rq.Queue(QUEUE_NAME, connection=client, serializer=JSONSerializer)],
                connection=client,
                serializer=JSONSerializer,
                maintenance_interval=30,
            )
            worker.work(burst=burst, logging_level="WARNING")
            if burst:
                return
        except StopRequested:
            return  # the signal came while RQ was cleaning up
        except redis.RedisError as error:
            log.warning("queue_away", error=type(error).__name__)
        finally:
            client.close()
        if worker is not None and worker.asked_to_stop:
            return
        take_signals()
        stop.wait(1)
