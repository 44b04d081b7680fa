"""Traces 链路追踪: one appeal's way from the web through the relay to a worker, as OpenTelemetry spans.

Off unless the settings name a receiver: then neither SDK nor exporter is loaded, a span is nothing and no
row or job carries anything. On, what goes on from process to process is the W3C `traceparent`: 55
characters of an outbox row and of a job's meta, never a word of a citizen. Attributes are counts, ids
and route templates; an error is told by its class, for its message may quote what somebody wrote. What
comes in from outside begins anew: a stranger's header decides nothing here.
"""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from triage import logs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Link, Span, Tracer

    from triage.settings import Settings

log = logs.get(__name__)

#: Of a batch out of many traces so many are named; what is more is counted.
LINKS: Final = 100
_SECONDS: Final = 5
_HEADER: Final = "traceparent"


class _Tracing:
    """What this process traces with; nothing while it is off."""

    tracer: Tracer | None = None
    provider: TracerProvider | None = None


def set_up(settings: Settings, process: str) -> None:
    """Trace to the receiver of the settings, if they name one."""
    if settings.traces_to is None:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  (only who traces pays for loading it)
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    told = {
        "service.name": f"jiesu-{process}",
        "service.version": version("jiesu"),
        "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
    }
    provider = TracerProvider(resource=Resource.create(told), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=settings.traces_to, timeout=_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _Tracing.provider, _Tracing.tracer = provider, provider.get_tracer("jiesu")
    log.info("tracing", process=process)


def shut_down() -> None:
    """Send what is left, and trace no more."""
    if _Tracing.provider is not None:
        _Tracing.provider.shutdown()
    _Tracing.provider = _Tracing.tracer = None


def span(
    name: str, *, parent: str | None = None, links: Sequence[str] = (), **attributes: str | int
) -> AbstractContextManager[Span | None]:
    """A step of the way: below what runs now, or `parent`; beside `links` when it has many beginnings."""
    if _Tracing.tracer is None:
        return nullcontext()
    return _span(_Tracing.tracer, name, parent, links, attributes)


def handing(
    name: str, traces: Sequence[str | None], **attributes: str | int
) -> AbstractContextManager[Span | None]:
    """A step that hands on what began before: of one trace its next, out of several one that names them."""
    known = sorted({trace for trace in traces if trace})
    one = known[0] if len(known) == 1 else None
    return span(name, parent=one, links=() if one else known, **attributes)


@contextmanager
def _span(
    tracer: Tracer, name: str, parent: str | None, links: Sequence[str], attributes: dict[str, str | int]
) -> Iterator[Span]:
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415

    with tracer.start_as_current_span(
        name,
        context=_context(parent) if parent else None,
        links=_links(links),
        attributes=dict(attributes),
        # Never its message.
        record_exception=False,
        set_status_on_exception=False,
    ) as made:
        try:
            yield made
        except BaseException as error:
            made.set_status(Status(StatusCode.ERROR))
            made.set_attribute("error.type", type(error).__name__)
            raise


def current() -> str | None:
    """The `traceparent` of what runs now, for whoever goes on with it; None while nothing is traced."""
    if _Tracing.tracer is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get(_HEADER)


def trace_id() -> str | None:
    """The number under which the receiver has what runs now: for log lines."""
    told = current()
    return told.split("-")[1] if told else None


def _context(parent: str) -> Context:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    return TraceContextTextMapPropagator().extract({_HEADER: parent})


def _links(parents: Sequence[str]) -> list[Link]:
    from opentelemetry.trace import Link, get_current_span  # noqa: PLC0415

    contexts = [get_current_span(_context(one)).get_span_context() for one in parents[:LINKS]]
    return [Link(one) for one in contexts if one.is_valid]
