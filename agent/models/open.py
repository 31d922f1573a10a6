"""From settings to a model: which engine, opened."""

from __future__ import annotations

import os
from dataclasses import dataclass

from agents import Model

from ..engines.engine import Engine
from ..errors import UsageError
from ..settings import Settings
from .detect import Found, detect
from .harmony import HarmonyModel
from .open_engine import ENGINES, SERVED, check_engine, open_engine

__all__ = ["OpenModel", "beside", "open_model", "wrap_engine"]

_NO_MODEL = "No language model: quoting sources"


@dataclass(frozen=True, kw_only=True)
class OpenModel:
    """A model ready to be asked, and what to say of it."""

    model: Model
    engine: str
    """The engine's kind, as in ``--engine``."""
    name: str
    """The model's name as the server gives it."""
    why: str
    """One line for the user: what was chosen, and why."""
    owned: bool = True
    """Whether it was opened here, and is closed here."""

    async def close(self) -> None:
        """Close the engine's connections."""
        if self.owned:
            await self.model.close()


async def open_model(settings: Settings, engine: str) -> OpenModel:
    """Open the model that the settings name, or the best one that can be found.

    Args:
        settings: address, key and model name.
        engine: ``auto``, or one of :data:`~.open_engine.ENGINES` and :data:`~.open_engine.SERVED`.

    Raises:
        UsageError: there is no engine of that name, or the address is none.
        EngineError: the server is not reachable, or refuses.
    """
    check_engine(engine, settings.base_url)
    key = None if settings.api_key is None else settings.api_key.get_secret_value()
    if engine in ENGINES:
        opened = await open_engine(
            engine,
            base_url=settings.base_url,
            api_key=key,
            model=settings.model,
            home=settings.home,
            context_window=settings.context_window,
        )
        return wrap_engine(opened, constrained=settings.constrained)
    found = await detect(base_url=settings.base_url, api_key=key, model=settings.model, environ=os.environ)
    if engine in SERVED and found.engine == "extractive":
        raise UsageError("No server was found: name one with --base-url, and --api-key if it wants one.")
    if engine in SERVED or found.engine in SERVED:
        return _served(found, engine if engine in SERVED else found.engine)
    opened = await open_engine(
        found.engine, base_url=found.base_url, api_key=found.api_key, model=found.model
    )
    return wrap_engine(opened, why=found.why, constrained=settings.constrained)


async def beside(opened: OpenModel, *, constrained: bool | None = None) -> OpenModel:
    """The same weights in this process, for another event loop.

    Raises:
        EngineError: they were let go of.
    """
    from ..engines.llama_cpp import LlamaCppEngine

    if not isinstance(opened.model, HarmonyModel) or not isinstance(opened.model.engine, LlamaCppEngine):
        return opened
    return wrap_engine(await opened.model.engine.beside(), constrained=constrained)


def wrap_engine(
    engine: Engine | Model, *, why: str | None = None, constrained: bool | None = None, owned: bool = True
) -> OpenModel:
    """A model over an engine that is open; a model of the SDK is taken as it is.

    Args:
        engine: where tokens come from, or a model.
        why: what to say of it.
        constrained: hold completions to a grammar; see ``HarmonyModel``.
        owned: whether closing the result closes the engine.
    """
    if isinstance(engine, Model):
        name = str(getattr(engine, "model", type(engine).__name__))
        return OpenModel(model=engine, engine="model", name=name, why=f"Model: {name}", owned=owned)
    if engine.name == "extractive":
        reason = f" ({why})" if why else ""
        return OpenModel(
            model=HarmonyModel(engine),
            engine=engine.name,
            name=engine.model,
            why=f"{_NO_MODEL}{reason}.",
            owned=owned,
        )
    return OpenModel(
        model=HarmonyModel(engine, constrained=constrained),
        engine=engine.name,
        name=engine.model,
        why=f"Model: {why or f'{engine.model} ({engine.name})'}.",
        owned=owned,
    )


def _served(found: Found, engine: str) -> OpenModel:
    if found.base_url is None or found.model is None:
        raise UsageError("A server needs an address and a model: pass --base-url and --model.")
    # The address of a token engine is its root; these APIs lie below /v1.
    if engine == "responses":
        from .responses import responses_model as open_served
    else:
        from .chat import chat_model as open_served
    model = open_served(
        base_url=found.base_url, model=found.model, api_key=found.api_key, server=found.server
    )
    return OpenModel(model=model, engine=engine, name=found.model, why=f"Model: {found.why}.")
