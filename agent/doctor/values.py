"""What a check finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Check", "Finding", "Outcome", "Report", "failed", "passed", "skipped"]


class Outcome(StrEnum):
    """How a check ended."""

    PASS = "pass"
    FAIL = "fail"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    outcome: Outcome
    why: str
    """What was seen, in one line."""
    advice: str = ""
    """What to do about a failure."""


@dataclass(frozen=True)
class Check:
    """A finding with its name."""

    group: str
    """``this machine``, ``server``, ``token ids`` or ``chat``."""
    name: str
    outcome: Outcome
    why: str
    advice: str = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """All checks of one kind of subject."""

    title: str
    """What was examined."""
    checks: Sequence[Check]

    @property
    def failures(self) -> int:
        """How many checks failed."""
        return sum(check.outcome is Outcome.FAIL for check in self.checks)


def passed(why: str) -> Finding:
    """All is well."""
    return Finding(Outcome.PASS, why)


def failed(why: str, advice: str) -> Finding:
    """Something is wrong, and this may help."""
    return Finding(Outcome.FAIL, why, advice)


def skipped(why: str) -> Finding:
    """There is nothing to judge."""
    return Finding(Outcome.NOT_APPLICABLE, why)
