"""What the prompt takes from where it is: the keys the user is used to, files that are nobody else's."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

__all__ = ["editing_mode", "private_file"]

_MODE = re.compile(r"^\s*set\s+editing-mode\s+(vi|emacs)\b", re.MULTILINE)


def editing_mode(environ: Mapping[str, str] = os.environ) -> Literal["vi", "emacs"]:
    """The keys of readline programs: ``set editing-mode vi`` in ``$INPUTRC`` or ``~/.inputrc``."""
    try:
        text = Path(environ.get("INPUTRC") or "~/.inputrc").expanduser().read_text(errors="replace")
    except (OSError, RuntimeError):
        return "emacs"
    found = _MODE.findall(text)
    return "vi" if found and found[-1] == "vi" else "emacs"


def private_file(path: Path) -> Path:
    """A file that only the user may read, made if need be; ``/dev/null`` where it cannot be made."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        if os.name == "posix" and path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError:
        return Path(os.devnull)
    return path
