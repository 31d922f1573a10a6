"""``ossifrage serve`` as a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest


def test_it_says_where_it_listens_answers_and_ends_at_ctrl_c(hall: Path) -> None:
    command = [sys.executable, "-m", "ossifrage", "serve", "--port", "0", "--engine", "extractive"]
    env = {**os.environ, "OSSIFRAGE_HOME": str(hall), "OSSIFRAGE_SERVE_TOKEN": "hall-0123456789abcdef"}
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            line = process.stderr.readline()
            found = re.fullmatch(r"Listening on (http://127\.0\.0\.1:\d+) .*\n", line)
            assert found is not None, line
            headers = {"authorization": "Bearer hall-0123456789abcdef"}
            body = {"question": "How much pressure does the pump in hall 7 run at?"}
            assert httpx.post(f"{found[1]}/v1/ask", json=body, timeout=60).status_code == 401
            answer = httpx.post(f"{found[1]}/v1/ask", json=body, headers=headers, timeout=60)
            assert "40 bar" in answer.json()["text"]
            process.send_signal(signal.SIGINT)
            assert (process.wait(30), process.stderr.read()) == (0, "")
        finally:
            process.kill()


def test_an_address_that_others_reach_needs_a_token(
    command: Callable[..., Any], hall: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OSSIFRAGE_SERVE_TOKEN", raising=False)
    ran = command("--home", hall, "serve", "--host", "0.0.0.0", "--port", "0")
    assert ran.code == 2
    assert ran.err.startswith("Error: Listening on 0.0.0.0 lets others in: set a token")
    assert ran.err.count("\n") == 1


def test_a_port_that_is_taken_is_told_in_one_line(command: Callable[..., Any], hall: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = command("--home", hall, "serve", "--port", taken.getsockname()[1])
    assert ran.code == 2
    assert "--port" in ran.err
    assert ran.err.count("\n") == 1
