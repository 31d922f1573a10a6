"""``ossifrage config``: every setting, its value, and where that comes from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from .options import with_home, with_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..settings import McpServer, Settings

__all__ = ["config"]

_MASK = "**********"


def _names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from ..settings import Settings

    return [name for name in Settings.model_fields if name.startswith(incomplete)]


_name = click.argument("name", shell_complete=_names)


@click.group()
def config() -> None:
    """Every setting, its value, and where that comes from.

    A flag goes before the variable OSSIFRAGE_NAME, which goes before the config file.
    """


@config.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@with_settings()
def list_(settings: Settings, as_json: bool) -> None:
    """List every setting with its value, and where that comes from."""
    import json

    from ..config_file import ConfigFile
    from ..settings import origin_of
    from ..text import one_line

    file, given = ConfigFile(settings.home), click.get_current_context().obj
    rows = [
        (name, _shown(settings, name), origin_of(name, file, given)) for name in type(settings).model_fields
    ]
    if as_json:
        keys = ("name", "value", "from", "place")
        click.echo(
            json.dumps([dict(zip(keys, (name, value, *origin), strict=True)) for name, value, origin in rows])
        )
        return
    texts = [_text(value) for _, value, _ in rows]
    wide, widest = max(len(name) for name, _, _ in rows), min(max(map(len, texts)), 48)
    for (name, _, origin), text in zip(rows, texts, strict=True):
        place = one_line(origin.place) or origin.kind
        click.echo(f"{name:{wide}}  {text or '-':{widest}}  {place}")


@config.command()
@_name
@with_settings()
def get(settings: Settings, name: str) -> None:
    """Print the value of one setting; nothing where it has none."""
    click.echo(_text(_shown(settings, _known(name))))


@config.command("set")
@_name
@click.argument("value")
@with_home
def set_(home: Path, name: str, value: str) -> None:
    """Write a setting to the config file; the value `-` is read from standard input."""
    from ..config_file import ConfigFile
    from ..settings import checked_value

    if value == "-":
        value = sys.stdin.read().rstrip("\n")
    file = ConfigFile(home)
    file.set(_known(name), checked_value(name, value))
    click.echo(f"{name} is set in {file.path}", err=True)


@config.command()
@_name
@with_home
def unset(home: Path, name: str) -> None:
    """Take a setting out of the config file."""
    from ..config_file import ConfigFile

    file = ConfigFile(home)  # also one that no longer exists can be taken out
    said = "is no longer set" if file.unset(name) else "is not set"
    click.echo(f"{name} {said} in {file.path}", err=True)


@config.command()
@with_home
def path(home: Path) -> None:
    """Print where the config file is, whether or not there is one."""
    from ..config_file import ConfigFile

    click.echo(ConfigFile(home).path)


def _text(value: Any) -> str:
    """A value on one line; empty where there is none."""
    import json

    from ..text import one_line

    if isinstance(value, dict):
        return one_line(json.dumps(value, ensure_ascii=False)) if value else ""
    return "" if value is None else one_line(str(value))


def _known(name: str) -> str:
    """The name of a setting, told apart from others early.

    Raises:
        UsageError: there is no such setting.
    """
    from ..errors import UsageError
    from ..settings import Settings, nearest

    if name not in Settings.model_fields:
        raise UsageError(f"there is no setting {name!r}{nearest(name)}; ossifrage config list shows all")
    return name


def _masked_tables(tables: Mapping[str, McpServer]) -> dict[str, Any]:
    """Tables as they may be seen, without what is not set."""
    from ...tools.addresses import without_credentials
    from ..credentials import CredentialMask

    shown: dict[str, Any] = {}
    for name, table in tables.items():
        values = table.model_dump(mode="json", exclude_defaults=True)  # secrets are masked by their type
        if "url" in values:
            values["url"] = without_credentials(values["url"])
        shown[name] = CredentialMask(table.secrets).value(values)
    return shown


def _shown(settings: Settings, name: str) -> Any:
    """A value as it may be seen: no key, no password in an address."""
    from pydantic import SecretStr

    from ...tools.addresses import without_credentials

    if name == "mcp":
        return _masked_tables(settings.mcp)
    match getattr(settings, name):
        case SecretStr():
            return _MASK
        case str() as text:
            return without_credentials(text)
        case None | bool() | int() | float() as value:
            return value
        case other:
            return str(other)
