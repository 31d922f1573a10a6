"""The rows in the files of Milvus Lite, read without it.

It looks at every row for each page of rows that it is asked for; its files can be gone through once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from .schema import STORED_FIELDS, Row

__all__ = ["rows_in_files"]

_BATCH = 1_000


def rows_in_files(collection: Path, files: Callable[[], Sequence[str]]) -> Iterator[Row]:
    """The rows as they were last written, without their vectors, in no order; what was deleted is left out.

    Args:
        collection: the folder of the collection.
        files: gives its data files, relative to the folder; asked again when one of them is gone.

    Raises:
        OSError, ValueError: one of them cannot be read (pyarrow's errors are of these kinds).
    """
    parquet: Any = import_module("pyarrow.parquet")  # some 0.1 s, and without types

    newest: dict[str, int] = {}
    with ExitStack() as opened:
        # All at once: Milvus Lite may delete those that it has merged.
        try:
            found = {name: opened.enter_context(parquet.ParquetFile(collection / name)) for name in files()}
        except FileNotFoundError:
            found = {name: opened.enter_context(parquet.ParquetFile(collection / name)) for name in files()}
        for file in found.values():
            table = file.read(columns=["passage_id", "_seq"])
            keys, numbers = (table.column(each).to_pylist() for each in ("passage_id", "_seq"))
            for key, number in zip(keys, numbers, strict=True):
                newest[key] = max(number, newest.get(key, number))
        for name, file in found.items():
            if "/delta/" in name:
                continue
            for batch in file.iter_batches(_BATCH, columns=[*STORED_FIELDS, "_seq"]):
                for row in batch.to_pylist():
                    if newest[row["passage_id"]] == row.pop("_seq"):
                        yield cast(Row, {**row, "metadata": json.loads(row["metadata"])})
