"""The knowledge base that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..tools.knowledge import KnowledgeBase
    from .settings import Settings

__all__ = ["knowledge_token", "open_knowledge"]


def open_knowledge(
    settings: Settings,
    *,
    uri: str | None = None,
    adding: Sequence[str | Path] = (),
    indexing: Callable[[int, int], None] | None = None,
) -> KnowledgeBase:
    """Open the knowledge base.

    Args:
        settings: where it is, and how it searches.
        uri: where it is instead.
        adding: what is to be added: if there is no base it is made, once these are known to exist.
        indexing: told when its full-text index is made anew.

    Raises:
        KnowledgeError: it cannot be opened, or what is to be added does not exist.
    """
    from ..tools.knowledge import KnowledgeBase, KnowledgeNotFoundError, check_paths

    def opened(*, create: bool) -> KnowledgeBase:
        return KnowledgeBase(
            uri or settings.knowledge_uri,
            token=knowledge_token(settings),
            collection=settings.collection,
            embedding=settings.embedding,
            reranker=settings.reranker,
            metric=settings.metric,
            consistency=settings.consistency,
            create=create,
            indexing=indexing,
        )

    try:
        return opened(create=False)
    except KnowledgeNotFoundError:
        if not adding:
            raise
    check_paths(adding)
    return opened(create=True)


def knowledge_token(settings: Settings) -> str | None:
    """The token for its server."""
    token = settings.knowledge_token
    return None if token is None else token.get_secret_value()
