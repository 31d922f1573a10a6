"""The models that a server lists at ``/v1/models``."""

from __future__ import annotations

import asyncio

from pydantic import ValidationError

from ..errors import EngineResponseError
from ..text import one_line
from .client import Client
from .http import Count, Payload, get_json, read_as

__all__ = ["Entry", "served_model", "served_models"]

_PATH = "/v1/models"
_NAME_LENGTH = 256
_NAMES_SHOWN = 5
_ROWS_A_TURN = 500
"""Rows that are read before other tasks get their turn: a list of 1 MB may have 20,000."""


class Entry(Payload):
    """A model in the list at ``/v1/models``."""

    id: str
    owned_by: str = ""
    max_model_len: Count = None
    """vLLM's and SGLang's: the context window; None where there is none, or none that can be."""


class _Listing(Payload):
    data: list[object]


async def served_models(client: Client) -> list[Entry]:
    """The server's list of models; those whose name cannot be shown are left out.

    Raises:
        EngineError: not reachable, refused, or no list.
    """
    listed = read_as(_Listing, await get_json(client, _PATH), client, _PATH).data
    entries: list[Entry] = []
    for index, row in enumerate(listed):
        if not index % _ROWS_A_TURN:
            await asyncio.sleep(0)
        try:
            entry = Entry.model_validate(row)
        except ValidationError:
            continue
        if 0 < len(entry.id) <= _NAME_LENGTH and client.mask(one_line(entry.id)) == entry.id:
            entries.append(entry)
    if listed and not entries:
        raise client.foreign(_PATH, "no model that has a usable name")
    return entries


async def served_model(client: Client, wanted: str | None) -> Entry:
    """The model ``wanted`` in the server's list, or the first one when none is named.

    Raises:
        EngineError: no list, an empty one, or one without ``wanted``.
    """
    entries = await served_models(client)
    for entry in entries:
        if wanted in (None, entry.id):
            return entry
    names = ", ".join(entry.id for entry in entries[:_NAMES_SHOWN]) or "no model"
    more = f" and {len(entries) - _NAMES_SHOWN} more" if len(entries) > _NAMES_SHOWN else ""
    raise EngineResponseError(
        f"{client.address} serves {names}{more}, not {wanted or 'a model'}: "
        "pass --model with a name it serves."
    )
