"""The slash commands: one table, from which help and completion are made."""

from __future__ import annotations

from .table import COMMANDS, Command, find_command, nearest

__all__ = ["COMMANDS", "Command", "find_command", "nearest"]
