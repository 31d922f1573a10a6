"""Grammars that leave a model no way to write a malformed turn, or an object that is not of its schema."""

from .rules import Bounds
from .schema import body_grammar
from .turn import turn_grammar

__all__ = ["Bounds", "body_grammar", "turn_grammar"]
