"""Progress bars: on a terminal; in a pipe nothing is written, and there is nothing to call."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .figures import duration

if TYPE_CHECKING:
    from ...tools.knowledge import Progress as AddProgress
    from .look import Look

__all__ = ["adding_bar", "adding_line", "copying_bar", "indexing_bar"]

_BAR = 16


def adding_line(progress: AddProgress, seconds: float, look: Look) -> str:
    """How far an ``add`` has come after so many seconds, in a line of its own."""
    done, total = progress.done_files, progress.total_files
    if total == 0:
        return f"downloading {progress.received_bytes / 1e6:.1f} MB"
    full, empty = "█░" if look.unicode else "#-"
    filled = _BAR * done // total
    bar = f"{full * filled}{empty * (_BAR - filled)}"
    left = f", {duration(seconds * (total - done) / done)} left" if 0 < done < total and seconds > 2 else ""
    return f"{bar} {done}/{total} files, {progress.passages:,} passages{left}"


@contextmanager
def adding_bar() -> Generator[Callable[[AddProgress], None] | None]:
    """How far an ``add`` has come, with a rate and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        download = bar.add_task("Downloading", total=None, visible=False, detail="")
        task = bar.add_task("Adding", total=None, detail="")

        def update(progress: AddProgress) -> None:
            if progress.total_files == 0:
                received = f"{progress.received_bytes / 1e6:.1f} MB"
                total, done = progress.total_bytes, progress.received_bytes
                bar.update(download, visible=True, total=total, completed=done, detail=received)
                return
            if not (adding := bar.tasks[1]).completed:
                bar.update(download, visible=False)
                bar.reset(task)
            rate = round(progress.passages / (adding.elapsed or 0.001))
            detail = (
                f"{progress.done_files}/{progress.total_files} files, {progress.passages} passages, {rate}/s"
            )
            bar.update(task, completed=progress.done_files, total=progress.total_files, detail=detail)

        yield update


@contextmanager
def copying_bar(title: str) -> Generator[Callable[[int, int], None] | None]:
    """How far a copy has come: called with the passages done and all of them."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("passages"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def indexing_bar() -> Generator[Callable[[int, int], None] | None]:
    """As :func:`copying_bar`, for what is rarely needed: drawn from the first call on."""
    from contextlib import ExitStack

    with ExitStack() as shown:
        update: list[Callable[[int, int], None] | None] = []

        def tell(done: int, total: int) -> None:
            if not update:
                update.append(shown.enter_context(copying_bar("Indexing")))
            if update[0] is not None:
                update[0](done, total)

        yield tell
