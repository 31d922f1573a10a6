from __future__ import annotations

import random
from typing import Any

import pytest
from openai_harmony import HarmonyEncoding

from fakes.gbnf import TOKENS, Grammar, as_tokens, token
from ossifrage.agent.harmony import parse_completion
from ossifrage.agent.harmony.grammar import turn_grammar

OUTPUT = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
SEARCH = ("search", {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]})
CLOCK: tuple[str, dict[str, Any]] = ("clock", {})
THINK = "<|channel|>analysis<|message|>if a < b | <br> \u00e9<|end|><|start|>assistant"
PREAMBLE = "<|channel|>commentary<|message|>Looking.<|end|><|start|>assistant"
CALL = '<|channel|>commentary to=functions.search <|constrain|>json<|message|>{"q":"x"}'
FINAL = '<|channel|>final<|message|>{"a":1}'


@pytest.fixture(params=["gbnf", "xgrammar"])
def grammar(request: pytest.FixtureRequest) -> Grammar:
    return Grammar(turn_grammar([SEARCH, CLOCK], OUTPUT, notation=request.param))


@pytest.mark.parametrize(
    "turn",
    [
        FINAL,
        CALL,
        THINK + FINAL,
        THINK + CALL,
        PREAMBLE + CALL,
        THINK + PREAMBLE + CALL,
        PREAMBLE + THINK + CALL,
        CALL.replace(" <|constrain|>json", ""),
        ' to=functions.search<|channel|>commentary <|constrain|>json<|message|>{"q":"x"}',
        "<|channel|>commentary to=functions.clock <|constrain|>json<|message|>{}",
    ],
)
def test_well_formed_turns(grammar: Grammar, turn: str) -> None:
    assert grammar.accepts(as_tokens(turn))


@pytest.mark.parametrize(
    "turn",
    [
        "",
        THINK,
        PREAMBLE,
        THINK + "answer",
        FINAL + "<|end|>",
        FINAL + FINAL,
        CALL + FINAL,
        CALL.replace("search", "browse"),
        CALL.replace('{"q":"x"}', '{"r":"x"}'),
        FINAL.replace("1", '"1"'),
        FINAL.replace("final", "final <|constrain|>json"),
        THINK.replace("<|end|>", "") + FINAL,
        THINK.replace("if", "<|message|>") + FINAL,
        "<|channel|>" + FINAL,
        "{}",
    ],
)
def test_everything_else(grammar: Grammar, turn: str) -> None:
    assert not grammar.accepts(as_tokens(turn))


def test_no_text_holds_what_llama_cpp_would_take_for_a_control_token() -> None:
    grammar = Grammar(turn_grammar([SEARCH, CLOCK], OUTPUT, notation="gbnf"))
    for name in (*TOKENS, "<|call|>", "<|reserved_200013|>"):
        assert not grammar.accepts(as_tokens(THINK).replace("if", name) + as_tokens(FINAL))
        free = Grammar(turn_grammar([], None, notation="gbnf"))
        assert not free.accepts(as_tokens("<|channel|>final<|message|>") + f"a {name} b")


def test_without_functions_there_is_an_answer_only() -> None:
    grammar = Grammar(turn_grammar([], OUTPUT, notation="gbnf"))
    assert grammar.accepts(as_tokens(THINK + FINAL))
    assert not grammar.accepts(as_tokens(CALL))


def test_a_plain_answer() -> None:
    grammar = Grammar(turn_grammar([SEARCH], None, notation="gbnf"))
    assert grammar.accepts(as_tokens("<|channel|>final<|message|>Yes: a <| b, x < y.\n"))
    assert not grammar.accepts(as_tokens("<|channel|>final<|message|>"))


def test_samples_are_read_without_a_repair(encoding: HarmonyEncoding) -> None:
    grammar = Grammar(turn_grammar([SEARCH, CLOCK], OUTPUT, notation="gbnf"))
    rng = random.Random(0)
    numbers = {token(number): name for name, number in TOKENS.items()}
    for _ in range(100):
        sample = "".join(numbers.get(c, c) for c in grammar.sample(rng))
        reading = parse_completion(encoding.encode(sample, allowed_special="all"))
        assert not reading.repairs
        last = reading.messages[-1]
        assert last.channel == "final" or last.recipient in ("functions.search", "functions.clock")
