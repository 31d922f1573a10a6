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
    "NoTextError",
    "Passage",
    "PathNotFoundError",
    "Place",
    "Progress",
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
]

_HOME = {
    "EmbeddingFunction": ".models.embeddings",
    "JoinedKnowledge": ".joined",
    "Knowledge": ".joined",
    "KnowledgeBase": ".base",
    "RerankFunction": ".models.rerankers",
    "migrate": ".copying",
    "rebuild": ".copying",
}


def __getattr__(name: str) -> Any:
    """Load the heavier names on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name], __name__), name)
