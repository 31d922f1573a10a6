"""How much is kept, and for how long."""

from __future__ import annotations

from typing import Any

import pytest

from ossifrage.agent.serve.api.stored import ResponseStore, Stored
from ossifrage.agent.serve.limits import Limits
from ossifrage.agent.serve.problems import Problem


def stored(name: str, *, previous: str | None = None, size: int = 10) -> Stored:
    items: list[dict[str, Any]] = [{"id": f"msg_{name}", "role": "user", "content": "x" * size}]
    items.append({"type": "function_call", "call_id": f"call_{name}", "name": "f", "arguments": "{}"})
    return Stored(response_id=name, items=items, previous=previous, response={"id": name})


def test_the_one_used_longest_ago_goes_first() -> None:
    store = ResponseStore(Limits(stored=2))
    store.add(stored("a"))
    store.add(stored("b"))
    store.get("a")
    store.add(stored("c"))
    assert len(store) == 2
    with pytest.raises(Problem):
        store.get("b")
    assert store.get("a").response_id == "a"
    assert store.before_call("call_b") == ()
    assert store.item("msg_b") is None
    assert store.before_call("call_a")[-1]["call_id"] == "call_a"


def test_no_more_bytes_are_kept_than_allowed() -> None:
    store = ResponseStore(Limits(stored_bytes=3000))
    for name in "abcdef":
        store.add(stored(name, size=1000))
    assert len(store) == 2
    store.add(stored("large", size=4000))
    assert len(store) == 2
    for name in "ghij":
        store.add(stored(name, size=0))
    assert len(store) > 2


def test_what_is_old_is_forgotten() -> None:
    clock = [0.0]
    store = ResponseStore(Limits(stored_seconds=10), now=lambda: clock[0])
    store.add(stored("a"))
    clock[0] = 10.1
    with pytest.raises(Problem):
        store.get("a")
    assert len(store) == 0


def test_a_conversation_is_whole_or_none() -> None:
    store = ResponseStore(Limits())
    store.add(stored("a"))
    store.add(stored("b", previous="a"))
    store.add(stored("c", previous="b"))
    told = [item["id"] for item in store.conversation("c") if "id" in item]
    assert told == ["msg_a", "msg_b", "msg_c"]
    store.delete("a")
    with pytest.raises(Problem) as missing:
        store.conversation("c")
    assert missing.value.code == "previous_response_not_found"
