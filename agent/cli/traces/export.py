"""``ossifrage traces export``: a trace for others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from ..options import with_settings

if TYPE_CHECKING:
    from ...settings import Settings
    from ...traces.exports import SharedRun
    from ...traces.exports.spans import DialectName
    from ...traces.tokens import RecordedCall

__all__ = ["export"]


@click.command()
@click.argument("trace_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--markdown", "form", flag_value="markdown", help="As people paste it (the default).")
@click.option("--jsonl", "form", flag_value="jsonl", help="The events, one JSON object a line.")
@click.option("--atif", "form", flag_value="atif", help="Agent Trajectory Interchange Format, v1.7.")
@click.option("--html", "page", metavar="FILE", help="One file that anybody can open in a browser.")
@click.option("--otlp", "url", metavar="URL", help="Send it to an OpenTelemetry collector (extra: otel).")
@click.option(
    "--dialect",
    type=click.Choice(["openinference", "genai"]),
    help="The names that --otlp uses.  [default: openinference]",
)
@click.option("--output", "-o", metavar="FILE", help="Where to write; standard output unless given.")
@click.option("--reasoning", "with_reasoning", is_flag=True, help="Include what the model thought.")
@with_settings()
def export(
    settings: Settings,
    trace_ids: tuple[str, ...],
    form: str | None,
    page: str | None,
    url: str | None,
    dialect: DialectName | None,
    output: str | None,
    with_reasoning: bool,
) -> None:
    """Give traces to others: as a file, or to a collector.

    Secrets are masked, and what the model thought is left out unless --reasoning is given. What was left out
    is said in the file, and on standard error.
    """
    from ...errors import UsageError
    from ...traces import TraceStore
    from ...traces.exports import share

    if url is not None and (form is not None or output is not None):
        raise UsageError("--otlp sends traces and writes no file: leave out the format and --output.")
    if dialect is not None and url is None:
        raise UsageError("--dialect is for --otlp.")
    if form == "atif" and len(trace_ids) > 1:
        raise UsageError("An ATIF document holds one trace: export them one by one.")
    if page is not None and (form is not None or url is not None or output is not None):
        raise UsageError("--html names its own file: leave out --output, --otlp and other formats.")
    runs: list[SharedRun] = []
    calls: dict[str, Sequence[RecordedCall]] = {}
    with TraceStore(settings.home) as store:
        for trace_id in trace_ids:
            trace = store.load(trace_id)
            reasoning = store.reasoning(trace.trace_id) if with_reasoning else None
            runs.append(share(trace, reasoning, secrets=settings.secrets))
            if page is not None:
                calls[trace.trace_id] = store.calls(trace.trace_id, reasoning=with_reasoning)
    if page is not None:
        _write(_page(runs, calls, settings), page)
    elif url is not None:
        _send(runs, url, dialect or settings.otlp_dialect)
    else:
        _write(_text(runs, form or "markdown"), output)
    for run in runs:
        for line in run.left_out:
            click.echo(f"{run.trace.trace_id}: not included: {line}", err=True)


def _page(runs: Sequence[SharedRun], calls: Mapping[str, Sequence[RecordedCall]], settings: Settings) -> str:
    from ...credentials import CredentialMask, secrets_of_environment
    from ...harmony import load_encoding
    from ...serve.pages.document import raw_calls, run_document
    from ...serve.pages.single_file import single_file

    mask = CredentialMask([*settings.secrets, *secrets_of_environment()])

    def decode(tokens: Sequence[int]) -> str:
        return load_encoding(settings.home / "vocabulary").decode(list(tokens), errors="replace")

    return single_file(
        [
            run_document(run.trace, thoughts=run.thoughts, left_out=run.left_out)
            | {"raw": raw_calls(calls[run.trace.trace_id], decode, mask.text)}
            for run in runs
        ]
    )


def _text(runs: Sequence[SharedRun], form: str) -> str:
    import json

    match form:
        case "jsonl":
            from ...traces.exports.jsonl import jsonl

            return "\n".join(jsonl(runs)) + "\n"
        case "atif":
            from ...traces.exports.atif import atif

            return json.dumps(atif(runs[0]), indent=2) + "\n"
        case _:
            from ...traces.exports.markdown import markdown

            return markdown(runs)


def _write(text: str, output: str | None) -> None:
    from pathlib import Path

    from ...errors import UsageError

    if output is None or output == "-":
        click.echo(text, nl=False)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} cannot be written ({error.strerror}).") from error
    click.echo(f"Written to {output}.", err=True)


def _send(runs: Sequence[SharedRun], url: str, dialect: DialectName) -> None:
    from ...text import counted
    from ...traces.exports.otlp import OtlpExporter

    exporter = OtlpExporter(url, dialect)
    try:
        spans = exporter.send(runs)
    finally:
        exporter.close()
    click.echo(f"Sent {counted(len(runs), 'trace')} as {counted(spans, 'span')}.", err=True)
