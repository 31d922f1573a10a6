"""What the server measures, for Prometheus.

Names and units of the first two are OpenTelemetry's GenAI conventions, written as Prometheus writes them.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from ..answer import Citation

__all__ = ["CONTENT_TYPE", "Metrics", "Operation"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576)
# The buckets that the conventions give for these two histograms.


@dataclass
class Operation:
    """One operation while it runs: what it took, as far as that is known."""

    tokens: tuple[int, int] | None = None
    """Those read and those written."""
    repairs: list[str] = field(default_factory=list[str])
    searches: int = 0
    citations: int = 0
    unverified: int = 0

    def used(self, read: int, written: int) -> None:
        """So many tokens were read and written."""
        self.tokens = (read, written)

    def repaired(self, kinds: Iterable[str]) -> None:
        """Completions had to be mended."""
        self.repairs += kinds

    def cited(self, citations: Iterable[Citation]) -> None:
        """An answer cites."""
        for citation in citations:
            self.citations += 1
            self.unverified += not citation.verified


class Metrics:
    """Counts of one server, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.duration = Histogram(
            "gen_ai_client_operation_duration_seconds",
            "How long operations took.",
            ["gen_ai_operation_name", "gen_ai_request_model", "error_type"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.tokens = Histogram(
            "gen_ai_client_token_usage",
            "Tokens that operations took.",
            ["gen_ai_operation_name", "gen_ai_request_model", "gen_ai_token_type"],
            buckets=_TOKENS,
            registry=self._registry,
        )
        self.repairs = Counter(
            "ossifrage_repairs", "What had to be mended in completions.", ["kind"], registry=self._registry
        )
        self.unverified = Counter(
            "ossifrage_citations_unverified",
            "Citations whose quote stands in no lines that were shown.",
            registry=self._registry,
        )
        self.citations = Counter("ossifrage_citations", "Citations in answers.", registry=self._registry)
        self.searches = Histogram(
            "ossifrage_run_searches",
            "Searches that runs of the assistant made.",
            buckets=(0, 1, 2, 3, 5, 8, 13, 21),
            registry=self._registry,
        )
        self.running = Gauge("ossifrage_running", "Operations that run now.", registry=self._registry)

    @contextmanager
    def operation(self, name: str, model: str) -> Generator[Operation]:
        """Measure an operation.

        Args:
            name: ``invoke_agent`` for a run of the assistant, ``chat`` for one response of the model,
                ``retrieval`` for a search.
            model: the model, by one of the names that are served.
        """
        operation, began, error = Operation(), time.perf_counter(), ""
        self.running.inc()
        try:
            yield operation
        except BaseException as failure:
            error = type(failure).__name__
            raise
        finally:
            self.running.dec()
            self.duration.labels(name, model, error).observe(time.perf_counter() - began)
            for kind, count in zip(("input", "output"), operation.tokens or (), strict=False):
                self.tokens.labels(name, model, kind).observe(count)
            for kind in operation.repairs:
                self.repairs.labels(kind).inc()
            if name == "invoke_agent":
                self.searches.observe(operation.searches)
                self.citations.inc(operation.citations)
                self.unverified.inc(operation.unverified)

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)
