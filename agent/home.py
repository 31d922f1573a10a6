"""Where the program writes. The folder, and everything in it, is the owner's alone."""

from __future__ import annotations

import os
from pathlib import Path

from ..tools.private import open_private, private_folder

__all__ = ["default_home", "open_private", "private_folder"]


def default_home() -> Path:
    """``OSSIFRAGE_HOME``, or the platform's user data folder. The folder need not exist yet."""
    if home := os.environ.get("OSSIFRAGE_HOME"):
        return Path(home).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("ossifrage", appauthor=False))
