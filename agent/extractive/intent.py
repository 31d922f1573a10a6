"""What an English question wants of its answer beyond a fact: a judgement, a comparison, a reason.

No quoted sentence is such an answer by itself, so the engine offers what bears on the question. Questions in
other languages have no intent here; they are answered like any question for a fact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .terms import terms

__all__ = ["Intent", "read_intent"]

_AUXILIARY = (
    r"is|are|was|were|am|does|do|did|can|could|should|shall|will|would|may|might|must|has|have|had"
    r"|isn't|aren't|wasn't|doesn't|don't|didn't|can't|won't|shouldn't"
)
_YES_NO = re.compile(rf"^(?:(?:and|but|so|also),? )?(?:{_AUXILIARY})\s+(?!not\b\s*$)\S", re.IGNORECASE)
_WHY = re.compile(
    r"^(?:(?:and|but|so),? )?(?:why\b|how come\b|for (?:what|which) reason\b|what is the reason\b)",
    re.IGNORECASE,
)
_SIDE = r"(?:the |an? |using )?(?P<{}>\S(?:[^,;?]{{0,60}}?\S)?)"
_ONE, _TWO = _SIDE.format("one"), _SIDE.format("two")
_COMPARISONS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\bdifferences? (?:is there )?between {_ONE} and {_TWO}(?= (?:in|for|when|with|of|on)\b|$)",
        rf"^(?:how (?:do|does|is|are) )?{_ONE} (?:differ(?:s|ent)? from|compared? (?:to|with)) {_TWO}$",
        rf"^compare {_ONE} (?:and|with|to|against) {_TWO}$",
        rf"(?:^|[,:] ){_ONE} (?:vs\.?|versus) {_TWO}$",
        rf"\b(?:which|what|who)\b[^,:]*[,:] {_ONE},? or {_TWO}$",
        rf"\b(?:is|are|does|do|was|were) {_ONE} \w+ (?:\w+er|(?:more|less|better|worse)(?: \w+)?) than {_TWO}$",
        rf"\b(?:is|are|does|do|was|were) {_ONE} (?:\w+er|(?:more|less|better|worse)(?: \w+)?) than {_TWO}$",
        rf"\bshould (?:i|we|one) (?:use|choose|take|pick|prefer) {_ONE} or {_TWO}$",
    )
)
COMPARING = frozenset(
    terms("between difference differences different differ differs compare compared versus vs better than")
)
"""Terms that only say that a comparison is wanted."""


@dataclass(frozen=True, kw_only=True)
class Intent:
    """What is wanted."""

    kind: Literal["fact", "yes-no", "comparison", "why"]
    sides: tuple[str, ...] = ()
    """The two things that are compared."""

    @property
    def bears(self) -> bool:
        """Whether an answer is a judgement on what the sources say, which a quote cannot be."""
        return self.kind != "fact"


def read_intent(text: str) -> Intent:
    """Read the intent of one question, which has no question mark any more."""
    for pattern in _COMPARISONS:
        if (match := pattern.search(text)) and all(terms(side) for side in match.groups()):
            return Intent(kind="comparison", sides=(match["one"], match["two"]))
    if _WHY.match(text):
        return Intent(kind="why")
    return Intent(kind="yes-no" if _YES_NO.match(text) else "fact")
