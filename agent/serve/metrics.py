"""What the server measures, for Prometheus.

Names and units of the first two are OpenTelemetry's GenAI conventions, written as Prometheus writes them.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576)
# The buckets that the conventions give for these two histograms.


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

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)
