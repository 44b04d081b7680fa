"""Metrics 指标: every series there is, named here and nowhere else, and what a process counts.

Two sorts. What a process sees itself (requests, jobs, readings) is counted in memory and answered by that
process. What stands in the database (queues, clocks, dead letters) is asked by one process, the timetable,
and kept in one row (`services.watch.snapshot`); every web process answers from that row. Labels are ids,
codes and route templates of our own vocabulary: never an address, a name or a word of a citizen.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from prometheus_client.metrics_core import Metric

#: What this process counts. Not the library's own registry: that one brings series nobody asked for.
REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

_QUICK: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LONG: Final = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
#: From seconds to the days that a clerk may take.
_DELAYS: Final = (1, 5, 15, 30, 60, 120, 300, 900, 3600, 7200, 86_400, 604_800)
_SHARES: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

REQUESTS: Final = Histogram(
    "jiesu_request_seconds",
    "Time to answer a request, by route template",
    ("method", "route", "status"),
    buckets=_QUICK,
    registry=REGISTRY,
)
JOBS: Final = Histogram(
    "jiesu_job_seconds",
    "Time of a queue job in a worker",
    # Not `job`: Prometheus writes its own over it.
    ("task", "outcome"),
    buckets=_LONG,
    registry=REGISTRY,
)
STEPS: Final = Histogram(
    "jiesu_step_seconds",
    "Time of a step of the relay or the timetable",
    ("step", "outcome"),
    buckets=_LONG,
    registry=REGISTRY,
)
DISPATCH_DELAY: Final = Histogram(
    "jiesu_dispatch_delay_seconds",
    "From the moment the appeal was stored here to its ticket, by what became of it",
    ("state",),
    buckets=_DELAYS,
    registry=REGISTRY,
)
CLERK_DISPATCH: Final = Histogram(
    "jiesu_clerk_dispatch_seconds",
    "From the moment a ticket was opened to its dispatch by a person",
    buckets=_DELAYS,
    registry=REGISTRY,
)
APPEALS: Final = Counter(
    "jiesu_appeals", "Appeals a worker is through with, by outcome", ("outcome",), registry=REGISTRY
)
CONFIDENCE: Final = Histogram(
    "jiesu_reading_confidence",
    "How sure readings are, 0 to 1",
    ("head",),
    buckets=_SHARES,
    registry=REGISTRY,
)
REMINDERS: Final = Counter(
    "jiesu_reminders", "Reminders written; `over`: at or past the limit", ("clock", "over"), registry=REGISTRY
)
MODEL_DEGRADED: Final = Gauge(
    "jiesu_model_degraded",
    "1 when the weights could not be used and the lexicon reads alone",
    registry=REGISTRY,
)

#: What the timetable asks of the database, with the labels of each.
SNAPSHOT: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "jiesu_outbox_rows": ("Outbox rows, counted up to the bound", ("state",)),
    "jiesu_outbox_oldest_seconds": ("Age of the oldest outbox row", ()),
    "jiesu_appeal_oldest_waiting_seconds": ("Since when the oldest appeal without a ticket is stored", ()),
    "jiesu_dead_letters": ("Appeals given up", ()),
    "jiesu_review_tickets": ("Tickets that wait for a person, counted up to the bound", ()),
    "jiesu_review_oldest_seconds": ("Age of the oldest ticket that waits for a person", ()),
    "jiesu_tickets_overdue": ("Open tickets past the limit of their clock, up to the bound", ("clock",)),
    "jiesu_clock_lag_seconds": ("How late the sweep of reminders is behind the oldest due moment", ()),
    "jiesu_notices_waiting_seconds": ("How late the oldest notice is behind its moment", ()),
    "jiesu_notices_unsent_seconds": ("How late the oldest message is behind its next try", ()),
    "jiesu_notices_failing": ("Messages that were tried three times or more and not taken", ("medium",)),
    "jiesu_notices_ended": (
        "Notices given up or refused; of a day, urgent ones without an address",
        ("state",),
    ),
    "jiesu_source_failures": ("Failures of a source's task since its last success", ("source", "task")),
    "jiesu_source_lag_seconds": ("Age of what a source's task has still to do", ("source", "task")),
    "jiesu_source_paused": ("1 while the breaker of a source's task is open", ("source", "task")),
    "jiesu_hotline_refused": ("Orders of the last seven days that could not be taken in", ("source",)),
    "jiesu_hotline_unmatched": ("What the newest account of a whole day left unmatched", ("source",)),
    "jiesu_drift_psi": ("Population stability index of the last measured day", ("figure",)),
    "jiesu_drift_level": ("0 steady, 1 watch, 2 act, of the last measured day", ("figure",)),
    "jiesu_backup_age_seconds": ("Since the last `jiesu backup`; none while there was never one", ()),
    "jiesu_backup_verified_age_seconds": ("Since the last one that was proved by restoring it", ()),
    "jiesu_bulk_jobs": ("Bulk jobs that are not through", ()),
}
#: What every web process adds by itself.
OWN: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "jiesu_database_up": ("1 when the database answered this scrape", ()),
    "jiesu_snapshot_age_seconds": ("Since when the timetable's figures are known", ()),
    "jiesu_snapshot_cost_seconds": ("How long the timetable asked for them", ()),
    "jiesu_calendar_days_left": ("Days after today that its table of holidays knows", ()),
    "jiesu_pool_connections": ("Connections of this process's pool", ("state",)),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure: its name, the values of its labels in order, and the value."""

    name: str
    labels: tuple[str, ...]
    value: float


class Samples:
    """Figures as a collector: those of one answer."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = tuple(samples)

    def collect(self) -> Iterator[Metric]:
        """Give the families, each with its samples. A name that nobody declared raises KeyError."""
        families: dict[str, GaugeMetricFamily] = {}
        for sample in self._samples:
            if sample.name not in families:
                words, labels = (SNAPSHOT | OWN)[sample.name]  # type: ignore[operator]
                families[sample.name] = GaugeMetricFamily(sample.name, words, labels=labels)
            families[sample.name].add_metric(sample.labels, sample.value)
        yield from families.values()


@contextmanager
def timed(histogram: Histogram, name: str) -> Iterator[None]:
    """Observe how long something took and whether it failed; `histogram` has the labels name and outcome."""
    started = time.perf_counter()
    outcome = "failed"
    try:
        yield
        outcome = "done"
    finally:
        histogram.labels(name, outcome).observe(time.perf_counter() - started)


def names() -> frozenset[str]:
    """Every series a board or an alert may name."""
    found = {sample.name for family in REGISTRY.collect() for sample in family.samples}
    # A family with labels has no samples before its first.
    for family in REGISTRY.collect():
        found |= {f"{family.name}{end}" for end in _ENDINGS.get(family.type, ("",))}
    return frozenset(found | set(SNAPSHOT) | set(OWN))


_ENDINGS: Final[Mapping[str, Sequence[str]]] = {
    "histogram": ("_bucket", "_sum", "_count"),
    "counter": ("_total",),
}

#: Serialises what the threads of the port and of the process change together.
_LOCK: Final = threading.Lock()
_POOLS: Final[dict[str, Callable[[], Sequence[Sample]]]] = {}


def watch_pool(name: str, ask: Callable[[], Sequence[Sample]]) -> None:
    """Let the port of this process tell of its pool as well."""
    with _LOCK:
        _POOLS[name] = ask


def pools() -> Samples:
    """The pools of this process, as they are now."""
    with _LOCK:
        asked = list(_POOLS.values())
    return Samples(sample for ask in asked for sample in ask())
