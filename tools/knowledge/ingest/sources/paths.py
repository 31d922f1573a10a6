"""What was named to be added: paths that exist, and addresses."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from ...errors import PathNotFoundError, Remedy
from .names import Names
from .urls import is_url

__all__ = ["check_paths", "resolve_paths"]

_OTHER_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://|file:", re.IGNORECASE)
_MOST_NAMES = 5


def check_paths(paths: Sequence[str | Path]) -> None:
    """See whether all of this could be added to a base that holds nothing yet.

    Raises:
        PathNotFoundError: a path is empty or does not exist, or an address is of another kind than http.
    """
    resolve_paths(paths, Names({}))


def resolve_paths(paths: Sequence[str | Path], names: Names) -> list[Path | str]:
    """Tell paths from addresses.

    Raises:
        PathNotFoundError: a path is empty or does not exist, or an address is of another kind than http.
    """
    targets = [_target(str(each)) for each in paths]
    missing = [each for each in targets if isinstance(each, Path) and not os.path.exists(each)]
    if missing:
        given = ", ".join(map(str, missing))
        left = [name for each in missing for name in names.left_of(Path(os.path.abspath(each)))]
        shown = ", ".join(left[:_MOST_NAMES]) + (" …" if len(left) > _MOST_NAMES else "")
        raise PathNotFoundError(
            f"no such file or folder: {given}; nothing was added"
            + (f"; what the base has of it stays until it is removed: {shown}" if left else ""),
            remedy=Remedy("remove", tuple(left[:_MOST_NAMES])) if left else None,
        )
    return targets


def _target(given: str) -> Path | str:
    if not given.strip():
        raise PathNotFoundError("an empty path; nothing was added")
    if is_url(given):
        return given
    if _OTHER_ADDRESS.match(given) and not os.path.exists(given):
        raise PathNotFoundError(f"only http and https addresses can be added: {given}; nothing was added")
    return Path(os.path.expanduser(given))
