"""A vLLM that looks something up and then answers, as slowly as is wanted, in a process of its own.

``python -m fakes.talking_server PAUSE STEPS WORDS`` prints its address. With ``tell`` behind it, a JSON list
of the questions of each prompt it is given follows, a line each; a pipe that nobody reads would stop it then.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fakes.http_server import Reply
from fakes.vllm_server import FakeVllm
from ossifrage.agent.harmony import load_encoding

SECRET = "zq7-the-thought-nobody-may-see"
THINK = f"<|channel|>analysis<|message|>{SECRET} Let me look.<|end|><|start|>assistant"
QUESTIONS = re.compile(r"<\|start\|>user<\|message\|>(.*?)<\|end\|>", re.DOTALL)


@dataclass
class TalkingVllm(FakeVllm):
    """Searches ``steps`` times for each question; what it answers names the question and is in Markdown."""

    max_model_len: int = 131_072
    steps: int = 1
    words: int = 40
    told: bool = False

    def _completion(self, body: Mapping[str, Any]) -> Reply:
        if "grammar" not in (body.get("structured_outputs") or {}) or len(body["prompt"]) > 500:
            prompt = load_encoding().decode(body["prompt"])
            self.completion = load_encoding().encode(self._text(prompt), allowed_special="all")
            if self.told:
                sys.stdout.write(json.dumps(QUESTIONS.findall(prompt)) + "\n")
                sys.stdout.flush()
        return super()._completion(body)

    def _text(self, prompt: str) -> str:
        turn = prompt[max(0, prompt.rfind("<|channel|>final<|message|>")) :]
        looked = turn.count("<|start|>functions.")
        questions = QUESTIONS.findall(prompt)
        last = questions[-1] if questions else ""
        if looked < self.steps:
            arguments = json.dumps({"queries": ["kite"], "top_k": looked + 1})
            header = "<|channel|>commentary to=functions.search <|constrain|>json<|message|>"
            return f"{THINK}{header}{arguments}<|call|>"
        body = f"You asked: **{last[:200]}**\n\nA kite is a bird of the genus Milvus [0]."
        body = body.replace("[0]", _marker(turn)) + "\n\n" + " ".join(f"word{n}" for n in range(self.words))
        return f"{THINK}<|channel|>final<|message|>" + json.dumps({"answer": body}) + "<|return|>"


def _marker(turn: str) -> str:
    """A citation of the line about kites, if it was shown in this turn."""
    found = re.search(r"\[(\d+)\] [^\n]*\n\*\*viewing(?:(?!\n\[\d).)*?\nL(\d+): A kite is", turn, re.DOTALL)
    return f"【{found[1]}†L{found[2]}】" if found else ""


async def _serve(pause: float, steps: int, words: int, *, told: bool) -> None:
    load_encoding()
    async with TalkingVllm(pause=pause, steps=steps, words=words, told=told) as server:
        sys.stdout.write(server.url + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main(arguments: Sequence[str]) -> None:
    pause, steps, words = float(arguments[0]), int(arguments[1]), int(arguments[2])
    asyncio.run(_serve(pause, steps, words, told="tell" in arguments[3:]))


if __name__ == "__main__":
    main(sys.argv[1:])
