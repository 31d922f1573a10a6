"""Where tokens come from: one small file per engine behind one Protocol."""

from .engine import Chunk, Constraint, Engine, FinishReason, Sampling

__all__ = ["Chunk", "Constraint", "Engine", "FinishReason", "Sampling"]
