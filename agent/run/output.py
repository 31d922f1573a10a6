"""Any Pydantic type as the output type of a run."""

from __future__ import annotations

import json
from typing import Any, cast

from agents import AgentOutputSchemaBase
from pydantic import TypeAdapter, ValidationError

from ...tools.function import validation_errors
from ..answer import FROM_MODEL, RejectedOutput
from ..errors import UsageError

__all__ = ["OutputSchema", "as_json"]


class OutputSchema(AgentOutputSchemaBase):
    """The schema of an output type, and the reading of what comes back.

    A message that does not validate becomes a :class:`~..answer.RejectedOutput`, so that the run ends in good
    order and the model can be asked again with the errors.

    Args:
        output_type: a Pydantic model, dataclass, TypedDict or any other type Pydantic knows.

    Raises:
        UsageError: Pydantic has no JSON schema for the type.
    """

    def __init__(self, output_type: type[Any]) -> None:
        self._type = output_type
        try:
            self._adapter: TypeAdapter[Any] = TypeAdapter(output_type)
            self._schema = self._adapter.json_schema()
        except Exception as error:  # Pydantic raises several kinds, all about the type
            raise UsageError(f"{output_type!r} cannot be an output type: {error}") from error

    def is_plain_text(self) -> bool:
        """Whether the output is plain text; never, since ``str`` needs no schema."""
        return False

    def name(self) -> str:
        """The type's name."""
        return getattr(self._type, "__name__", str(self._type))

    def json_schema(self) -> dict[str, Any]:
        """The JSON schema the model is shown."""
        return self._schema

    def is_strict_json_schema(self) -> bool:
        """Not strict: optional fields stay optional."""
        return False

    def validate_json(self, json_str: str) -> Any:
        """Read a final message: the object, or :class:`~..answer.RejectedOutput`.

        A code fence around the object, and text after it, are forgiven when what remains validates.
        """
        try:
            return self._adapter.validate_json(json_str, context={FROM_MODEL: True})
        except ValidationError as error:
            rejected = RejectedOutput(text=json_str, errors=validation_errors(error))
        for candidate in _candidates(json_str):
            try:
                return self._adapter.validate_python(candidate, context={FROM_MODEL: True})
            except ValidationError as error:
                rejected = RejectedOutput(text=json_str, errors=validation_errors(error))
        return rejected


def as_json(output: object) -> Any:
    """An output as JSON values."""
    adapter: TypeAdapter[Any] = TypeAdapter(cast(Any, type(output)))
    return adapter.dump_python(output, mode="json")


def _candidates(text: str) -> list[Any]:
    """JSON values the message may have meant: in a fence, or at its beginning."""
    found: list[Any] = []
    for candidate in (text, _fenced(text)):
        try:
            value, _ = json.JSONDecoder().raw_decode(candidate.strip())
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError):  # no JSON, or text that no file can hold
            continue
        found.append(value)
    return found


def _fenced(text: str) -> str:
    """What stands in the first code fence."""
    _, opened, rest = text.partition("```")
    return rest.removeprefix("json").partition("```")[0] if opened else ""
