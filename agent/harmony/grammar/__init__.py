"""A grammar that leaves a model no way to write a malformed turn, or an object that is not of its schema."""

from .rules import Notation
from .turn import only_token, turn_grammar

__all__ = ["Notation", "only_token", "turn_grammar"]
