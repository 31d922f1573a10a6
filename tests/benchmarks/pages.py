"""How large an exported file is, and how fast Chromium opens and searches 2,000 steps of it.

PYTHONPATH=tests .venv/bin/python tests/benchmarks/pages.py [--steps 2000]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from fakes.browser import Browser, Page, chromium
from ossifrage.agent.cli import main as command
from ossifrage.agent.traces import (
    Event,
    ModelCalled,
    RunStarted,
    ToolCalled,
    ToolReturned,
    TraceStore,
)

WORDS = ("segment", "column", "field", "index", "vector", "recall", "passage", "harmony", "token", "engine")


def a_run(steps: int) -> list[Event]:
    """A run whose every step finds a page of 20 lines, no two alike."""
    events: list[Event] = []
    for step in range(1, steps + 1):
        lines = "\n".join(
            f"L{line}: {' '.join(WORDS[(step * line * 7 + n * (step + line)) % 10] for n in range(12))}"
            for line in range(1, 21)
        )
        page = f"[{step}] Title {step} (docs/{step}.md)\n**viewing lines [1 - 20] of 20**\n\n{lines}\n"
        call, query = f"c{step}", json.dumps({"queries": [f"needle-{step} {WORDS[step % 10]}"]})
        events += [
            ModelCalled(
                step=step, prompt_tokens=900 + step, completion_tokens=60, seconds=1, first_token_seconds=0.2
            ),
            ToolCalled(step=step, call_id=call, tool="search", arguments=query),
            ToolReturned(
                step=step, call_id=call, tool="search", output=page, summary="1 passage", seconds=0.02
            ),
        ]
    return events


def measured(page: Page, act: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock, and CPU seconds of the page's own thread."""
    before, began = worked(page), time.monotonic()
    act()
    return time.monotonic() - began, worked(page) - before


def worked(page: Page) -> float:
    metrics = page.call("Performance.getMetrics")["metrics"]
    return next(each["value"] for each in metrics if each["name"] == "TaskDuration")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2_000)
    steps: int = parser.parse_args().steps
    program = chromium()
    with tempfile.TemporaryDirectory() as folder:
        home, file = Path(folder), Path(folder) / "run.html"
        with TraceStore(home) as store:
            started = RunStarted(
                question="A long run", engine="vllm", model="gpt-oss-20b", output_type="Answer", version="1"
            )
            trace_id = store.start(started)
            store.append_all(trace_id, [(event, ()) for event in a_run(steps)])
        began = time.process_time()
        with suppress(SystemExit):
            command(["--home", folder, "traces", "export", trace_id, "--html", str(file)])
        spent = time.process_time() - began
        text = file.read_text()
        data = text.split('id="data">')[1].split("<")[0]
        print(f"an exported file: {(len(text) - len(data)) / 1000:.0f} kB before its data")
        print(f"a run of {steps:,} steps: {len(data) / 1000:,.0f} kB of data, written in {spent:.1f} CPU s")
        if program is None:
            print("there is no Chromium here: opening it was not measured")
            return
        with Browser(program) as browser:
            page = browser.page()
            page.call("Performance.enable", timeDomain="threadTicks")  # CPU, whatever else runs

            def opened() -> None:
                page.open(file.as_uri())
                page.until("document.getElementById('app').dataset.ready")

            clock, work = measured(page, opened)
            own = page.eval("document.getElementById('app').dataset.ready")
            print(f"  opened in {clock:.2f} s, {work:.2f} CPU s; unpacked and drawn in {own} ms")

            def searched() -> None:
                page.press("/")
                page.type(f"needle-{steps - 3}")
                page.until("document.querySelector('.count').innerText.startsWith('1 of')")
                page.press("Enter")

            clock, work = measured(page, searched)
            print(f"  searched, and the step opened, in {clock:.2f} s, {work:.2f} CPU s")


if __name__ == "__main__":
    main()
