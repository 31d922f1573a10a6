"""Values held to a JSON schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from ..errors import UsageError

__all__ = ["validator_of"]

_MOST_ERRORS = 10


def validator_of(schema: Mapping[str, Any]) -> Callable[[Any], Any]:
    """A check that gives a value back, or raises ValueError with what is wrong, one line for each place.

    The draft is the one that ``$schema`` names, else 2020-12. Nothing is fetched: a reference has to lead
    into the schema itself.

    Raises:
        UsageError: it is no JSON schema.
    """
    # Slow to load, and only needed for schemas that come from a file.
    from jsonschema.exceptions import SchemaError, ValidationError
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    kind: Any = cast(Any, validator_for)(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise UsageError(f"this is no JSON schema: at {error.json_path}: {error.message}") from error
    validator = kind(schema, registry=cast(Any, Registry)())

    def check(value: Any) -> Any:
        try:
            errors: list[ValidationError] = list(validator.iter_errors(value))
        except Unresolvable as error:
            raise UsageError(f"a reference of the JSON schema leads nowhere: {error}") from error
        if errors:
            told = [f"{each.json_path}: {each.message}" for each in errors[:_MOST_ERRORS]]
            raise ValueError("\n- ".join(told))
        return value

    return check
