"""Real Milvus servers as processes of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fakes.process import free_port

STANDALONE = """
import sys, time
from milvus import MilvusServer, MilvusServerConfig
server = MilvusServer(MilvusServerConfig(data_dir=sys.argv[1], proxy_port=int(sys.argv[2])))
server.start()
time.sleep(3600)
"""


@contextmanager
def milvus_lite_server(data: Path) -> Generator[str]:
    """Milvus Lite's own server for a data folder, which several processes can share."""
    port = free_port()
    program = Path(sys.executable).with_name("milvus-lite")
    with _serving(
        [program, "server", "--data-dir", data, "--host", "127.0.0.1", "--port", str(port)], port, data
    ):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def milvus_standalone(python: str, data: Path) -> Generator[str]:
    """The standalone server in the ``milvus`` package of another Python.

    It listens on all interfaces, so it is only started where there is none but the loopback.
    """
    if [name for _, name in socket.if_nameindex()] != ["lo"]:
        pytest.skip("starts a server for everyone: run it without a network, by `make test-milvus`")
    port = free_port()
    with _serving([python, "-c", STANDALONE, data, str(port)], port, data):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _serving(command: Sequence[str | Path], port: int, data: Path) -> Generator[None]:
    log = data.with_suffix(".log")
    with log.open("wb") as out:
        # A group of its own: the standalone server has children, which would outlive it.
        process = subprocess.Popen(command, stdout=out, stderr=out, process_group=0)
    try:
        deadline = time.monotonic() + 60
        while not _listening(port):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the server did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
