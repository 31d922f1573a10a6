from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fakes.hub import FakeHub
from ossifrage.agent.cli import main
from ossifrage.agent.engines.weights import KNOWN, find, local, pull
from ossifrage.agent.errors import DownloadError, UsageError

GPT_OSS = KNOWN["gpt-oss-20b"]


@pytest.fixture
async def hub() -> AsyncIterator[FakeHub]:
    fake = FakeHub()
    async with fake:
        yield fake


async def fetch(hub: FakeHub, home: Path, seen: list[tuple[int, int]] | None = None) -> Path:
    def progress(done: int, total: int) -> None:
        if seen is not None:
            seen.append((done, total))

    return await asyncio.to_thread(pull, GPT_OSS, home, hub=hub.url, progress=progress)


@pytest.mark.parametrize("headers", [True, False])
async def test_pull(hub: FakeHub, tmp_path: Path, headers: bool) -> None:
    hub.headers = headers
    seen: list[tuple[int, int]] = []
    path = await fetch(hub, tmp_path, seen)
    assert path == tmp_path / "models" / "gpt-oss-20b-mxfp4.gguf"
    assert path.read_bytes() == hub.content
    assert seen[-1] == (len(hub.content), len(hub.content))
    assert seen == sorted(seen)
    assert local(tmp_path) == [path]
    assert await fetch(hub, tmp_path) == path
    assert hub.asked == ["all"]  # once


async def test_a_download_that_breaks_off_goes_on(hub: FakeHub, tmp_path: Path) -> None:
    hub.breaks = [100_000, 50_000]
    path = await fetch(hub, tmp_path)
    assert path.read_bytes() == hub.content
    assert hub.asked[0] == "all"
    starts = [int(asked.removeprefix("bytes=").removesuffix("-")) for asked in hub.asked[1:]]
    assert 0 < starts[0] <= 100_000
    assert starts[0] < starts[1] <= 150_000


async def test_a_later_run_goes_on(hub: FakeHub, tmp_path: Path) -> None:
    part = tmp_path / "models" / "gpt-oss-20b-mxfp4.gguf.part"
    part.parent.mkdir()
    part.write_bytes(hub.content[:1000])
    assert (await fetch(hub, tmp_path)).read_bytes() == hub.content
    assert hub.asked == ["bytes=1000-"]
    assert not part.exists()


async def test_a_server_without_ranges(hub: FakeHub, tmp_path: Path) -> None:
    hub.ranges, hub.breaks = False, [100_000]
    assert (await fetch(hub, tmp_path)).read_bytes() == hub.content


async def test_a_part_of_another_file(hub: FakeHub, tmp_path: Path) -> None:
    part = tmp_path / "models" / "gpt-oss-20b-mxfp4.gguf.part"
    part.parent.mkdir()
    part.write_bytes(b"x" * (len(hub.content) + 1))
    assert (await fetch(hub, tmp_path)).read_bytes() == hub.content


async def test_a_damaged_file_does_not_count(hub: FakeHub, tmp_path: Path) -> None:
    hub.sha256 = hashlib.sha256(b"another").hexdigest()
    with pytest.raises(DownloadError, match="arrived damaged and was deleted: pull it again"):
        await fetch(hub, tmp_path)
    assert list((tmp_path / "models").iterdir()) == []


async def test_a_server_that_never_gives_it_all(hub: FakeHub, tmp_path: Path) -> None:
    hub.breaks = [100_000] + [0] * 20
    with pytest.raises(DownloadError, match=r"broke off at .* pull again to go on"):
        await fetch(hub, tmp_path)
    assert len(hub.asked) == 6
    hub.breaks = []
    assert (await fetch(hub, tmp_path)).read_bytes() == hub.content


async def test_no_network(tmp_path: Path) -> None:
    async with FakeHub() as gone:
        pass
    with pytest.raises(
        DownloadError, match=r"cannot be reached: check the network, or put gpt-oss-20b-mxfp4"
    ):
        await fetch(gone, tmp_path)


async def test_a_disk_that_is_full(hub: FakeHub, tmp_path: Path) -> None:
    hub.size = 10**18
    with pytest.raises(DownloadError, match="more than is free"):
        await fetch(hub, tmp_path)
    assert hub.asked == []


def test_find(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"0 GGUF files are in .* `ossifrage model pull gpt-oss-20b`"):
        find(None, tmp_path)
    with pytest.raises(UsageError, match="`ossifrage model pull gpt-oss-20b` fetches it"):
        find("gpt-oss-20b", tmp_path)
    models = tmp_path / "models"
    models.mkdir()
    (known := models / GPT_OSS.file).touch()
    assert find(None, tmp_path) == find("gpt-oss-20b", tmp_path) == known
    (other := models / "mine.gguf").touch()
    assert find("mine", tmp_path) == find("mine.gguf", tmp_path) == find(str(other), tmp_path) == other
    with pytest.raises(UsageError, match=r"2 GGUF files are in .*: name one with --model"):
        find(None, tmp_path)
    with pytest.raises(UsageError, match="pass the path of a GGUF file"):
        find("theirs", tmp_path)


def run(home: Path, *arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["--home", str(home), "model", *arguments])
    return int(ended.value.code or 0)


def test_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "list") == 0
    assert "gpt-oss-20b" in (shown := capsys.readouterr().out)
    assert "not here" in shown
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.gguf").write_bytes(b"GGUF")
    assert run(tmp_path, "list", "--json") == 0
    assert '"bytes": 4' in capsys.readouterr().out


async def test_pull_on_the_command_line(
    hub: FakeHub, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    assert await asyncio.to_thread(run, tmp_path, "pull", "gpt-oss-20b") == 0
    shown = capsys.readouterr()
    assert shown.out.strip() == str(tmp_path / "models" / GPT_OSS.file)
    assert "262.1" in shown.err  # kB
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    (tmp_path / "models" / GPT_OSS.file).unlink()
    assert await asyncio.to_thread(run, tmp_path, "pull", "gpt-oss-20b") == 1
    assert "Error: http://127.0.0.1:9 cannot be reached" in capsys.readouterr().err
    assert run(tmp_path, "pull", "llama-3") == 2
