"""How well a server speaks gpt-oss."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from pydantic import BaseModel

from ..engines.client import open_client, shown_address
from ..engines.http import get_json, read_as
from ..engines.listing import served_models
from ..errors import EngineError
from ..models.detect import LOCAL_ADDRESSES, detect, is_gpt_oss
from ..models.profiles import PROFILES
from . import chat, tokens
from .subject import Subject
from .values import Check, Finding, Report, failed, passed, skipped

__all__ = ["MAX_TOKENS", "examine_server"]

MAX_TOKENS = 1024
"""Room for a little reasoning and a short answer."""

SMALL_CONTEXT = 16_384
"""With less than this a handful of search results fills the context."""

CheckFunction = Callable[[Subject], Awaitable[Finding]]


async def examine_server(
    *,
    base_url: str | None,
    api_key: str | None,
    model: str | None,
    environ: Mapping[str, str],
    addresses: Sequence[str] = LOCAL_ADDRESSES,
    max_tokens: int = MAX_TOKENS,
) -> Report:
    """Examine the server at ``base_url``, or the one that ``--engine auto`` would choose.

    Args:
        base_url: the server's address.
        api_key: its key.
        model: the model to examine.
        environ: the environment, for ``OPENROUTER_API_KEY``.
        addresses: where to look on this machine when no address is named.
        max_tokens: most tokens that one check lets the model write.

    Raises:
        UsageError: ``base_url`` is no address.
    """
    try:
        found = await detect(
            base_url=base_url, api_key=api_key, model=model, environ=environ, addresses=addresses
        )
    except EngineError as error:
        unreachable = failed(str(error), "start the server, or correct --base-url or --api-key")
        title = "server" if base_url is None else shown_address(base_url)
        return Report(title=title, checks=[_check("server", "reachable", unreachable)])
    if found.base_url is None or found.model is None or found.server is None:
        missing = skipped(f"{found.why}: start one, or name one with --base-url")
        return Report(title="server", checks=[_check("server", "reachable", missing)])
    address = shown_address(found.base_url).removesuffix("/v1")
    profile = PROFILES[found.server]
    async with open_client(found.base_url, api_key=found.api_key) as client:
        subject = Subject(
            client=client, address=address, profile=profile, model=found.model, max_tokens=max_tokens
        )
        checks = [_check("server", "reachable", passed(f"{profile.title} answers"))]
        for group, functions in _GROUPS.items():
            for name, function in functions.items():
                checks.append(_check(group, name, await _run(function, subject)))
    return Report(title=f"{address} with {found.model}", checks=checks)


def _check(group: str, name: str, finding: Finding) -> Check:
    return Check(group, name, finding.outcome, finding.why, finding.advice)


async def _run(function: CheckFunction, subject: Subject) -> Finding:
    try:
        return await function(subject)
    except EngineError as error:
        return failed(str(error), "see the server's log; a newer version may be needed")


async def _model(subject: Subject) -> Finding:
    """Whether the model is known to be gpt-oss: by its name, else by its vocabulary."""
    names = [entry.id for entry in await served_models(subject.client)]
    if subject.model not in names:
        return failed(
            f"the server lists {', '.join(names[:3])}, not {subject.model}", "pass --model with a served name"
        )
    if is_gpt_oss(subject.model):
        return passed(f"{subject.model} looks like gpt-oss")
    if await tokens.has_harmony_vocabulary(subject):
        return passed(f"{subject.model} has gpt-oss's vocabulary")
    return failed(f"{subject.model} is not known to be gpt-oss", "serve gpt-oss, or pass --model")


class _GenerationSettings(BaseModel):
    n_ctx: int


class _Properties(BaseModel):
    default_generation_settings: _GenerationSettings


async def _context_length(subject: Subject) -> Finding:
    length: int | None
    if subject.profile.kind == "llama-server":
        answer = await get_json(subject.client, "/props")
        properties = read_as(_Properties, answer, subject.client, "/props")
        length = properties.default_generation_settings.n_ctx
    else:
        entries = await served_models(subject.client)
        length = next((entry.max_model_len for entry in entries if entry.id == subject.model), None)
    if length is None:
        return skipped("the server does not say; see that it is not its default of a few thousand tokens")
    if length < SMALL_CONTEXT:
        return failed(
            f"{length:,} tokens, which a few search results fill",
            f"start the server with at least {SMALL_CONTEXT:,} (gpt-oss has 131,072)",
        )
    return passed(f"{length:,} tokens")


_GROUPS: dict[str, dict[str, CheckFunction]] = {
    "server": {"model is gpt-oss": _model, "context length": _context_length},
    "token ids": tokens.CHECKS,
    "chat": chat.CHECKS,
}
