"""Commands about what answers."""

from __future__ import annotations

from ...text import one_line
from ..face import Face

__all__ = ["effort", "engine", "model"]


async def engine(face: Face, words: str) -> None:
    """Say what answers, or choose another."""
    if words:
        name, *address = words.split()
        given = {"engine": name, "model": None, "base_url": address[0] if address else None}
        keep = {key: value for key, value in given.items() if value is not None or key == "model"}
        opened = await face.work(face.desk.change(**keep))
    else:
        opened = await face.work(face.desk.open_engine())
    face.say(one_line(opened.why))


async def model(face: Face, words: str) -> None:
    """Say which model it is, or choose another."""
    opened = await face.work(face.desk.change(model=words) if words else face.desk.open_engine())
    face.say(one_line(f"{opened.name} ({opened.engine})"))


async def effort(face: Face, words: str) -> None:
    """How hard the model thinks, from the next question on."""
    if words in ("low", "medium", "high"):
        face.desk.effort = words
    elif words:
        face.say(f"Effort is low, medium or high, not {words!r}.")
        return
    face.say(f"The effort is {face.desk.effort or face.desk.settings.reasoning}.")
