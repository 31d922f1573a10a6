"""Who is changing which document of a base on a server, so that any number of processes may write.

Milvus has no transactions. What it has: a query of consistency *Strong* sees every write that was
acknowledged before it. From that:

1. A writer has a name that nobody else ever has. A claim is a row whose key is made of the document and the
   writer, with the time at which it lapses; claims lie in a collection beside the passages.
2. To claim documents, a writer writes its rows, and *then* looks for rows of others. If there is one that is
   not over, it takes its own back, waits for a random time and tries again. Of two writers the one that looks
   later sees the other's rows, so never both go on. Nobody waits while holding a claim.
3. Who holds a claim may write and delete the document's passages. Before each request it sees to it that the
   claim is good for longer than the request may take, and renews it in time. A claim that has lapsed is never
   renewed: its holder stops, and leaves what it wrote to whoever comes next.
4. For others a claim is over when it lapsed by their clock and ``SKEW`` besides.

What this cannot exclude: clocks of two machines that differ by more than ``SKEW``; a request that Milvus
carries out later than its own time limit, after the claim was over; and programs that write without claims,
such as versions of this one before them. Each can at worst leave a document with passages missing or in two
versions, which the next ``add`` sees and mends.
"""

from __future__ import annotations

import hashlib
import random
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from typing import Any, TypeVar, cast

from ..errors import KnowledgeError
from .conditions import quote
from .milvus import TIMEOUT, Connection, milvus_errors
from .schema import PLACEHOLDER, create_claims

__all__ = ["LEASE", "SKEW", "Claims", "Clock", "claims_of"]

T = TypeVar("T")

LEASE = 180.0
"""Seconds after which a claim lapses that is not renewed."""
SKEW = 60.0
"""Seconds by which the clocks of the machines that write may differ."""
_REQUEST = TIMEOUT
"""Seconds that a request under a claim may take."""
_BATCH = 500
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0


class Clock:
    """The times of this machine, and waiting."""

    def now(self) -> float:
        """Seconds since the epoch: the clock that other machines have, too."""
        return time.time()

    def steady(self) -> float:
        """Seconds of a clock that nobody sets back, and that goes on while the machine sleeps."""
        boot = getattr(time, "CLOCK_BOOTTIME", None)
        return time.monotonic() if boot is None else time.clock_gettime(boot)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def claims_of(name: str) -> str:
    """What the collection is called that has the claims on the documents of ``name``."""
    return f"{name}__claims"


class Claims:
    """The claims of one writer, for one thread at a time.

    Args:
        connection: to the server.
        uri: its address, for errors.
        name: the collection with the passages.
        clock: tells the time.
    """

    def __init__(self, connection: Connection, *, uri: str, name: str, clock: Clock | None = None) -> None:
        self._client = connection.client
        self._uri = uri
        self._name = claims_of(name)
        self._clock = clock or Clock()
        self._writer = uuid.uuid4().hex
        self._held: set[str] = set()
        self._until = 0.0
        """When what is held lapses, by the steady clock."""
        self._ready = False

    @property
    def held(self) -> Collection[str]:
        """The documents that this writer may change, if :meth:`check` says so."""
        return self._held

    def take(self, documents: Iterable[str]) -> None:
        """Claim documents, when nothing is held; waits until nobody else has a claim on any of them."""
        wanted = set(documents)
        pause = _SHORTEST_PAUSE
        while wanted and self._try(wanted):
            self.release(wanted)
            self._clock.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def take_free(self, documents: Iterable[str]) -> set[str]:
        """Claim those of the documents that nobody else has a claim on, when nothing is held."""
        wanted = set(documents)
        if wanted:
            self.release(self._try(wanted))
        return wanted & self._held

    def check(self) -> None:
        """See to it that what is held is good for one more request, and renew it where need be.

        Raises:
            KnowledgeError: it is not: another may be changing these documents.
        """
        if self._until - self._clock.steady() < LEASE / 2:
            self._renew()
        if self._until - self._clock.steady() < _REQUEST:
            raise KnowledgeError(
                "this process stood still for so long that another may have taken over its documents; "
                "what it had finished is complete: do it again for the rest"
            )

    def release(self, documents: Iterable[str]) -> None:
        """Let go of documents."""
        gone = set(documents)
        self._delete([self._row_key(each) for each in gone])
        self._held -= gone

    def _try(self, wanted: Set[str]) -> set[str]:
        """Write claims, then look; returns the documents that others have a claim on."""
        if not self._ready:
            with milvus_errors(self._uri):
                create_claims(self._client, self._name)
            # What killed writers had claimed and nobody asks for any more.
            over = self._clock.now() - SKEW
            self._delete([row["claim"] for row in self._rows(f"lapses < {over}")])
            self._ready = True
        began = self._clock.steady()
        self._write(wanted)
        self._held |= wanted
        self._until = began + LEASE
        by_key = {_key(each): each for each in wanted}
        others = [row for row in self._claimed(list(by_key)) if row["writer"] != self._writer]
        over = self._clock.now() - SKEW
        self._delete([row["claim"] for row in others if row["lapses"] < over])
        return {by_key[row["document"]] for row in others if row["lapses"] >= over}

    def _renew(self) -> None:
        began = self._clock.steady()
        if self._until - began < _REQUEST:
            return
        self._write(self._held)
        if self._clock.steady() < self._until:  # else others may have found it over before it was renewed
            self._until = began + LEASE

    def _write(self, documents: Iterable[str]) -> None:
        lapses = self._clock.now() + LEASE
        rows = [
            {
                "claim": self._row_key(each),
                "document": _key(each),
                "writer": self._writer,
                "lapses": lapses,
                PLACEHOLDER: [0.0, 0.0],
            }
            for each in documents
        ]
        for part in _parts(rows):
            with milvus_errors(self._uri):
                self._client.upsert(self._name, part, timeout=_REQUEST)

    def _claimed(self, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
        for part in _parts(keys):
            yield from self._rows(f"document in [{', '.join(map(quote, part))}]")

    def _rows(self, condition: str) -> list[dict[str, Any]]:
        with milvus_errors(self._uri):
            rows = self._client.query(
                self._name,
                filter=condition,
                output_fields=["claim", "document", "writer", "lapses"],
                consistency_level="Strong",
                timeout=_REQUEST,
            )
        return cast("list[dict[str, Any]]", rows)

    def _delete(self, claims: Sequence[str]) -> None:
        for part in _parts(claims):
            with milvus_errors(self._uri):
                self._client.delete(self._name, ids=list(part), timeout=_REQUEST)

    def _row_key(self, document: str) -> str:
        return f"{_key(document)}:{self._writer}"


def _key(document: str) -> str:
    return hashlib.sha256(document.encode(errors="surrogatepass")).hexdigest()[:32]


def _parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (values[start : start + _BATCH] for start in range(0, len(values), _BATCH))
