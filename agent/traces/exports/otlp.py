"""Traces to an OpenTelemetry collector, over HTTP: whole ones, and one that goes on.

Needs the extra ``otel``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ....tools.addresses import without_credentials
from ...errors import OssifrageError, UsageError
from ..events import Event, RunEnded, RunStarted
from ..trace import Trace
from .shared import SharedRun, share
from .spans import DialectName, Span, dialect, id_of, run_span, step_spans

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

__all__ = ["LiveExport", "OtlpError", "OtlpExporter"]

_logger = logging.getLogger(__name__)

_BATCH = 256
"""Spans in one request."""
_SECONDS = 10.0
"""Longest that the collector may take for one request, asking again included."""


class OtlpError(OssifrageError):
    """The collector cannot be reached, or refuses what it is sent."""


class OtlpExporter:
    """Sends runs to one collector.

    Headers it wants are taken from ``OTEL_EXPORTER_OTLP_HEADERS``.

    Args:
        url: the collector; ``/v1/traces`` is added where there is no path.
        dialect: which names the attributes have.

    Raises:
        UsageError: the extra is not installed, or ``url`` is no address.
    """

    def __init__(self, url: str, dialect: DialectName = "openinference") -> None:
        if find_spec("opentelemetry.exporter") is None or find_spec("opentelemetry.sdk") is None:
            raise UsageError("Sending traces needs an extra: pip install 'ossifrage[otel]'.")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise UsageError(f"{without_credentials(url)!r} is no address: write http://HOST:4318.")
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        self._address = without_credentials(url)
        self._dialect: DialectName = dialect
        whole = url if parts.path.strip("/") else f"{url.rstrip('/')}/v1/traces"
        # The exporter logs its failures, with what the server says; they are told as errors here.
        logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter").setLevel(logging.CRITICAL)
        self._exporter = OTLPSpanExporter(endpoint=whole, timeout=_SECONDS)

    def send(self, runs: Iterable[SharedRun]) -> int:
        """Send whole runs; returns the number of spans.

        Raises:
            OtlpError: the collector did not take them.
        """
        speaks = dialect(self._dialect)
        return sum(self._send(run, [run_span(run, speaks), *step_spans(run, speaks)]) for run in runs)

    def send_steps(self, run: SharedRun, numbers: Sequence[int], *, ended: bool) -> int:
        """Send some steps of a run, and its own span where it has ended.

        Raises:
            OtlpError: the collector did not take them.
        """
        speaks = dialect(self._dialect)
        spans = list(step_spans(run, speaks, numbers))
        return self._send(run, [*spans, run_span(run, speaks)] if ended else spans)

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        self._exporter.shutdown()

    def _send(self, run: SharedRun, spans: Sequence[Span]) -> int:
        from opentelemetry.sdk.trace.export import SpanExportResult

        readable = [_readable(run, span) for span in spans]
        for start in range(0, len(readable), _BATCH):
            if self._exporter.export(readable[start : start + _BATCH]) is not SpanExportResult.SUCCESS:
                raise OtlpError(f"{self._address} did not take the trace: is it an OTLP/HTTP collector?")
        return len(spans)


class LiveExport:
    """Sends runs while they go on: each step once the next one begins, the run's own span at its end.

    Sending happens in a thread, and never stops a run: a failure is logged once, and that run is not sent on.
    What was thought is not sent.

    Args:
        exporter: where to; closed with this.
        secrets: texts to mask.
    """

    def __init__(self, exporter: OtlpExporter, *, secrets: Iterable[str] = ()) -> None:
        self._exporter = exporter
        self._secrets = list(secrets)
        self._runs: dict[str, _Going] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ossifrage-otlp")

    def told(self, trace_id: str, event: Event) -> None:
        """The next event of a run, the first of which is its start."""
        run = self._runs.setdefault(trace_id, _Going())
        if event.step > run.sent + 1:
            # Of what came before, a step needs no more than the one that it goes on from.
            events = [each for each in run.events if each.step >= run.sent or isinstance(each, RunStarted)]
            self._send(trace_id, run, events, range(run.sent + 1, event.step), ended=False)
            run.sent = event.step - 1
        run.events.append(event)
        if isinstance(event, RunEnded):
            self._send(trace_id, run, run.events, range(run.sent + 1, event.step + 1), ended=True)
            del self._runs[trace_id]

    def close(self) -> None:
        """Wait until everything is sent, or has failed; safe to call twice."""
        self._thread.shutdown(wait=True)
        self._exporter.close()

    def _send(
        self, trace_id: str, run: _Going, events: Sequence[Event], numbers: Sequence[int], *, ended: bool
    ) -> None:
        trace = Trace(trace_id=trace_id, events=tuple(events))
        self._thread.submit(self._send_now, run, trace, numbers, ended=ended)

    def _send_now(self, run: _Going, trace: Trace, numbers: Sequence[int], *, ended: bool) -> None:
        if run.failed:
            return
        try:
            self._exporter.send_steps(share(trace, secrets=self._secrets), numbers, ended=ended)
        except Exception as error:  # nothing of it may reach the run
            run.failed = True
            reason = error if isinstance(error, OssifrageError) else type(error).__name__
            _logger.warning("trace %s is not sent: %s", trace.trace_id, reason)


@dataclass
class _Going:
    """A run that has not ended."""

    events: list[Event] = field(default_factory=list[Event])
    sent: int = 0
    """Steps that were handed on."""
    failed: bool = False


def _readable(run: SharedRun, span: Span) -> ReadableSpan:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import Event as OtelEvent
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    trace_id = run.trace.trace_id

    def context(key: str) -> SpanContext:
        return SpanContext(
            trace_id=id_of(trace_id, "trace", 16),
            span_id=id_of(trace_id, key, 8),
            is_remote=False,
            trace_flags=TraceFlags(TraceFlags.SAMPLED),
        )

    version = run.trace.started.version
    return ReadableSpan(
        name=span.name,
        context=context(span.key),
        parent=None if span.parent is None else context(span.parent),
        resource=Resource({"service.name": "ossifrage", "service.version": version}),
        attributes=span.attributes,
        events=[
            OtelEvent(event.name, dict(event.attributes), timestamp=_nanoseconds(event.at))
            for event in span.events
        ],
        kind=SpanKind.CLIENT if span.kind == "client" else SpanKind.INTERNAL,
        status=Status(StatusCode.OK) if span.error is None else Status(StatusCode.ERROR, span.error),
        start_time=_nanoseconds(span.start),
        end_time=_nanoseconds(max(span.start, span.end)),
        instrumentation_scope=InstrumentationScope("ossifrage", version),
    )


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1_000
