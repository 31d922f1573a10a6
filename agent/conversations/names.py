"""Names of conversations: a few words of the first question."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["free_name", "name_of"]

_WORDS = 3
_LONGEST = 40
_WORD = re.compile(r"[^\W_]+(?:[.'’-][^\W_]+)*")
# Words that questions share and that tell nothing of what they are about.
_COMMON = """
a about all also an and any are as at be been but by can could did do does for from get give had has
have how i in into is it its list make me much many my name not of on or our please say says should
show so tell than that the their them then there these they this those to under use used using was
we were what when where which who whom whose why will with would you your
"""
_COMMON_WORDS = frozenset(_COMMON.split())


def name_of(question: str) -> str:
    """A name in small letters, words joined by hyphens: ``storage-format``."""
    words = [word.casefold().replace("'", "").replace("’", "") for word in _WORD.findall(question[:1000])]
    telling = [word for word in words if word not in _COMMON_WORDS] or words
    return "-".join(telling[:_WORDS])[:_LONGEST].strip("-.") or "conversation"


def free_name(wanted: str, is_taken: Callable[[str], bool]) -> str:
    """The name itself, or with the first number that makes it unique."""
    stem = re.sub(r"-\d+$", "", wanted) if is_taken(wanted) else wanted
    number, name = 1, wanted
    while is_taken(name):
        number += 1
        name = f"{stem}-{number}"
    return name
