"""Token ids in and out: what native harmony needs.

No check depends on what the model says: where it has to stop, a bias leaves it no choice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from ...prompts import render
from ..engines.engine import STOP_TOKENS
from ..engines.failures import field_of
from ..engines.http import get_json, post_events, read_as
from ..errors import EngineError
from ..harmony.vocabulary import MESSAGE, RETURN, START, load_encoding
from ..models.open_engine import ENGINES
from .subject import Subject
from .values import Finding, failed, passed, skipped

__all__ = ["CHECKS", "has_harmony_vocabulary"]

_LENGTH = 24
"""More than the 16 tokens that some servers stop after unless told otherwise."""

_OPENAI_PATH = "/v1/completions"
_CHAT_INSTEAD = "use --engine chat, or serve gpt-oss with vLLM or llama.cpp"


@dataclass(frozen=True)
class _Completion:
    tokens: list[int] | None
    """The token ids of the completion; None if the server sends none."""
    count: int | None
    """Tokens of the completion, as the server counts them."""
    prompt_count: int | None
    stopped: bool
    """Whether it ended at a stop token, not at the limit."""


class _LlamaCompletion(BaseModel):
    tokens: list[int] | None = None
    tokens_predicted: int | None = None
    tokens_evaluated: int | None = None
    stop_type: str | None = None


class _Choice(BaseModel):
    token_ids: list[int] | None = None
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _OpenAICompletion(BaseModel):
    choices: list[_Choice]
    usage: _Usage | None = None


async def token_ids_in(subject: Subject) -> Finding:
    """A prompt of token ids counts as many tokens as it has."""
    prompt = _prompt()
    try:
        completion = await _complete(subject, prompt, max_tokens=_LENGTH)
    except EngineError as error:
        return _refused(subject, error)
    if completion.prompt_count is None:
        return skipped("taken, but the server does not count the prompt")
    if completion.prompt_count != len(prompt):
        return failed(
            f"the server counts {completion.prompt_count} tokens in a prompt of {len(prompt)}", _CHAT_INSTEAD
        )
    return passed(f"a prompt of {len(prompt)} ids counts {completion.prompt_count} tokens")


async def token_ids_out(subject: Subject) -> Finding:
    """The completion comes as token ids."""
    try:
        completion = await _complete(subject, _prompt(), max_tokens=_LENGTH)
    except EngineError as error:
        return _refused(subject, error)
    if completion.tokens:
        return passed(f"{len(completion.tokens)} ids")
    if not _is_token_server(subject):
        return skipped(f"{subject.profile.title} sends text only; it is driven as a chat server")
    return failed("the server sends text only", f"update the server (return_token_ids), or {_CHAT_INSTEAD}")


async def max_tokens(subject: Subject) -> Finding:
    """``max_tokens`` counts, and not the server's own default."""
    try:
        completion = await _complete(subject, _prompt(), max_tokens=_LENGTH)
    except EngineError as error:
        return _refused(subject, error)
    count = len(completion.tokens) if completion.tokens else completion.count
    if count is None:
        return skipped("the server does not count the completion")
    if completion.stopped and count <= _LENGTH:
        return passed(f"the model itself stopped after {count} of at most {_LENGTH} tokens")
    if count != _LENGTH:
        return failed(
            f"{count} tokens came where {_LENGTH} were asked for",
            "see whether a proxy or the server's own limit changes max_tokens",
        )
    return passed(f"{_LENGTH} tokens asked for, {count} came")


async def stop_tokens(subject: Subject) -> Finding:
    """The stop token is told, so that a finished answer and a cut one can be told apart."""
    try:
        completion = await _complete(subject, _prompt(), max_tokens=4, force=RETURN)
    except EngineError as error:
        return _refused(subject, error)
    if completion.tokens and completion.tokens[-1] in STOP_TOKENS:
        return passed(f"the completion ends with {completion.tokens[-1]} (<|return|>)")
    if completion.tokens is None and not _is_token_server(subject):
        return skipped(f"{subject.profile.title} sends text only")
    if completion.stopped:
        return failed("the completion stops without its stop token", f"update the server, or {_CHAT_INSTEAD}")
    return failed(
        "a forced <|return|> does not end the completion",
        "check the model's files: <|return|> (200002) has to be an end-of-generation token",
    )


