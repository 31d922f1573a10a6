"""A conversation as clients give it, to the items that a model of the SDK takes.

Nothing of a client's own gets into an item but what is named here: an item's ``provider_data`` may hold
tokens, and those are never a client's to give.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..problems import Problem
from .requests import (
    CallItem,
    ChatMessage,
    ContentPart,
    MessageItem,
    OutputItem,
    ReasoningItem,
    ReferenceItem,
    SearchItem,
)
from .sealed import Seal
from .stored import Item, ResponseStore
from .tools import ClientTools

__all__ = ["chat_items", "input_items", "split_instructions", "with_thoughts"]

AnyItem = MessageItem | CallItem | OutputItem | ReasoningItem | ReferenceItem | SearchItem


def input_items(
    given: str | Sequence[AnyItem], *, tools: ClientTools, store: ResponseStore, seal: Seal
) -> list[Item]:
    """The items of a Responses request.

    Raises:
        Problem: an item refers to one that is not kept, or was sealed elsewhere (400).
    """
    if isinstance(given, str):
        return [_said("user", given)]
    items: list[Item] = []
    for item in given:
        match item:
            case MessageItem():
                said = _said(item.role, text_of(item.content))
                items.append(said if item.phase is None else {**said, "phase": item.phase})
            case CallItem():
                arguments = item.arguments
                if item.type == "custom_tool_call":
                    arguments = json.dumps({"input": item.input or ""}, ensure_ascii=False)
                name = tools.shown(item.name, item.namespace)
                items.append(_call(item.call_id, name, arguments))
            case OutputItem():
                items.append(_returned(item.call_id, text_of(item.output)))
            case ReasoningItem():
                items += _thought(_thought_text(item, seal))
            case ReferenceItem():
                if (kept := store.item(item.id)) is None:
                    raise Problem(
                        400,
                        f"The item {item.id[:100]!r} is not kept: send the item itself.",
                        code="item_not_found",
                        param="input",
                    )
                items.append(kept)
            case SearchItem():
                pass
    return items


def chat_items(messages: Sequence[ChatMessage]) -> list[Item]:
    """The items of a chat completions request.

    Raises:
        Problem: a tool's message names no call, or another's is empty (400).
    """
    items: list[Item] = []
    for number, message in enumerate(messages):
        text = text_of(message.content or "")
        if message.role == "tool":
            if not message.tool_call_id:
                raise Problem(
                    400,
                    "A tool's message needs the tool_call_id of the call it answers.",
                    code="invalid_value",
                    param=f"messages.{number}.tool_call_id",
                )
            items.append(_returned(message.tool_call_id, text))
            continue
        items += _thought(message.reasoning_content or "")
        if text or not message.tool_calls:
            items.append(_said(message.role, text))
        items += [
            _call(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ()
        ]
    return items


def split_instructions(items: Sequence[Item]) -> tuple[str | None, list[Item]]:
    """What a conversation begins with, of the system's and the developer's, and the rest of it.

    gpt-oss takes it as its developer message; its own system message is made here.
    """
    begin = 0
    while begin < len(items) and items[begin].get("role") in ("system", "developer"):
        begin += 1
    told = "\n\n".join(item["content"] for item in items[:begin] if item["content"])
    rest = [
        {**item, "role": "developer"} if item.get("role") == "system" else dict(item)
        for item in items[begin:]
    ]
    return told or None, rest


def with_thoughts(items: Sequence[Item], store: ResponseStore) -> list[Item]:
    """A conversation with what the model thought before its calls, where that is kept and the client left it
    out: gpt-oss has to be given it until it has answered.
    """
    whole: list[Item] = []
    for item in items:
        kept = store.before_call(item["call_id"]) if item.get("type") == "function_call" else ()
        if not kept or (kept[-1]["name"], kept[-1]["arguments"]) != (item["name"], item["arguments"]):
            whole.append(item)
            continue
        said = {_text_in(each) for each in kept if each.get("phase") == "commentary"}
        while whole and (
            whole[-1].get("type") == "reasoning"
            or (whole[-1].get("role") == "assistant" and _text_in(whole[-1]) in said)
        ):
            whole.pop()
        whole += kept
    return whole


def text_of(content: str | Sequence[ContentPart]) -> str:
    """Content as one text."""
    if isinstance(content, str):
        return content
    return "\n".join(part.text or part.refusal or "" for part in content)


def _text_in(item: Item) -> str:
    content = item.get("content")
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content or ())


def _thought_text(item: ReasoningItem, seal: Seal) -> str:
    if item.encrypted_content:
        return seal.open(item.encrypted_content)
    return text_of(item.content or item.summary)


def _said(role: str, text: str) -> Item:
    return {"type": "message", "role": role, "content": text}


def _call(call_id: str, name: str, arguments: str) -> Item:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def _returned(call_id: str, output: str) -> Item:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def _thought(text: str) -> list[Item]:
    if not text:
        return []
    return [{"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": text}]}]
