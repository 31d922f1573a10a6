from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fakes.gpt_oss_server import FakeGptOss
from ossifrage.agent.cli import main


@contextmanager
def serving(server: FakeGptOss) -> Generator[str]:
    """Run a server in a thread: the command line has an event loop of its own."""
    import asyncio

    ready, done = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with server:
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait()
    try:
        yield server.url
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


def run(home: Path, *arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["--home", str(home), "doctor", *arguments])
    return int(ended.value.code or 0)


def test_all_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(FakeGptOss()) as url:
        assert run(tmp_path, "--base-url", url, "--api-key", "sesame", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["passed"]
    machine, server = document["reports"]
    assert [check["outcome"] for check in machine["checks"]] == ["pass"] * 6
    assert {"group", "name", "outcome", "why", "advice"} == server["checks"][0].keys()
    assert "sesame" not in json.dumps(document)


def test_a_failure_is_an_exit_code_and_an_advice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with serving(FakeGptOss(faults={"reasoning ignored"})) as url:
        assert run(tmp_path, "--base-url", url) == 1
    shown = capsys.readouterr()
    assert "22 checks, 1 failed." in shown.out
    assert "→ serve the model with gpt-oss's own chat template" in shown.out
    assert "Traceback" not in shown.err
