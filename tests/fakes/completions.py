"""Completions of gpt-oss, as harmony text, about the two documents of the ``birds`` knowledge base."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["ANSWER", "BONES", "FINAL", "SEARCH", "SECRET", "THINK", "UNCITED", "answer", "call"]

SECRET = "zq7-the-thought-nobody-may-see"
THINK = f"<|channel|>analysis<|message|>{SECRET}<|end|><|start|>assistant"
FINAL = "<|channel|>final<|message|>{}<|return|>"


def call(tool: str, **arguments: Any) -> str:
    header = f"<|channel|>commentary to=functions.{tool} <|constrain|>json<|message|>"
    return f"{THINK}{header}{json.dumps(arguments)}<|call|>"


def answer(text: str, *citations: tuple[str, int, str], **fields: Any) -> str:
    """A final answer; each citation a source, a line and a quote."""
    places = [
        {"source": source, "start_line": line, "end_line": line, "quote": quote}
        for source, line, quote in citations
    ]
    body = {"answer": text, "citations": places, **fields}
    return THINK + FINAL.format(json.dumps(body, ensure_ascii=False))


SEARCH = call("search", queries=["What does the bearded vulture eat?"])
BONES = ("birds/vulture.md", 5, "feeds on bones")
ANSWER = answer("It eats bones【0†L5】.", BONES)
UNCITED = answer("It eats bones.")
