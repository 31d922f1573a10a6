"""What the SDK's tracing is told of a request: never what was thought, as text or as tokens."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from agents import GenerationSpanData, ModelSettings, Span, SpanError, generation_span
from agents.items import TResponseInputItem
from openai.types.responses import Response

from ... import OssifrageError
from .streamed import ModelRequest

__all__ = ["Generation", "generation"]


class Generation:
    """The span of one request.

    Args:
        span: the SDK's.
        with_data: whether the app wants the texts, too (``ModelTracing.ENABLED_WITHOUT_DATA`` does not).
    """

    def __init__(self, span: Span[GenerationSpanData], *, with_data: bool) -> None:
        self._span = span
        self._with_data = with_data

    def end(self, response: Response, *, prompt: int, completion: int) -> None:
        """The response is whole; it took so many tokens."""
        self._span.span_data.usage = {"input_tokens": prompt, "output_tokens": completion}
        if self._with_data:
            rows = [item.model_dump(mode="json", exclude_none=True) for item in response.output]
            self._span.span_data.output = [told for row in rows if (told := _told(row)) is not None]


@contextmanager
def generation(model: str, request: ModelRequest) -> Generator[Generation, None, None]:
    """A generation span around a request, where the app traces."""
    with_data = request.tracing.include_data()
    span = generation_span(
        model=model,
        model_config=_settings(request.model_settings),
        input=_input(request.input) if with_data else None,
        disabled=request.tracing.is_disabled(),
    )
    span.start(mark_as_current=False)
    try:
        yield Generation(span, with_data=with_data)
    except Exception as error:
        # The text of others may hold what the model wrote.
        reason = str(error) if isinstance(error, OssifrageError) else type(error).__name__
        span.set_error(SpanError(message=reason, data=None))
        raise
    finally:
        span.finish(reset_current=False)


def _input(items: str | Sequence[TResponseInputItem]) -> list[dict[str, Any]]:
    if isinstance(items, str):
        return [{"role": "user", "content": items}]
    return [told for item in items if (told := _told(cast("Mapping[str, Any]", item))) is not None]


def _told(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """An item without its tokens; None for a thought."""
    if row.get("type") == "reasoning":
        return None
    return {key: value for key, value in row.items() if key != "provider_data"}


def _settings(settings: ModelSettings) -> dict[str, Any]:
    """No headers, and nothing that is only the server's."""
    told = {
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "max_tokens": settings.max_tokens,
        "tool_choice": settings.tool_choice if isinstance(settings.tool_choice, str) else None,
        "reasoning_effort": settings.reasoning.effort if settings.reasoning is not None else None,
    }
    return {name: value for name, value in told.items() if value is not None}
