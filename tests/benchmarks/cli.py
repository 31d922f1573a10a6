"""How long people wait for the command line, as ratios to ``import agents`` in the same run.

``--help``; the prompt, from starting the program to being able to type; ``ask``, from starting it to its
first call of the model; Ctrl-C, from the key to the prompt, while an answer is being written. The aims are
0.04, 0.5, 1.3 and a tenth of a second.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from fakes.terminal import Terminal, ossifrage

ROUNDS = 5
DOCUMENT = "# Kites\n\nA kite is a bird of the genus Milvus.\n"


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def run(*command: str) -> None:
    subprocess.run(command, capture_output=True, check=True)


def first_call(home: Path, url: str, server: subprocess.Popen[str]) -> float:
    assert server.stdout is not None
    began = time.perf_counter()
    asked = subprocess.Popen(
        ossifrage(home, "ask", "--engine", "vllm", "--base-url", url, "What is a kite?"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server.stdout.readline()
    took = time.perf_counter() - began
    asked.wait()
    server.stdout.readline()  # the second call
    return took


def prompt(home: Path) -> float:
    began = time.perf_counter()
    with Terminal(ossifrage(home, "--engine", "extractive")) as terminal:
        terminal.until("❯")
        return time.perf_counter() - began


def interrupted(home: Path, url: str) -> list[float]:
    took: list[float] = []
    with Terminal(ossifrage(home, "--engine", "vllm", "--base-url", url)) as terminal:
        terminal.until("vllm")
        for number in range(ROUNDS):
            terminal.send(f"Question {number}?\r")
            terminal.until(lambda number=number: "word12" in terminal.text.split(f"Question {number}?")[-1])
            terminal.send("\x03")
            took.append(
                terminal.until(
                    lambda number=number: "is kept" in terminal.text.split(f"❯ Question {number}?")[-1]
                )
            )
            terminal.settle(0.2)
    return took


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        document = Path(folder) / "kites.md"
        document.write_text(DOCUMENT)
        run(*ossifrage(home, "kb", "add", "--embedding", "none", str(document)))
        command = [sys.executable, "-m", "fakes.talking_server", "0", "1", "5"]
        server = subprocess.Popen([*command, "tell"], stdout=subprocess.PIPE, text=True)
        slow = subprocess.Popen([*command[:3], "0.01", "0", "500"], stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            assert slow.stdout is not None
            url, slow_url = server.stdout.readline().strip(), slow.stdout.readline().strip()
            rows: dict[str, list[float]] = {"import agents": [], "--help": [], "prompt": [], "ask": []}
            for _ in range(ROUNDS):  # in turns, so that a busy moment of the machine meets all
                rows["import agents"].append(timed(lambda: run(sys.executable, "-c", "import agents")))
                rows["--help"].append(timed(lambda: run(*ossifrage(home, "--help"))))
                rows["prompt"].append(prompt(home))
                rows["ask"].append(first_call(home, url, server))
            base = statistics.median(rows["import agents"])
            for name, seconds in rows.items():
                median = statistics.median(seconds)
                print(f"{name:<16} {median:6.2f} s   {median / base:5.2f} of import agents")
            stops = interrupted(home, slow_url)
            print(
                f"{'Ctrl-C':<16} {statistics.median(stops) * 1000:6.0f} ms, at most {max(stops) * 1000:.0f}"
            )
        finally:
            server.kill()
            slow.kill()


if __name__ == "__main__":
    main()
