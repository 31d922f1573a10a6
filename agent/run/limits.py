"""What a run may take, and what it has taken."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..answer import StopReason
from ..errors import UsageError
from ..traces.events import Usage

__all__ = ["LimitReachedError", "Limits", "Meter"]

_ANSWER_TOKENS = 1_024
"""Tokens kept for the answer beside its prompt."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a run may take at most; None leaves a limit out.

    When one is near, the model is asked once, without tools, what it can say by now. The result is partial
    and names the limit.

    Raises:
        UsageError: a limit is no positive number.
    """

    steps: int | None = None
    """Calls of the model, that last one not counted; None takes ``settings.max_steps``."""
    tool_calls: int | None = None
    """Calls of tools. What is called beyond them is not run."""
    tokens: int | None = None
    """Tokens read and written, summed over the calls of the model: what has to be read again counts again. A
    step is not begun unless what is left would do for it and the answer; no answer is longer than what is
    left."""
    seconds: float | None = None
    """Seconds from the question on. A step is not begun unless what is left would do for it and the answer,
    as far as the steps before can tell; whatever runs when they are over is stopped."""

    def __post_init__(self) -> None:
        for name in ("steps", "tool_calls", "tokens", "seconds"):
            value = getattr(self, name)
            whole = isinstance(value, int) or (name == "seconds" and isinstance(value, float))
            positive = whole and not isinstance(value, bool) and value > 0 and math.isfinite(value)
            if value is not None and not positive:
                raise UsageError(f"Limits({name}={value!r}): give a positive number, or None for no limit.")


class LimitReachedError(Exception):
    """A limit ends the search."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Meter:
    """Holds one run to its limits.

    Args:
        limits: what it may take.
        usage: gives the tokens taken so far.
        calls_spent: tells whether no further tool may be called.
        spent_seconds: what the run took before it waited for somebody's word.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        usage: Callable[[], Usage],
        calls_spent: Callable[[], bool] = lambda: False,
        spent_seconds: float = 0.0,
    ) -> None:
        self.limits = limits
        self._usage = usage
        self._calls_spent = calls_spent
        self._began = time.monotonic() - spent_seconds
        self._asked = self._began
        self._slowest = 0.0
        self.closing = False
        """The answer is asked for, and nothing else."""
        self.reason: StopReason | None = None
        """The limit that cut the last completion short, where one did."""

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self._began

    @property
    def seconds_left(self) -> float | None:
        """None where there is no such limit."""
        return None if self.limits.seconds is None else self.limits.seconds - self.seconds

    @property
    def counts_tokens(self) -> bool:
        """Whether it matters how long prompts are."""
        return self.limits.tokens is not None

    def before_call(self, prompt_tokens: int) -> int | None:
        """See that another call of the model may be made; how many tokens it may write, None for any number.

        Raises:
            LimitReachedError: it may not, or the answer has to be asked for now.
        """
        self._asked = time.monotonic()
        left = self.seconds_left
        if left is not None and left <= (0 if self.closing else 2 * self._slowest):
            raise LimitReachedError(StopReason.MAX_SECONDS)
        if self._calls_spent() and not self.closing:
            raise LimitReachedError(StopReason.MAX_TOOL_CALLS)
        return self._tokens_for(prompt_tokens)

    def after_call(self) -> None:
        """The completion has ended."""
        self._slowest = max(self._slowest, time.monotonic() - self._asked)

    def _tokens_for(self, prompt_tokens: int) -> int | None:
        if self.limits.tokens is None:
            return None
        usage = self._usage()
        left = self.limits.tokens - usage.prompt_tokens - usage.completion_tokens
        needed = prompt_tokens + 1 if self.closing else 2 * prompt_tokens + _ANSWER_TOKENS
        if left < needed:
            raise LimitReachedError(StopReason.MAX_TOTAL_TOKENS)
        return left - prompt_tokens
