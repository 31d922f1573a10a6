"""Conversations that are kept: each question with its answer, and what the model was given to read."""

from __future__ import annotations

from .compacting import Compaction, compacted
from .store import Conversation, ConversationStore
from .values import ConversationError, Summary, Turn

__all__ = [
    "Compaction",
    "Conversation",
    "ConversationError",
    "ConversationStore",
    "Summary",
    "Turn",
    "compacted",
]
