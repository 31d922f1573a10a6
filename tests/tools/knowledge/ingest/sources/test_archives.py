from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ossifrage.tools.knowledge import KnowledgeBase, KnowledgeError, NoTextError, UnreadableError
from ossifrage.tools.knowledge.ingest.sources import archives
from ossifrage.tools.knowledge.ingest.sources.item import MAX_BYTES
from ossifrage.tools.knowledge.ingest.sources.planning import plan

TEXTS = {"en/a.md": "# A\n\nAlpha.\n", "en/b.md": "# B\n\nBeta.\n"}


def make_zip(path: Path, members: Mapping[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def make_tar(path: Path, members: Mapping[str, str]) -> Path:
    pack = {".gz": gzip.compress, ".tgz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}.get(
        path.suffix, bytes
    )
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, text in members.items():
            add(archive, name, text.encode())
    path.write_bytes(pack(data.getvalue()))
    return path


def add(archive: tarfile.TarFile, name: str, data: bytes = b"", **about: object) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(data), 1_600_000_000
    for key, value in about.items():
        setattr(info, key, value)
    archive.addfile(info, io.BytesIO(data))


def look(path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What is read from an archive, and what is not and why."""
    texts: dict[str, str] = {}
    with plan([path], {}) as work:
        reasons = {each.source: each.reason for each in work.skipped}
        for item in work.found:
            try:
                texts[item.source] = item.read().data.decode()
            except KnowledgeError as error:
                reasons[item.source] = str(error)
    return texts, reasons


@pytest.mark.parametrize("name", ["d.zip", "d.tar", "d.tar.gz", "d.tgz", "d.tar.bz2", "d.tar.xz"])
def test_members_are_documents(base: KnowledgeBase, tmp_path: Path, name: str) -> None:
    make: Callable[[Path, Mapping[str, str]], Path] = make_zip if name.endswith("zip") else make_tar
    path = make(
        tmp_path / name, {**TEXTS, ".git/x.md": "no", "__MACOSX/y.md": "no", "node_modules/z.md": "no"}
    )
    assert base.add([path]).added == ("d/en/a.md", "d/en/b.md")
    (alpha,) = base.search("Alpha")
    assert (alpha.source, alpha.path) == ("d/en/a.md", f"{path}!/en/a.md")
    assert base.documents()[0].root == str(path)
    make(path, {"en/a.md": "# A\n\nAlphabet.\n", "c.md": "new"})
    report = base.add([path])
    assert (report.added, report.changed, report.removed) == (("d/c.md",), ("d/en/a.md",), ("d/en/b.md",))
    path.write_bytes(b"broken")
    report = base.add([path])
    assert (report.removed, report.skipped[0].source) == ((), str(path))
    assert "broken" in report.skipped[0].reason


def test_an_archive_beside_its_folder(base: KnowledgeBase, tmp_path: Path) -> None:
    folder = tmp_path / "docs" / "pack"
    (folder / "en").mkdir(parents=True)
    (folder / "en" / "a.md").write_text("other")
    path = make_zip(tmp_path / "docs" / "pack.zip", TEXTS)
    base.add([tmp_path / "docs"])
    assert base.add([path], include=["a.md"]).added == ("pack/en/a.md",)
    assert base.add([tmp_path / "docs", path]).added == ("pack/en/b.md",)
    assert base.add([path], exclude=["b.md"]).removed == ("pack/en/b.md",)
    path.unlink()
    assert base.add([tmp_path / "docs"]).removed == ("pack/en/a.md",)


def test_two_archives_of_one_name(base: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    one, other = make_zip(tmp_path / "d.zip", TEXTS), make_zip(tmp_path / "x" / "d.zip", TEXTS)
    assert set(base.add([one, other]).added) == {"d/en/a.md", "d/en/b.md", "x/d/en/a.md", "x/d/en/b.md"}


def test_hostile_names_in_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "d.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in [
            "../up.md",
            "a/../../up2.md",
            "/etc/x.md",
            "C:\\x.md",
            "a\\..\\..\\x.md",
            "inner.zip",
            "p.png",
        ]:
            archive.writestr(name, "no")
        link = zipfile.ZipInfo("link.md")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("twice.md", "first")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("twice.md", "second")
        archive.writestr("./a//b.md", "clean")
        archive.writestr("long/" + "x/" * 3000 + "a.md", "no")
        archive.writestr("e\u0301\u4e2d.md", "unicode")
        archive.writestr("bz2.md", "no", zipfile.ZIP_BZIP2)
    texts, reasons = look(path)
    assert texts == {"d/twice.md": "second", "d/a/b.md": "clean", "d/e\u0301\u4e2d.md": "unicode"}
    shown = {source.removeprefix("d/")[:30]: reason for source, reason in reasons.items()}
    assert shown == {
        "../up.md": "a path that leads out of the archive",
        "a/../../up2.md": "a path that leads out of the archive",
        "etc/x.md": "an absolute path",
        "C:\\x.md": "an absolute path",
        "a\\..\\..\\x.md": "a path that leads out of the archive",
        "inner.zip": "an archive in an archive (unpack it)",
        "p.png": "not a kind that is read (.png)",
        "link.md": "a link or a device",
        "bz2.md": "compressed by another method than deflate",
        "long/x/x/x/x/x/x/x/x/x/x/x/x/x": "its name is longer than 4096 bytes",
    }


def test_hostile_members_of_a_tar(tmp_path: Path) -> None:
    path = tmp_path / "d.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        add(archive, "../up.md", b"no")
        add(archive, "/etc/x.md", b"no")
        add(archive, "link.md", type=tarfile.SYMTYPE, linkname="/etc/passwd")
        add(archive, "hard.md", type=tarfile.LNKTYPE, linkname="/etc/passwd")
        add(archive, "device.md", type=tarfile.BLKTYPE)
        add(archive, os.fsdecode(b"latin-\xe9.md"), b"no")
        add(archive, "good.md", b"good", mtime=1_600_000_000)
        add(archive, "ancient.md", b"ancient", mtime=8**11 - 1)
    texts, reasons = look(path)
    assert texts == {"d/good.md": "good", "d/ancient.md": "ancient"}
    assert reasons == {
        "d/../up.md": "a path that leads out of the archive",
        "d/etc/x.md": "an absolute path",
        "d/link.md": "a link or a device",
        "d/hard.md": "a link or a device",
        "d/device.md": "a link or a device",
        "d/latin-?.md": "its name is not UTF-8",
    }
    with plan([path], {}) as work:
        assert work.found[0].read().modified == datetime.fromtimestamp(1_600_000_000, UTC)


def test_names_in_utf_8_that_do_not_say_so(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "d.zip", {"xx.md": "text"})
    path.write_bytes(path.read_bytes().replace(b"xx.md", "é.md".encode()))
    assert look(path)[0] == {"d/é.md": "text"}


def test_an_encrypted_member(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "d.zip", {"a.md": "text"})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert look(path) == ({}, {"d/a.md": "encrypted"})


def test_bombs_are_bounded_by_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = "\0" * (MAX_BYTES + 1)
    path = make_zip(tmp_path / "d.zip", {"bomb.md": zeros, "a.md": "small"})
    lie = (len(zeros)).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(lie, (100).to_bytes(4, "little")))
    texts, reasons = look(path)
    assert texts == {"d/a.md": "small"}
    assert list(reasons) == ["d/bomb.md"]
    path = make_tar(tmp_path / "t.tar.gz", {"bomb.md": zeros, "a.md": "small"})
    assert look(path) == ({"t/a.md": "small"}, {"t/bomb.md": "larger than 64 MiB: split it"})
    monkeypatch.setattr(archives, "MAX_ARCHIVE_BYTES", MAX_BYTES)
    assert "when unpacked" in look(path)[1][str(path)]
    monkeypatch.setattr(archives, "MAX_ARCHIVE_BYTES", 30)
    path = make_zip(tmp_path / "e.zip", {f"{n}.md": "0123456789" for n in range(5)})
    texts, reasons = look(path)
    assert (len(texts), len(reasons)) == (3, 2)


def test_a_directory_that_claims_to_be_huge(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 2**33
    path = tmp_path / "d.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT) + b"0" * (40 * 2**20))
    assert "too large" in look(path)[1][str(path)]


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 50)
    many = {f"{n}.md": "x" for n in range(51)}
    for path in (make_zip(tmp_path / "d.zip", many), make_tar(tmp_path / "d.tar", dict.fromkeys(many, "x"))):
        assert look(path) == ({}, {str(path): "more than 50 members: unpack it and add the folder"})


def _damage(data: bytes, changes: Sequence[tuple[float, int]], cut: float) -> bytes:
    damaged = bytearray(data[: int(len(data) * cut)])
    for place, value in changes:
        if damaged:
            damaged[int(place * (len(damaged) - 1))] = value
    return bytes(damaged)


@given(
    name=st.sampled_from(["d.zip", "d.tar", "d.tar.gz", "d.tar.xz", "d.tar.bz2"]),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
    cut=st.one_of(st.just(1.0), st.floats(0, 1)),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_archive_raises_only_our_errors(
    tmp_path: Path, name: str, changes: list[tuple[float, int]], cut: float
) -> None:
    path = tmp_path / name
    (make_zip if name.endswith("zip") else make_tar)(path, TEXTS)
    path.write_bytes(_damage(path.read_bytes(), changes, cut))
    try:
        with path.open("rb") as file:
            archive = archives.Archive(file, name=name, modified=datetime.now(UTC))
            for member in archive.members:
                if not member.unfit:
                    with suppress(NoTextError, UnreadableError):
                        member.read()
    except UnreadableError:
        pass


def test_a_tar_damaged_in_the_middle_loses_nothing(base: KnowledgeBase, tmp_path: Path) -> None:
    path = make_tar(tmp_path / "d.tar", TEXTS)
    base.add([path])
    data = bytearray(path.read_bytes())
    data[1024 + 148] ^= 0xFF  # the checksum of the second header
    path.write_bytes(data)
    report = base.add([path])
    assert (report.removed, len(report.skipped)) == ((), 1)
