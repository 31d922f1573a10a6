"""The output type that ``--output-type`` or ``--schema`` names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

if TYPE_CHECKING:
    from ..run.output import OutputSchema

__all__ = ["load_schema", "load_type", "output_options", "wanted_type"]


def load_type(name: str) -> type[Any]:
    """The type that ``package.module:Type`` names; modules are looked up in the current folder, too.

    Raises:
        UsageError: there is no such module or type, or the module fails when it is loaded.
    """
    from importlib import import_module

    from ..errors import UsageError

    module_name, _, type_name = name.partition(":")
    if not all(part.isidentifier() for part in [*module_name.split("."), type_name]):
        raise UsageError(f"--output-type is MODULE:TYPE, such as `reports:Summary`, not {name!r}.")
    sys.path.insert(0, "")
    try:
        found = getattr(import_module(module_name), type_name)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"--output-type: {error}") from error
    except (Exception, SystemExit) as error:  # a module may do anything when it is loaded
        raise UsageError(
            f"--output-type: {module_name} fails when it is loaded: {type(error).__name__}: {error}"
        ) from error
    finally:
        sys.path.remove("")
    if not isinstance(found, type):
        raise UsageError(f"--output-type: {name} is not a type.")
    return found


def load_schema(path: str) -> OutputSchema:
    """The JSON schema in a file.

    Raises:
        UsageError: it cannot be read, or is no JSON schema.
    """
    import json

    from ..errors import UsageError
    from ..run.output import OutputSchema

    try:
        schema: Any = json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"--schema: {path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--schema: {path} is not JSON: {error}") from error
    if not isinstance(schema, dict):
        raise UsageError(f"--schema: {path} holds no JSON schema, which is an object")
    try:
        return OutputSchema.of_json_schema(cast("dict[str, Any]", schema))
    except UsageError as error:
        raise UsageError(f"--schema: {path}: {error}") from error


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags that say what an answer has to be."""
    command = click.option(
        "--schema",
        metavar="FILE",
        type=click.Path(dir_okay=False),
        help="A JSON schema the answer has to fit; it is printed as JSON.",
    )(command)
    return click.option(
        "--output-type",
        metavar="MODULE:TYPE",
        help="A Pydantic model the answer has to be; it is printed as JSON.",
    )(command)


def wanted_type(output_type: str | None, schema: str | None) -> type[Any] | OutputSchema:
    """What the flags ask for; an ``Answer`` without them.

    Raises:
        UsageError: both are given, or what one of them names cannot be had.
    """
    from ..answer import Answer
    from ..errors import UsageError

    if output_type is not None and schema is not None:
        raise UsageError("--output-type and --schema both say what the answer has to be: give one of them.")
    if schema is not None:
        return load_schema(schema)
    return Answer if output_type is None else load_type(output_type)
