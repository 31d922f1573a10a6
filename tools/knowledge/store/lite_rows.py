"""The rows in the files of Milvus Lite, read without it.

It looks at every row for each page of rows that it is asked for; its files can be gone through once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from .schema import STORED_FIELDS, Row

__all__ = ["rows_in_files"]

_BATCH = 1_000


def rows_in_files(collection: Path, files: Sequence[str]) -> Iterator[Row]:
    """The rows as they were last written, without their vectors, in no order; what was deleted is left out.

    Args:
        collection: the folder of the collection.
        files: its data files, relative to the folder.

    Raises:
        OSError, ValueError: one of them cannot be read (pyarrow's errors are of these kinds).
    """
    parquet: Any = import_module("pyarrow.parquet")  # some 0.1 s, and without types

    newest: dict[str, int] = {}
    for name in files:
        table = parquet.read_table(collection / name, columns=["passage_id", "_seq"])
        keys, numbers = (table.column(each).to_pylist() for each in ("passage_id", "_seq"))
        for key, number in zip(keys, numbers, strict=True):
            newest[key] = max(number, newest.get(key, number))
    for name in files:
        if "/delta/" in name:
            continue
        with parquet.ParquetFile(collection / name) as file:
            for batch in file.iter_batches(_BATCH, columns=[*STORED_FIELDS, "_seq"]):
                for row in batch.to_pylist():
                    if newest[row["passage_id"]] == row.pop("_seq"):
                        yield cast(Row, {**row, "metadata": json.loads(row["metadata"])})
