"""``ossifrage traces show``: one run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..options import with_home

if TYPE_CHECKING:
    from ...traces.tokens import RecordedCall

__all__ = ["show"]


@click.command()
@click.argument("trace_id", metavar="ID")
@click.option("--step", type=click.IntRange(min=1), help="One step, whole: the calls and what came back.")
@click.option("--raw", is_flag=True, help="The model calls as raw harmony, special tokens marked.")
@click.option("--reasoning", "with_reasoning", is_flag=True, help="Show what the model thought, too.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@with_home
def show(home: Path, trace_id: str, step: int | None, raw: bool, with_reasoning: bool, as_json: bool) -> None:
    """Show one trace: its ID, the beginning or end of it, or `last`.

    With --json and --reasoning the object has a key `reasoning`: a text for every reasoning_id, or null where
    there is no reasoning log. With --raw a prompt is shown whole with --step, else only what is new in it.
    """
    import json

    from ...errors import UsageError
    from ...traces import TraceStore, render_step, render_tree

    if raw and as_json:
        raise UsageError("--raw prints text: leave out --json.")
    reasoning: dict[str, str] | None = None
    calls: Sequence[RecordedCall] = ()
    with TraceStore(home) as store:
        trace = store.load(trace_id)
        if with_reasoning and store.has_reasoning:
            reasoning = store.reasoning(trace.trace_id)
        if raw:
            calls = store.calls(trace.trace_id, reasoning=with_reasoning)
    if step is not None and all(each.number != step for each in trace.steps):
        raise UsageError(f"There is no step {step} in {trace.trace_id}: it has {len(trace.steps)}.")
    if as_json:
        document = trace.model_dump(mode="json")
        if step is not None:
            document["events"] = [event for event in document["events"] if event["step"] == step]
        if with_reasoning:
            document["reasoning"] = reasoning
        click.echo(json.dumps(document, indent=2))
        return
    if with_reasoning and reasoning is None:
        click.echo("There is no reasoning log (reasoning.db): it was deleted, or never written.", err=True)
        reasoning = {}
    if raw:
        if not calls:
            why = "it is of an older version, or a chat server made it, which takes text"
            raise UsageError(f"No token ids are recorded of {trace.trace_id}: {why}.")
        _print_raw([call for call in calls if step in (None, call.step)], home, whole=step is not None)
        return
    from rich.console import Console

    console = Console()
    if step is None:
        render_tree(trace, console, reasoning=reasoning)
    else:
        render_step(trace, step, console, reasoning=reasoning)


def _print_raw(calls: Sequence[RecordedCall], home: Path, *, whole: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    from ...harmony import load_encoding
    from ...text import printable
    from ...traces.raw import raw_segments

    encoding = load_encoding(home / "vocabulary")
    console = Console()
    for call in calls:
        again = f", asked again ({call.attempt})" if call.attempt else ""
        new = call.prompt_tokens - min(call.shared_tokens, call.prompt_tokens)
        told = f"step {call.step}{again}: prompt of {call.prompt_tokens:,} tokens, {new:,} of them new"
        console.print(Text(f"-- {told}", style="bold"), soft_wrap=True, highlight=False)
        shown = Text()
        part = ""
        for segment in raw_segments(call, lambda tokens: encoding.decode(list(tokens), errors="replace")):
            if segment.part == "shared" and not whole:
                continue
            if segment.part != part and (whole or segment.part == "completion"):
                part = segment.part
                title = {"shared": "as before", "prompt": "new in this prompt"}.get(part, "completion")
                shown.append(f"\n-- {title}\n" if shown else f"-- {title}\n", "dim")
            match segment.kind:
                case "special":
                    shown.append(segment.text, "bold cyan")
                    if segment.text in ("<|end|>", "<|call|>", "<|return|>"):
                        shown.append("\n")
                case "text":
                    # What looks like a special token is none, and has to look like none.
                    shown.append(printable(segment.text).replace("<|", "<\\|"))
                case "gap":
                    shown.append(f"[{segment.tokens} tokens in the reasoning log]", "dim italic")
                case "unknown":
                    shown.append(f"[{segment.tokens} tokens that are none of the vocabulary]", "yellow")
        console.print(shown, soft_wrap=not console.is_terminal, highlight=False)
