"""Where tokens come from: one small file per engine behind one Protocol."""

from .engine import Chunk, Engine, FinishReason, Sampling

__all__ = ["Chunk", "Engine", "FinishReason", "Sampling"]
