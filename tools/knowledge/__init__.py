"""Documents in Milvus: added from files, searched as passages, opened as lines.

Loaded on first use, since the machinery below is not needed for a look at ``--help``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import (
    DocumentNotFoundError,
    EmbeddingError,
    EmbeddingMismatchError,
    EmbeddingUnavailableError,
    KnowledgeError,
    KnowledgeLockedError,
    KnowledgeNotFoundError,
    KnowledgeUnreachableError,
    NoTextError,
    PathNotFoundError,
    Remedy,
    RerankerError,
    RerankerUnavailableError,
    UnreadableError,
)
from .values import (
    AddReport,
    Copied,
    Document,
    Excerpt,
    FilterCheck,
    Filters,
    Mark,
    Passage,
    Place,
    Progress,
    SearchMode,
    Skipped,
    Status,
    UnknownName,
)

if TYPE_CHECKING:
    from .base import KnowledgeBase
    from .copying import migrate, rebuild
    from .ingest.loaders.loaded import Loaded
    from .ingest.loaders.registry import Loader, register_loader
    from .ingest.sources.item import RawDocument
    from .joined import JoinedKnowledge, Knowledge
    from .models.embeddings import EmbeddingFunction
    from .models.rerankers import RerankFunction

__all__ = [
    "AddReport",
    "Copied",
    "Document",
    "DocumentNotFoundError",
    "EmbeddingError",
    "EmbeddingFunction",
    "EmbeddingMismatchError",
    "EmbeddingUnavailableError",
    "Excerpt",
    "FilterCheck",
    "Filters",
    "JoinedKnowledge",
    "Knowledge",
    "KnowledgeBase",
    "KnowledgeError",
    "KnowledgeLockedError",
    "KnowledgeNotFoundError",
    "KnowledgeUnreachableError",
    "Loaded",
    "Loader",
    "Mark",
    "NoTextError",
    "Passage",
    "PathNotFoundError",
    "Place",
    "Progress",
    "RawDocument",
    "Remedy",
    "RerankFunction",
    "RerankerError",
    "RerankerUnavailableError",
    "SearchMode",
    "Skipped",
    "Status",
    "UnknownName",
    "UnreadableError",
    "migrate",
    "rebuild",
    "register_loader",
]

_HOME = {
    "EmbeddingFunction": ".models.embeddings",
    "JoinedKnowledge": ".joined",
    "Knowledge": ".joined",
    "KnowledgeBase": ".base",
    "Loaded": ".ingest.loaders.loaded",
    "Loader": ".ingest.loaders.registry",
    "RawDocument": ".ingest.sources.item",
    "RerankFunction": ".models.rerankers",
    "migrate": ".copying",
    "rebuild": ".copying",
    "register_loader": ".ingest.loaders.registry",
}


def __getattr__(name: str) -> Any:
    """Load the heavier names on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name], __name__), name)
