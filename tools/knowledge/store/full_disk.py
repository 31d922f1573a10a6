"""A disk that is full, whoever noticed it."""

from __future__ import annotations

import errno
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DiskFullError, KnowledgeError

__all__ = ["telling_full_disk"]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_SAID = re.compile(rf"\berr(?:no|or) (?:{'|'.join(map(str, _FULL))})\b", re.IGNORECASE)
"""As Milvus Lite (``[Errno 28]``, ``[errno 28]``) and tantivy (``(os error 28)``) hand it on."""


@contextmanager
def telling_full_disk(folder: Path) -> Generator[None]:
    """Say so when writing below ``folder`` fails since the disk is full.

    Raises:
        DiskFullError: it is. What was stored before is as it was, or as the change wanted it.
    """
    try:
        yield
    except (KnowledgeError, OSError) as error:
        if not isinstance(error, DiskFullError) and _tells_of_it(error):
            raise DiskFullError(
                f"the disk of {folder} is full; nothing that was stored is lost: make room, and do it again"
            ) from error
        raise


def _tells_of_it(error: BaseException | None) -> bool:
    while error is not None:
        if (isinstance(error, OSError) and error.errno in _FULL) or _SAID.search(str(error)):
            return True
        error = error.__cause__
    return False
