"""``ossifrage serve``: the HTTP server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import with_settings

if TYPE_CHECKING:
    from ..settings import Settings

__all__ = ["serve"]


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8642, show_default=True, type=click.IntRange(0, 65535), help="The port.")
@click.option(
    "--token",
    metavar="TOKEN",
    help="What clients have to show; better in OSSIFRAGE_SERVE_TOKEN, where nobody sees it.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST[:PORT]",
    help="A host name under which the server is reached, such as a proxy's; may be repeated.",
)
@with_settings("engine", "knowledge")
def serve(settings: Settings, host: str, port: int, token: str | None, names: tuple[str, ...]) -> int:
    """Serve the assistant over HTTP, to programs that speak to OpenAI's API.

    It listens on this machine only; on another address than loopback a token is needed. Ctrl-C lets running
    answers end; a second one stops at once.
    """
    import logging

    from ..serve.server import serve as serve_http
    from ..serve.service import Service

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    update: dict[str, object] = {}
    if token is not None:
        from pydantic import SecretStr

        update["serve_token"] = SecretStr(token)
    if names:
        update["serve_names"] = ",".join(names)
    service = Service(settings.model_copy(update=update))

    def told(url: str) -> None:
        click.echo(f"Listening on {url} (Ctrl-C stops)", err=True)

    serve_http(service, host=host, port=port, told=told)
    return 0
