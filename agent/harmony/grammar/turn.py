"""The whole assistant turn (openai/harmony, docs/format.md): thoughts, a preamble, then a call or an answer.

The prompt has ended with ``<|start|>assistant``. The grammar ends before the stop token: llama.cpp takes any
token that ends generation once a grammar is through, and none that the grammar names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..vocabulary import CHANNEL, CONSTRAIN, END, MESSAGE, START
from .rules import Bounds, Rules, alternatives, literal, sequence
from .schema import ObjectRules
from .text import free_text

__all__ = ["turn_grammar"]

_CHANNEL, _CONSTRAIN, _END, _MESSAGE, _START = (
    f"<[{token}]>" for token in (CHANNEL, CONSTRAIN, END, MESSAGE, START)
)
# The words of a header as the tokens gpt-oss was trained on, not as any others that spell the same.
_ANALYSIS, _COMMENTARY, _FINAL, _ASSISTANT = "<[35644]>", "<[12606]> <[815]>", "<[17196]>", "<[173781]>"


def turn_grammar(
    functions: Sequence[tuple[str, Mapping[str, Any]]],
    output: Mapping[str, Any] | None,
    *,
    bounds: Bounds | None = None,
    answer: bool = True,
) -> str:
    """A grammar, with token literals, for everything after ``<|start|>assistant``.

    Args:
        functions: name, as the model sees it, and parameter schema of everything that may be called.
        output: schema of the final message; None for plain text.
        bounds: for what no schema limits.
        answer: whether there may be a final message; without one the turn ends in a call, so there have to be
            functions.
    """
    bounds = bounds or Bounds()
    rules = Rules()
    rules.reserve("root")
    again = sequence(_END, _START, _ASSISTANT)
    text = rules.add("reasoning", free_text(rules, 0, bounds.reasoning))
    rules.add("thought", sequence(_CHANNEL, _ANALYSIS, _MESSAGE, text, again))
    text = rules.add("words", free_text(rules, 1, bounds.text))
    rules.add("preamble", sequence(_CHANNEL, _COMMENTARY, _MESSAGE, text, again))
    actions: list[str] = []
    if answer:
        body = text if output is None else ObjectRules(rules, output, bounds, prefix="final").root()
        actions.append(sequence(_CHANNEL, _FINAL, _MESSAGE, body))
    for name, parameters in functions:
        recipient = f" to=functions.{name}"
        schema: dict[str, Any] = {"type": "object", "properties": {}, **parameters}
        arguments = ObjectRules(rules, schema, bounds, prefix=f"call-{name}").root()
        call = sequence(f'(" " {_CONSTRAIN} "json")?', _MESSAGE, arguments)
        # The model writes the recipient after the channel, openai-harmony's renderer after the role.
        actions.append(sequence(_CHANNEL, _COMMENTARY, literal(recipient), call))
        actions.append(sequence(literal(recipient), _CHANNEL, _COMMENTARY, call))
    rules.define("root", sequence("thought?", "(preamble thought?)?", alternatives(actions)))
    return str(rules)
