"""Values held to a JSON schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from ..errors import UsageError

__all__ = ["validator_of"]

_MOST_ERRORS = 10
_PATTERN_SECONDS = 1.0
"""A pattern may come from a client of the server, and what it is held against from a model that obeys one."""


def validator_of(schema: Mapping[str, Any]) -> Callable[[Any], Any]:
    """A check that gives a value back, or raises ValueError with what is wrong, one line for each place.

    The draft is the one that ``$schema`` names, else 2020-12. Nothing is fetched: a reference has to lead
    into the schema itself.

    Raises:
        UsageError: it is no JSON schema.
    """
    # Slow to load, and only needed for schemas that come from a file.
    from jsonschema import validators
    from jsonschema.exceptions import SchemaError, ValidationError
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    kind: Any = cast(Any, validators).validator_for(schema, default=validators.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise UsageError(f"this is no JSON schema: at {error.json_path}: {error.message}") from error
    kind = cast(Any, validators).extend(kind, {"pattern": _pattern})
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


def _pattern(validator: Any, pattern: str, instance: Any, _: object) -> Iterator[Exception]:
    """The keyword ``pattern``, in bounded time: Python's own ``re`` may take for ever (``(a+)+$``)."""
    import regex
    from jsonschema.exceptions import ValidationError

    if not validator.is_type(instance, "string"):
        return
    try:
        if regex.search(pattern, instance, timeout=_PATTERN_SECONDS) is None:
            yield ValidationError(f"{instance!r} does not match {pattern!r}")
    except TimeoutError:
        yield ValidationError(f"it takes too long to tell whether it matches {pattern!r}")