async def effort(subject: Subject) -> Finding:
    """The reasoning effort is part of a prompt of token ids."""
    if _is_token_server(subject):
        return passed("written into the prompt here, as token ids")
    return skipped("the server writes the prompt: see chat")


async def streaming(subject: Subject) -> Finding:
    """Tokens come as they are made."""
    if not _is_token_server(subject):
        return skipped("see chat")
    path, body = _request(subject, _prompt(), max_tokens=_LENGTH)
    pieces = 0
    async with post_events(subject.client, path, {**body, "stream": True}) as events:
        async for _ in events:
            pieces += 1
    if pieces < _LENGTH // 4:
        return failed(
            f"{_LENGTH} tokens came in {pieces} pieces", "see whether a proxy holds the stream back"
        )
    return passed(f"{_LENGTH} tokens in {pieces} pieces")


async def has_harmony_vocabulary(subject: Subject) -> bool:
    """Whether the server reads ``<|start|>`` as gpt-oss's token of that name."""
    body = {
        "model": subject.model,
        "content": "<|start|><|message|>",  # llama.cpp
        "prompt": "<|start|><|message|>",  # vLLM, SGLang
        "parse_special": True,
        "add_special": False,
        "add_special_tokens": False,
    }
    try:
        answer = await get_json(subject.client, "/tokenize", body=body)
    except EngineError:
        return False
    return field_of(answer, "tokens") == [START, MESSAGE]


CHECKS: dict[str, Callable[[Subject], Awaitable[Finding]]] = {
    "token ids in": token_ids_in,
    "token ids out": token_ids_out,
    "max_tokens": max_tokens,
    "stop tokens": stop_tokens,
    "reasoning effort": effort,
    "streaming": streaming,
}


def _is_token_server(subject: Subject) -> bool:
    return subject.profile.kind in ENGINES


def _refused(subject: Subject, error: EngineError) -> Finding:
    if _is_token_server(subject):
        return failed(str(error), _CHAT_INSTEAD)
    return skipped(f"{subject.profile.title} takes no token ids; it is driven as a chat server")


def _prompt() -> list[int]:
    """A question in harmony."""
    encoding = load_encoding()
    question = encoding.encode(render("doctor/question"))
    user, end_and_opening = (
        encoding.encode(text, allowed_special="all")
        for text in ("<|start|>user<|message|>", "<|end|><|start|>assistant")
    )
    return [*user, *question, *end_and_opening]


def _request(
    subject: Subject, prompt: list[int], *, max_tokens: int, force: int | None = None
) -> tuple[str, dict[str, Any]]:
    """Path and body for a completion; with ``force`` the model can say nothing but this stop token."""
    if subject.profile.kind == "llama-server":
        body: dict[str, Any] = {"prompt": prompt, "n_predict": max_tokens, "return_tokens": True}
        return "/completion", body | (
            {"ignore_eos": True} if force is None else {"logit_bias": [[force, 100.0]]}
        )
    body = {
        "model": subject.model,
        "prompt": prompt,
        "max_tokens": max_tokens,
        "return_token_ids": True,
        "skip_special_tokens": False,
    }
    if subject.profile.kind == "sglang":
        body["no_stop_trim"] = True
    if force is None:
        return _OPENAI_PATH, body | {"ignore_eos": True}
    return _OPENAI_PATH, body | {
        "logit_bias": {str(force): 100.0},
        "stop_token_ids": list(STOP_TOKENS),
    }


async def _complete(
    subject: Subject, prompt: list[int], *, max_tokens: int, force: int | None = None
) -> _Completion:
    path, body = _request(subject, prompt, max_tokens=max_tokens, force=force)
    payload = await get_json(subject.client, path, body=body)
    if path == _OPENAI_PATH:
        answer = read_as(_OpenAICompletion, payload, subject.client, path)
        choice, usage = answer.choices[0] if answer.choices else _Choice(), answer.usage or _Usage()
        return _Completion(
            choice.token_ids, usage.completion_tokens, usage.prompt_tokens, choice.finish_reason == "stop"
        )
    native = read_as(_LlamaCompletion, payload, subject.client, path)
    return _Completion(
        native.tokens, native.tokens_predicted, native.tokens_evaluated, native.stop_type == "eos"
    )
