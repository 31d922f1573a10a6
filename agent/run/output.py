"""Any Pydantic type as the output type of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from agents import AgentOutputSchemaBase, ModelBehaviorError
from pydantic import AfterValidator, TypeAdapter, ValidationError

from ...prompts import render
from ...tools.function import validation_errors
from ..answer import FROM_MODEL, Answer, RejectedOutput
from ..errors import UsageError
from .json_schema import validator_of
from .partial import Form

__all__ = ["OutputSchema", "as_json", "as_text"]

_SCALARS = {"string", "integer", "number", "boolean", "null"}


class OutputSchema(AgentOutputSchemaBase):
    """The schema of an output type, and the reading of what comes back.

    A message that does not validate becomes a :class:`~..answer.RejectedOutput`, so that the run ends in good
    order and the model can be asked again with the errors.

    Args:
        output_type: a Pydantic model, dataclass, TypedDict, union, list or anything else that Pydantic takes
            for a type.

    Raises:
        UsageError: Pydantic has no JSON schema for the type.
    """

    def __init__(self, output_type: Any) -> None:
        self._type = output_type
        self._name = _name_of(output_type)
        try:
            self._adapter: TypeAdapter[Any] = TypeAdapter(output_type)
            self._schema = self._adapter.json_schema()
        except Exception as error:  # Pydantic raises several kinds, all about the type
            raise UsageError(f"{output_type!r} cannot be an output type: {error}") from error

    @classmethod
    def of_json_schema(cls, schema: Mapping[str, Any]) -> OutputSchema:
        """The values that a JSON schema allows, as plain JSON values.

        Raises:
            UsageError: it is no JSON schema.
        """
        made = cls(cast(Any, Annotated[Any, AfterValidator(validator_of(schema))]))
        made._schema = dict(schema)
        title = schema.get("title")
        made._name = title if isinstance(title, str) and title.strip() else "JSON"
        return made

    def strictly(self) -> OutputSchema:
        """The same schema for somebody else's runner: what does not validate is an error."""
        return _StrictSchema(self)

    def is_plain_text(self) -> bool:
        """Whether the output is plain text; never, since ``str`` needs no schema."""
        return False

    def name(self) -> str:
        """The type's name."""
        return self._name

    def json_schema(self) -> dict[str, Any]:
        """The JSON schema the model is shown."""
        return self._schema

    @property
    def form(self) -> Form:
        """What a message of this type is made of."""
        if self._type is Answer:
            return "answer"
        forms = _forms(self._schema, self._schema.get("$defs", {}))
        return forms.pop() if len(forms) == 1 else "scalar"  # of a mixture nothing is known before its end

    def is_strict_json_schema(self) -> bool:
        """Not strict: optional fields stay optional."""
        return False

    def validate_json(self, json_str: str) -> Any:
        """Read a final message: the object, or :class:`~..answer.RejectedOutput`.

        A code fence around the object, text after it, text before one that ends the message, and line breaks
        in its strings are forgiven when what remains validates.
        """
        try:
            output = self._adapter.validate_json(json_str, context={FROM_MODEL: True})
        except ValidationError as error:
            rejected = RejectedOutput(text=json_str, errors=validation_errors(error))
        else:
            return _not_empty(output, json_str)
        for candidate in _candidates(json_str):
            try:
                output = self._adapter.validate_python(candidate, context={FROM_MODEL: True})
            except ValidationError as error:
                rejected = RejectedOutput(text=json_str, errors=validation_errors(error))
            else:
                return _not_empty(output, json_str)
        return rejected


class _StrictSchema(OutputSchema):
    def __init__(self, schema: OutputSchema) -> None:
        for name, value in vars(schema).items():
            setattr(self, name, value)

    def validate_json(self, json_str: str) -> Any:
        output = super().validate_json(json_str)
        if isinstance(output, RejectedOutput):
            raise ModelBehaviorError(f"The final answer is not valid {self.name()}.")
        return output


def _forms(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> set[Form]:
    """The forms that values of a schema have, null aside."""
    seen: set[str] = set()
    forms: set[Form] = set()
    waiting: list[Mapping[str, Any]] = [schema]
    while waiting:
        each = waiting.pop()
        if branches := each.get("anyOf") or each.get("oneOf"):
            waiting += branches
        elif (reference := each.get("$ref")) in seen:
            continue
        elif reference is not None and (target := reference.rpartition("/")[2]) in definitions:
            seen.add(reference)
            waiting.append(definitions[target])
        elif each.get("type") in _SCALARS or not each.keys().isdisjoint(("enum", "const")):
            forms |= {"scalar"} if each.get("type") != "null" else set()
        else:
            forms.add("array" if each.get("type") == "array" else "object")
    return forms or {"scalar"}


def _name_of(wanted: Any) -> str:
    """A type's name, as people write it: ``Cat | Dog``, ``list[Cat]``."""
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin is Annotated:
        return _name_of(parts[0])
    if origin is Literal:
        return " | ".join(map(repr, parts))
    if origin in (Union, UnionType):
        return " | ".join(map(_name_of, parts))
    if wanted is NoneType:
        return "None"
    name = str(getattr(wanted, "__name__", wanted))
    return f"{name}[{', '.join(map(_name_of, parts))}]" if origin is not None and parts else name


def as_json(output: object) -> Any:
    """An output as JSON values."""
    adapter: TypeAdapter[Any] = TypeAdapter(cast(Any, type(output)))
    return json.loads(adapter.dump_json(output))  # what JSON has no number for is null


def as_text(output: object) -> str:
    """An output as people read it: text as it is, anything else as JSON."""
    match output:
        case Answer(answer=text) | str(text):
            return text
        case _:
            return json.dumps(as_json(output), indent=2, ensure_ascii=False)


def _not_empty(output: Any, text: str) -> Any:
    """The output, if it says anything."""
    if isinstance(output, Answer) and not output.answer.strip() and not any(map(str.strip, output.missing)):
        return RejectedOutput(text=text, errors=render("empty_answer"))
    return output


def _candidates(text: str) -> list[Any]:
    """JSON values the message may have meant: at its beginning, in a fence, or at its end."""
    found: list[Any] = []
    for candidate, more_may_follow in ((text, True), (_fenced(text), True), (_ending(text), False)):
        try:
            value, end = json.JSONDecoder(strict=False).raw_decode(candidate := candidate.strip())
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError):  # no JSON, or text that no file can hold
            continue
        if more_may_follow or end == len(candidate):
            found.append(value)
    return found


def _ending(text: str) -> str:
    """From the first brace on."""
    return text[text.find("{") :] if "{" in text else ""


def _fenced(text: str) -> str:
    """What stands in the first code fence."""
    _, opened, rest = text.partition("```")
    return rest.removeprefix("json").partition("```")[0] if opened else ""
