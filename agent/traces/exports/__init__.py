"""Traces as files and messages for others: one module a format.

Nothing leaves without :func:`~.shared.share`, which masks secrets, leaves out what was thought unless it is
asked for, and says so.
"""

from __future__ import annotations

from .shared import SharedRun, share

__all__ = ["SharedRun", "share"]
