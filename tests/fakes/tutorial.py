"""What somebody has who followed the tutorial for gpt-oss and Milvus, made by its own calls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pymilvus import MilvusClient

from fakes.letters import Letters

NAME = "my_rag_collection"
LINES = (
    "The kite has a forked tail.",
    "The stork stands in wet meadows.\r\nIt clatters with its bill.",
    "An ossifrage drops bones\x07 from a height, zzz.",
)


def make_tutorial(uri: str, *, metric: str = "IP", name: str = NAME) -> None:
    """Rows 0 to 2 have text; 3 has none, as when a script went wrong."""
    client: Any = MilvusClient(uri=uri)
    if client.has_collection(name):
        client.drop_collection(name)
    client.create_collection(
        collection_name=name,
        dimension=Letters.dim,
        metric_type=metric,
        consistency_level="Strong",
    )
    vectors = Letters().encode_documents(list(LINES))
    data: list[dict[str, Any]] = [
        {"id": i, "vector": vectors[i], "text": line, "part": f"birds/{i % 2}.md"}
        for i, line in enumerate(LINES)
    ]
    client.insert(collection_name=name, data=[*data, {"id": 3, "vector": vectors[0]}])
    leave(client, uri)


def rows_of(uri: str, name: str = NAME) -> Sequence[Any]:
    """Everything that is in a collection."""
    client: Any = MilvusClient(uri=uri)
    client.load_collection(name)
    rows = client.query(name, filter="", output_fields=["*"], limit=1000, consistency_level="Strong")
    found = sorted((str(sorted(dict(row).items(), key=str)) for row in rows), key=str)
    schema = client.describe_collection(name)
    leave(client, uri)
    return [schema["fields"], found]


def leave(client: Any, uri: str) -> None:
    """Close a client, and let go of a file of Milvus Lite."""
    client.close()
    if "://" not in uri:
        from milvus_lite.server_manager import server_manager_instance

        server_manager_instance.release_server(str(Path(uri).resolve()))
