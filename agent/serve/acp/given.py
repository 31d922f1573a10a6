"""What an editor hands over with a question: its words, and documents that are sources of this run."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import acp.schema as schema

from ....tools.knowledge import JoinedKnowledge, KnowledgeBase
from ....tools.knowledge.ingest.loaders.formats import SUFFIXES
from ...text import one_line

if TYPE_CHECKING:
    from ...settings import Settings

__all__ = ["Block", "Given", "joined_with", "read_blocks"]

Block = (
    schema.TextContentBlock
    | schema.ImageContentBlock
    | schema.AudioContentBlock
    | schema.ResourceContentBlock
    | schema.EmbeddedResourceContentBlock
)

MOST_BYTES = 20_000_000
"""Of one document that is handed over."""
_AS_TEXT = {"markdown", "rst", "asciidoc", "plain", "code", "xml", "json", "json lines", "table", "notebook"}

ReadText = Callable[[str], Awaitable[str]]
"""Reads a file as the editor has it, with what is not saved yet; raises where it cannot."""


@dataclass
class Given:
    """A prompt, taken apart."""

    question: str = ""
    texts: dict[str, str] = field(default_factory=dict[str, str])
    """Documents, by name."""
    files: dict[str, Path | bytes] = field(default_factory=dict[str, Path | bytes])
    """Documents that are not plain text, by name: where they are, or what is in them."""
    paths: dict[str, str] = field(default_factory=dict[str, str])
    """Where those documents are that are files, by name."""
    left_out: list[str] = field(default_factory=list[str])
    """One line for each block that cannot be read."""

    @property
    def documents(self) -> bool:
        """Whether there are any."""
        return bool(self.texts or self.files)

    def name(self, uri: str, wanted: str = "") -> str:
        """A name for a document that no other has."""
        base = one_line(wanted or PurePosixPath(unquote(urlsplit(uri).path)).name or "document", 200)
        name, number = base, 1
        while name in self.texts or name in self.files:
            number += 1
            name = f"{PurePosixPath(base).stem}-{number}{PurePosixPath(base).suffix}"
        return name


async def read_blocks(blocks: Sequence[Block], read_text: ReadText | None) -> Given:
    """Take a prompt apart.

    Args:
        blocks: text, documents, and links to documents. Of links those to files are read; nothing is fetched.
        read_text: the editor's own way to a file; None where it has none.
    """
    given = Given()
    words: list[str] = []
    for block in blocks:
        match block:
            case schema.TextContentBlock():
                words.append(block.text)
            case schema.EmbeddedResourceContentBlock(resource=schema.TextResourceContents() as resource):
                name = given.name(resource.uri)
                given.texts[name] = resource.text
                _note_path(given, name, resource.uri)
                words.append(name)
            case schema.EmbeddedResourceContentBlock(resource=schema.BlobResourceContents() as resource):
                name = given.name(resource.uri)
                if (data := _decoded(resource.blob)) is None:
                    given.left_out.append(f"{name}: it is no base64")
                    continue
                given.files[name] = data
                _note_path(given, name, resource.uri)
                words.append(name)
            case schema.ResourceContentBlock():
                words.append(await _linked(given, block, read_text))
            case _:
                given.left_out.append(f"{block.type}: this model reads text only")
    given.question = " ".join(word for word in words if word.strip()).strip()
    return given


async def _linked(given: Given, link: schema.ResourceContentBlock, read_text: ReadText | None) -> str:
    path = _path_of(link.uri)
    name = given.name(link.uri, link.name)
    if path is None:
        given.left_out.append(f"{name}: only files are read, nothing is fetched")
        return one_line(link.uri)
    text = None
    if read_text is not None and SUFFIXES.get(path.suffix.lower(), "plain") in _AS_TEXT:
        try:
            text = await read_text(str(path))
        except Exception:
            text = None  # the file itself is read
    if text is not None:
        given.texts[name] = text
    elif not path.is_file():
        given.left_out.append(f"{name}: there is no such file")
        return name
    elif path.stat().st_size > MOST_BYTES:
        given.left_out.append(f"{name}: it has more than {MOST_BYTES:,} bytes; `ossifrage kb add` takes it")
        return name
    else:
        given.files[name] = path
    given.paths[name] = str(path)
    return name


@contextmanager
def joined_with(given: Given, base: KnowledgeBase | None, settings: Settings) -> Generator[JoinedKnowledge]:
    """The knowledge base, if there is one, with what was given beside it.

    What cannot be read is added to ``given.left_out``.

    Raises:
        KnowledgeError: nothing more can be stored here.
    """
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as opened:
        folder = Path(opened.enter_context(TemporaryDirectory(prefix="given-", dir=settings.home)))
        beside = opened.enter_context(KnowledgeBase(folder / "base", embedding="none"))
        if given.texts:
            report = beside.add_texts(given.texts)
            given.left_out += [f"{each.source}: {each.reason}" for each in report.skipped]
        for name, where in given.files.items():
            file = where if isinstance(where, Path) else folder / "files" / Path(name).name
            if isinstance(where, bytes):
                file.parent.mkdir(exist_ok=True)
                file.write_bytes(where)
            report = beside.add([file])
            given.left_out += [f"{name}: {each.reason}" for each in report.skipped]
            if isinstance(where, Path):
                given.paths.update({source: str(where) for source in report.added})
        yield JoinedKnowledge(beside, base)


def _note_path(given: Given, name: str, uri: str) -> None:
    if (path := _path_of(uri)) is not None and path.is_file():
        given.paths[name] = str(path)


def _path_of(uri: str) -> Path | None:
    """The file that an address means; None where it means none."""
    parts = urlsplit(uri)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(url2pathname(parts.path))
    if not parts.scheme and uri.startswith("/"):
        return Path(uri)
    return None


def _decoded(blob: str) -> bytes | None:
    try:
        data = base64.b64decode(blob, validate=True)
    except (ValueError, binascii.Error):
        return None
    return data if len(data) <= MOST_BYTES else None
