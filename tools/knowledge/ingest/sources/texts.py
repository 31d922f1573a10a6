"""Texts that come from no file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import PurePosixPath

from ...errors import KnowledgeError, NoTextError, Remedy
from ...values import Document
from ..loaders.loaded import clean
from .item import MAX_BYTES, Item, RawDocument
from .planning import Plan

__all__ = ["plan_texts"]

_MARKDOWN = "text/markdown"
"""What a text is whose name has no suffix that tells."""
_BINARY = (".pdf", ".docx", ".pptx", ".xlsx", ".xlsm", ".epub")
"""A text of such a name has been read out of one already."""


def plan_texts(
    texts: Mapping[str, str], documents: Mapping[str, Document], metadata: Mapping[str, object]
) -> Plan:
    """Texts to add, by the names they are to have.

    Args:
        texts: by name.
        documents: what the base holds, or has lost, by source.
        metadata: JSON values, for all of them.

    Raises:
        KnowledgeError: a file's document has one of the names.
    """
    plan = Plan()
    for name, text in texts.items():
        known = documents.get(name)
        if known is not None and known.path:
            raise KnowledgeError(
                f"{name} is the name of a document that was read from {known.path}; choose another name, or "
                "remove that first; nothing was added",
                remedy=Remedy("remove", (name,)),
            )
        plan.found.append(Item(name, "", "", partial(_read, name, text, datetime.now(UTC)), metadata))
    return plan


def _read(name: str, text: str, now: datetime) -> RawDocument:
    data = clean(text).encode()
    if len(data) > MAX_BYTES:
        raise NoTextError(f"larger than {MAX_BYTES // 2**20} MiB: split it")
    last = PurePosixPath(name).name or name
    return RawDocument(
        PurePosixPath(last).stem if last.lower().endswith(_BINARY) else last, data, now, _MARKDOWN
    )
