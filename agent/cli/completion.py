"""``ossifrage completion``: the shell fills in commands, flags and names."""

from __future__ import annotations

import click

__all__ = ["completion"]

_VARIABLE = "_OSSIFRAGE_COMPLETE"  # the one click looks at for a program of this name


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes SHELL complete commands, flags and names.

    \b
    bash: eval "$(ossifrage completion bash)"             in ~/.bashrc (bash 4.4 or newer)
    zsh:  eval "$(ossifrage completion zsh)"              in ~/.zshrc
    fish: ossifrage completion fish | source              in ~/.config/fish/config.fish
    """  # noqa: D301 (click wants the backspace itself)
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"there is no completion for {shell}")
    click.echo(found(context.find_root().command, {}, "ossifrage", _VARIABLE).source())
