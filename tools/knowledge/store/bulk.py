"""Filling a collection through object storage: Parquet files that Milvus reads by itself.

An insert goes through the proxy and the log of Milvus; an import does not, so many million rows come in
faster and without disturbing who searches. It takes a server of Milvus (or Zilliz Cloud) whose object storage
this program can write to.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import KnowledgeError
from .milvus import TIMEOUT, load_pymilvus
from .schema import CollectionConfig, Row, schema_of

__all__ = ["BulkStorage", "import_files", "written_files"]

_ROWS = 100_000
"""Rows in one file: some 400 MB with 384 dimensions."""
_CHUNK = 16 * 2**30
"""Bytes at which pymilvus begins a file by itself: never."""
_POLL = 5.0
_LONGEST = 24 * 3600.0


@dataclass(frozen=True, kw_only=True)
class BulkStorage:
    """The object storage of a Milvus server, by the protocol of S3."""

    endpoint: str
    """Host and port, such as ``minio.example.org:9000``."""
    bucket: str
    """The one that Milvus is configured with."""
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    prefix: str = "ossifrage"
    secure: bool = True


@contextmanager
def _bulk_writer() -> Generator[Any]:
    """Pymilvus' module, which needs packages that are not installed otherwise."""
    load_pymilvus()
    try:
        from pymilvus import bulk_writer
    except ImportError as error:
        raise KnowledgeError(
            "filling a server in bulk needs more packages: pip install 'ossifrage[bulk]'"
        ) from error
    try:
        yield bulk_writer
    except KnowledgeError:
        raise
    except Exception as error:
        # Behind the writer may be any client of any storage; its message may hold no key, but its cause may.
        raise KnowledgeError(f"the files could not be written or imported: {type(error).__name__}") from error


def written_files(
    client: Any,
    config: CollectionConfig,
    rows: Iterator[Row],
    folder: Path,
    storage: BulkStorage | None = None,
) -> list[list[str]]:
    """Write rows as Parquet files for a collection of this kind.

    Args:
        client: of pymilvus, for the schema.
        config: of the collection.
        rows: with their vectors.
        folder: where a file lies until it is uploaded; without storage, where they stay.
        storage: where they are uploaded to.

    Returns:
        The paths of the files, in groups as an import takes them.

    Raises:
        KnowledgeError: the packages for it are missing, or a file could not be written or uploaded.
    """
    files: list[list[str]] = []
    run = uuid.uuid4().hex
    with _bulk_writer() as bulk:
        schema = schema_of(client, config)
        while part := list(islice(rows, _ROWS)):
            [[written]] = _written(bulk, schema, part, folder)
            if storage is None:
                files.append([written])
            else:
                name = f"{storage.prefix}/{run}/{len(files)}.parquet"
                _upload(storage, name, written)
                Path(written).unlink()
                files.append([name])
    return files


def _written(bulk: Any, schema: Any, rows: Sequence[Row], folder: Path) -> list[list[str]]:
    kind = bulk.BulkFileType.PARQUET
    with bulk.LocalBulkWriter(schema, str(folder), chunk_size=_CHUNK, file_type=kind) as writer:
        for row in rows:
            writer.append_row(dict(row))
        writer.commit()
        files = [list(group) for group in writer.batch_files]
    # It writes in a thread of its own, and does not say when that fails.
    parquet: Any = import_module("pyarrow.parquet")
    if sum(parquet.read_metadata(file).num_rows for group in files for file in group) != len(rows):
        raise OSError("a file is not complete")
    return files


def _upload(storage: BulkStorage, name: str, path: str) -> None:
    minio: Any = import_module("minio")
    urllib3: Any = import_module("urllib3")
    client = minio.Minio(
        storage.endpoint,
        access_key=storage.access_key,
        secret_key=storage.secret_key,
        secure=storage.secure,
        http_client=urllib3.PoolManager(timeout=TIMEOUT, retries=urllib3.Retry(3, backoff_factor=0.2)),
    )
    client.fput_object(storage.bucket, name, path)


def import_files(
    uri: str, token: str | None, collection: str, files: list[list[str]], *, patience: float = _LONGEST
) -> None:
    """Let a server import files of its object storage, and wait until it has.

    Raises:
        KnowledgeError: it failed, with the server's reason, or took longer than ``patience`` seconds.
    """
    with _bulk_writer() as bulk:
        begun = bulk.bulk_import(url=uri, collection_name=collection, files=files, api_key=token or "")
        job = begun.json()["data"]["jobId"]
    until = time.monotonic() + patience
    while time.monotonic() < until:
        with _bulk_writer() as bulk:
            answer = bulk.get_import_progress(url=uri, job_id=job, api_key=token or "").json()["data"]
        if answer["state"] == "Completed":
            return
        if answer["state"] == "Failed":
            raise KnowledgeError(f"Milvus at {uri} could not import the files: {answer.get('reason', '')}")
        time.sleep(_POLL)
    raise KnowledgeError(f"Milvus at {uri} has not finished importing after {patience / 3600:.0f} hours")
