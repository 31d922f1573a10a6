"""Documents in Milvus: added from files, searched as passages, opened as lines.

Loaded on first use, since the machinery below is not needed for a look at ``--help``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import (
    DiskFullError,
    DocumentNotFoundError,
    EmbeddingError,
    EmbeddingMismatchError,
    EmbeddingUnavailableError,
    KnowledgeDamagedError,
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
    Recovered,
    SearchMode,
    Skipped,
    Status,
    UnknownName,
    WatchEvent,
)

if TYPE_CHECKING:
    from .base import KnowledgeBase
    from .copying import migrate, rebuild, write_parquet
    from .filtered import FilteredKnowledge
    from .ingest.loaders.loaded import Loaded
    from .ingest.loaders.registry import Loader, register_loader
    from .ingest.sources.item import RawDocument
    from .ingest.sources.paths import check_paths
    from .joined import JoinedKnowledge, Knowledge
    from .models.embeddings import EmbeddingFunction
    from .models.rerankers import RerankFunction
    from .recovery import rebuild_from_sources
    from .store.attachment import Attachment
    from .store.bulk import BulkStorage
    from .watching import Watching

__all__ = [
    "AddReport",
    "Attachment",
    "BulkStorage",
    "Copied",
    "DiskFullError",
    "Document",
    "DocumentNotFoundError",
    "EmbeddingError",
    "EmbeddingFunction",
    "EmbeddingMismatchError",
    "EmbeddingUnavailableError",
    "Excerpt",
    "FilterCheck",
    "FilteredKnowledge",
    "Filters",
    "JoinedKnowledge",
    "Knowledge",
    "KnowledgeBase",
    "KnowledgeDamagedError",
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
    "Recovered",
    "Remedy",
    "RerankFunction",
    "RerankerError",
    "RerankerUnavailableError",
    "SearchMode",
    "Skipped",
    "Status",
    "UnknownName",
    "UnreadableError",
    "WatchEvent",
    "Watching",
    "check_paths",
    "migrate",
    "rebuild",
    "rebuild_from_sources",
    "register_loader",
    "write_parquet",
]

_HOME = {
    "Attachment": ".store.attachment",
    "BulkStorage": ".store.bulk",
    "EmbeddingFunction": ".models.embeddings",
    "FilteredKnowledge": ".filtered",
    "JoinedKnowledge": ".joined",
    "Knowledge": ".joined",
    "KnowledgeBase": ".base",
    "Loaded": ".ingest.loaders.loaded",
    "Loader": ".ingest.loaders.registry",
    "RawDocument": ".ingest.sources.item",
    "RerankFunction": ".models.rerankers",
    "Watching": ".watching",
    "check_paths": ".ingest.sources.paths",
    "migrate": ".copying",
    "write_parquet": ".copying",
    "rebuild": ".copying",
    "rebuild_from_sources": ".recovery",
    "register_loader": ".ingest.loaders.registry",
}


def __getattr__(name: str) -> Any:
    """Load the heavier names on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name], __name__), name)
