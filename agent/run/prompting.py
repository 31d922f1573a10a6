"""The items of each prompt: what the SDK gives, what was said meanwhile, no more than the window holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.run_config import CallModelData, ModelInputData

from ..traces.events import Event
from ..traces.recorder import Recorder
from .budget import PromptBudget
from .steering import Interjections, Steering

__all__ = ["Prompting"]


class Prompting:
    """Makes the prompts of one run; what it does is recorded.

    Args:
        recorder: of the run.
        steering: what is said meanwhile.
        budget: keeps the prompts inside the window; None where the window is not known.
        said: lines that were said before, each with its place.
    """

    def __init__(
        self,
        recorder: Recorder,
        steering: Steering,
        budget: PromptBudget | None,
        said: Sequence[tuple[int, str]] = (),
    ) -> None:
        self._recorder = recorder
        self._steering = steering
        self._budget = budget
        self._compacted = 0  # outputs that are shortened in the last prompt
        self._meanwhile: list[Event] = []  # what happened while the SDK had the word
        self.interjections = Interjections(said)
        self.listens = True
        """What is said is read with the next prompt."""

    def fitted(self, data: CallModelData[Any]) -> ModelInputData:
        """The prompt's items, as they are before each call of the model."""
        given = data.model_data
        if self.listens and (said := self._steering.unread()):
            self.interjections.place(said, after=len(given.input))
            self._meanwhile += [self._recorder.steered(line) for line in said]
        items = self.interjections.woven(given.input)
        if self._budget is not None:
            whole_items, items = items, self._budget.fit(items)
            changed = sum(item is not before for item, before in zip(items, whole_items, strict=True))
            if changed > self._compacted:
                self._meanwhile.append(self._recorder.prompt_compacted(changed))
            self._compacted = changed
        return ModelInputData(input=items, instructions=given.instructions)

    def happened(self) -> Sequence[Event]:
        """The events since the last time."""
        events, self._meanwhile = self._meanwhile, []
        return events
