"""The server under load: many clients at once, for a minute.

Run with ``make bench-serve``. Clients in another process ask the bare model again and again; its engine has
the answer ready, so that what is measured is the server. Prints how many requests were answered, how many
not, and the memory as it goes; then what one request at a time takes, and the same answers without HTTP: the
difference is the overhead.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import httpx
from agents import ModelSettings, ModelTracing

from fakes.served import served
from ossifrage import HarmonyModel, KnowledgeBase, Settings
from ossifrage.agent.engines.engine import Chunk, Constraint, Sampling
from ossifrage.agent.harmony import load_encoding
from ossifrage.agent.serve.service import Service

COMPLETION = (
    "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>"
)
BODY = {"model": "gpt-oss", "input": "Is it?", "store": True}


class SaysYes:
    """An engine that has its answer ready."""

    name = "scripted"
    model = "scripted-gpt-oss"
    context_window = 131_072
    constraint: Constraint = "none"

    def __init__(self) -> None:
        self._tokens = load_encoding().encode(COMPLETION, allowed_special="all")

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Chunk, None]:
        """The same completion for everybody."""
        del prompt, sampling
        await asyncio.sleep(0)
        yield Chunk(tokens=self._tokens)
        yield Chunk(finish_reason="stop", cached_tokens=0)

    async def close(self) -> None:
        """Nothing to close."""


def main() -> None:
    """Run, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--url", help=argparse.SUPPRESS)  # the process that asks
    given = parser.parse_args()
    if given.url:
        asyncio.run(ask(given.url, given.clients, given.seconds))
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "kite.md").write_text("# Red kite\n\nIt nests in trees.\n")
        with KnowledgeBase(home / "knowledge", embedding="none") as knowledge:
            knowledge.add([home / "kite.md"])
            engine = SaysYes()
            service = Service(Settings(home=home), knowledge=knowledge, engine=engine)
            with served(service) as running:
                code = asyncio.run(watched(running.url, given.clients, given.seconds))
                code = asyncio.run(watched(running.url, 1, given.seconds / 6)) or code
            asyncio.run(without_http(engine))
    sys.exit(code)


async def watched(url: str, clients: int, seconds: float) -> int:
    """Let another process ask, and print this one's memory and CPU meanwhile."""
    command = [sys.executable, __file__, "--url", url]
    command += ["--clients", str(clients), "--seconds", str(seconds)]
    before = time.process_time()
    process = await asyncio.create_subprocess_exec(*command)
    began = time.monotonic()
    waiting = asyncio.create_task(process.wait())
    while not waiting.done():
        await asyncio.wait({waiting}, timeout=seconds / 6)
        print(f"{time.monotonic() - began:6.1f} s  {resident() / 2**20:7.1f} MB", flush=True)
    print(f"server: {time.process_time() - before:.1f} s of CPU")
    return waiting.result()


async def ask(url: str, clients: int, seconds: float) -> None:
    """Ask with so many clients at once; exit with 1 where one was not answered."""
    took: list[float] = []
    failed: list[str] = []
    until = time.monotonic() + seconds

    async def one(client: httpx.AsyncClient) -> None:
        while time.monotonic() < until:
            began = time.monotonic()
            try:
                answer = await client.post(f"{url}/v1/responses", json=BODY)
            except httpx.HTTPError as error:
                failed.append(type(error).__name__)
                continue
            took.append(time.monotonic() - began)
            if answer.status_code != 200 or answer.json()["output"][-1]["content"][0]["text"] != "Yes.":
                failed.append(str(answer.status_code))

    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx.AsyncClient(limits=limits, timeout=120) as client:
        await asyncio.gather(*(one(client) for _ in range(clients)))
    print(
        f"clients {clients}: {len(took)} answers in {seconds:g} s, {len(failed)} failed "
        f"{sorted(set(failed))}; {told(took)}",
        flush=True,
    )
    sys.exit(1 if failed else 0)


async def without_http(engine: SaysYes) -> None:
    """Print what an answer of the model costs by itself."""
    model = HarmonyModel(engine)
    took: list[float] = []
    before = time.process_time()
    for _ in range(1000):
        began = time.monotonic()
        given: dict[str, Any] = {"previous_response_id": None, "conversation_id": None, "prompt": None}
        await model.for_run().get_response(
            None, "Is it?", ModelSettings(), [], None, [], ModelTracing.DISABLED, **given
        )
        took.append(time.monotonic() - began)
    print(f"without HTTP: {told(took)}; {time.process_time() - before:.2f} ms of CPU an answer")


def told(took: Sequence[float]) -> str:
    """Seconds, as median and 99th percentile."""
    hundredths = statistics.quantiles(took, n=100)
    return f"median {hundredths[49] * 1000:.1f} ms, p99 {hundredths[98] * 1000:.1f} ms"


def resident() -> int:
    """Bytes of memory this process holds."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
