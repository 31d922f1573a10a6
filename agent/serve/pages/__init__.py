from __future__ import annotations

from .routes import routes

__all__ = ["routes"]
