"""What one request, one client and the whole server may take."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of the server. What is beyond is refused at once, with a status that says which bound it was."""

    head_seconds: float = 20
    """Until a request's head has come, from the connection or the answer before on; then the connection is
    closed."""
    body_bytes: int = 16 * 1024 * 1024
    """Of one request's body; more is 413."""
    body_seconds: float = 30
    """Until a request's body has come; later is 408."""
    running: int = 512
    """Requests at a time; more is 503 with ``Retry-After``."""
    running_each: int = 256
    """Requests of one client at a time; more is 429 with ``Retry-After``."""
    seconds: float = 1800
    """Until a request is answered whole; then its run is stopped."""
    stop_seconds: float = 30
    """Until running answers are ended when the server stops."""
    stored: int = 1000
    """Responses kept for ``previous_response_id``, of each client."""
    stored_bytes: int = 64 * 1024 * 1024
    """Their size, of each client."""
    stored_seconds: float = 24 * 3600
    """How long they are kept."""
