"""The whole assistant turn (openai/harmony, docs/format.md): thoughts, a preamble, then a call or an answer.

The prompt has ended with ``<|start|>assistant``. The grammar ends before the stop token: llama.cpp takes any
token that ends generation once a grammar is through, and none that the grammar names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..vocabulary import CHANNEL, CONSTRAIN, END, MESSAGE, START
from .rules import Notation, Rules, alternatives, literal, sequence
from .schema import SchemaRules
from .text import free_text

__all__ = ["only_token", "turn_grammar"]

# The words of a header as the tokens gpt-oss was trained on, not as any others that spell the same.
_ANALYSIS, _COMMENTARY, _FINAL, _ASSISTANT = (35644,), (12606, 815), (17196,), (173781,)


def turn_grammar(
    functions: Sequence[tuple[str, Mapping[str, Any]]],
    output: Mapping[str, Any] | None,
    *,
    notation: Notation,
    answer: bool = True,
) -> str:
    """A grammar, with token literals, for everything after ``<|start|>assistant``.

    Args:
        functions: name, as the model sees it, and parameter schema of everything that may be called.
        output: schema of the final message; None for plain text.
        notation: the dialect of the engine.
        answer: whether there may be a final message; without one the turn ends in a call, so there have to be
            functions.
    """
    rules = Rules(notation)

    def tokens(*numbers: int) -> str:
        return sequence(*(rules.token(number) for number in numbers))

    rules.reserve("root")
    again = tokens(END, START, *_ASSISTANT)
    words = free_text(rules, empty=False)
    thought = sequence(tokens(CHANNEL, *_ANALYSIS, MESSAGE), free_text(rules, empty=True), again)
    rules.add("thought", thought)
    rules.add("preamble", sequence(tokens(CHANNEL, *_COMMENTARY, MESSAGE), words, again))
    actions: list[str] = []
    if answer:
        body = words if output is None else SchemaRules(rules, output, prefix="final").root()
        actions.append(sequence(tokens(CHANNEL, *_FINAL, MESSAGE), body))
    for name, parameters in functions:
        recipient = literal(f" to=functions.{name}")
        schema: dict[str, Any] = {"type": "object", "properties": {}, **parameters}
        arguments = SchemaRules(rules, schema, prefix=f"call-{name}").root()
        call = sequence(f'(" " {tokens(CONSTRAIN)} "json")?', tokens(MESSAGE), arguments)
        # The model writes the recipient after the channel, openai-harmony's renderer after the role.
        commentary = tokens(CHANNEL, *_COMMENTARY)
        actions.append(sequence(commentary, recipient, call))
        actions.append(sequence(recipient, commentary, call))
    rules.define("root", sequence("thought?", "(preamble thought?)?", alternatives(actions)))
    return str(rules)


def only_token(number: int, notation: Notation) -> str:
    """A grammar for one token and no other."""
    return f"root ::= {Rules(notation).token(number)}\n"
