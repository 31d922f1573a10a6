"""A conversation with the extractive engine, in tokens."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from openai_harmony import (
    Author,
    Conversation,
    DeveloperContent,
    HarmonyEncoding,
    Message,
    RenderConversationConfig,
    Role,
    SystemContent,
    ToolDescription,
)

from ossifrage.agent.engines.engine import Sampling
from ossifrage.agent.extractive import ExtractiveEngine
from ossifrage.agent.harmony import load_encoding
from ossifrage.tools.pages import PageStack, format_page

STRING = {"type": "string"}
INTEGER = {"type": "integer"}
TOOLS: dict[str, dict[str, Any]] = {
    "search": {"queries": {"type": "array", "items": STRING}, "top_k": {"type": "integer", "default": 5}},
    "open": {"document": STRING, "line": INTEGER, "num_lines": INTEGER},
    "find": {"document": STRING, "pattern": STRING},
}
REQUIRED = {"search": ["queries"], "open": ["document"], "find": ["document", "pattern"]}


@dataclass(frozen=True)
class Step:
    """One completion, read by openai-harmony's strict parser."""

    analysis: str
    function: str | None
    arguments: dict[str, Any]
    final: str | None


Document = Mapping[int, str]
Search = Callable[[Sequence[str]], Sequence[tuple[str, Document]]]


@dataclass
class Dialogue:
    """A conversation with the engine; every prompt is rendered by openai-harmony."""

    tools: Sequence[str] = ("search", "open", "find")
    schema: Mapping[str, Any] | None = None
    messages: list[Message] = field(default_factory=list[Message])
    pages: PageStack = field(default_factory=PageStack)
    encoding: HarmonyEncoding = field(default_factory=load_encoding)

    def __post_init__(self) -> None:
        developer = DeveloperContent.new().with_instructions("Answer from the documents.")
        if self.tools:
            described = [
                ToolDescription.new(  # pyright: ignore[reportUnknownMemberType]
                    name,
                    f"{name} things.",
                    {"type": "object", "properties": TOOLS[name], "required": REQUIRED[name]},
                )
                for name in self.tools
            ]
            developer = developer.with_function_tools(described)
        self.messages.append(Message.from_role_and_content(Role.SYSTEM, SystemContent.new()))
        message = Message.from_role_and_content(Role.DEVELOPER, developer)
        if self.schema is None:
            self.messages.append(message)
            return
        tokens = self.encoding.render(message)
        text = self.encoding.decode(tokens).split("<|message|>")[1].removesuffix("<|end|>")
        text += f"\n\n# Response Formats\n\n## Answer\n\n// What comes out.\n{json.dumps(self.schema)}"
        self.messages.append(Message.from_role_and_content(Role.DEVELOPER, text))

    def user(self, text: str) -> Dialogue:
        self.messages.append(Message.from_role_and_content(Role.USER, text))
        return self

    def assistant(self, text: str) -> Dialogue:
        self.messages.append(Message.from_role_and_content(Role.ASSISTANT, text).with_channel("final"))
        return self

    def result(self, name: str, text: str) -> Dialogue:
        author = Author.new(Role.TOOL, f"functions.{name}")
        message = Message.from_author_and_content(author, text)
        self.messages.append(message.with_channel("commentary").with_recipient("assistant"))
        return self

    def show(self, source: str, lines: Document, *, total: int | None = None, heading: str = "") -> str:
        page = self.pages.show(
            source=source, title=source, heading=heading, total_lines=total or max(lines), lines=lines
        )
        return format_page(page)

    @property
    def prompt(self) -> list[int]:
        return self.encoding.render_conversation_for_completion(
            Conversation.from_messages(self.messages),
            Role.ASSISTANT,
            RenderConversationConfig(auto_drop_analysis=False),
        )

    async def step(self) -> Step:
        """Let the engine speak once; what it says becomes part of the conversation."""
        tokens: list[int] = []
        async for chunk in ExtractiveEngine().generate(self.prompt, Sampling(max_tokens=16384)):
            tokens.extend(chunk.tokens)
        said = self.encoding.parse_messages_from_completion_tokens(tokens, Role.ASSISTANT)
        assert self.encoding.decode(tokens[-1:]) in ("<|call|>", "<|return|>")
        analysis, action = (message.to_dict() for message in said)
        assert (analysis["channel"], "recipient" in analysis) == ("analysis", False)
        self.messages.extend(said)
        text = action["content"][0]["text"]
        if action["channel"] == "final":
            return Step(analysis["content"][0]["text"], None, {}, text)
        assert (action["channel"], action["content_type"]) == ("commentary", "<|constrain|>json")
        function = action["recipient"].removeprefix("functions.")
        arguments = json.loads(text)
        assert function in self.tools
        _check(function, arguments)
        return Step(analysis["content"][0]["text"], function, arguments, None)

    async def ask(self, question: str, search: Search) -> tuple[str, list[Step]]:
        """Run to the final answer; ``open`` shows the whole of a document that a search has shown."""
        self.user(question)
        steps: list[Step] = []
        documents: dict[str, Document] = {}
        while True:
            step = await self.step()
            steps.append(step)
            assert len(steps) <= 9
            if step.final is not None:
                return step.final, steps
            if step.function == "search":
                found = search(step.arguments["queries"])
                documents.update(found)
                text = "\n\n".join(self.show(source, lines) for source, lines in found)
            else:
                lines = documents[step.arguments["document"]]
                line = step.arguments["line"]
                text = self.show(
                    step.arguments["document"], {n: lines[n] for n in lines if n >= line}, total=max(lines)
                )
            self.result(step.function or "", text or "Nothing found.")

    def shown(self, cursor: int, start: int, end: int) -> str:
        lines = self.pages.pages[cursor].lines
        return " ".join(lines[number] for number in range(start, end + 1))


def _check(function: str, arguments: dict[str, Any]) -> None:
    assert set(REQUIRED[function]) <= arguments.keys() <= TOOLS[function].keys()
    if function == "search":
        queries = arguments["queries"]
        assert 1 <= len(queries) <= 5
        assert all(isinstance(query, str) and 0 < len(query.strip()) <= 1000 for query in queries)
        assert 1 <= arguments["top_k"] <= 20
    if function == "open":
        assert arguments["line"] >= 1
        assert 1 <= arguments["num_lines"] <= 200
