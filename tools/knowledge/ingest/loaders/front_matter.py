"""What a Markdown document says of itself: YAML between two lines of dashes at its beginning."""

from __future__ import annotations

import datetime
import math
from typing import Any, cast

import yaml

from ..outlines import FRONT_MATTER
from .loaded import clean

__all__ = ["front_matter"]

_LENGTH = 8_000
"""Characters of YAML. It is stored with every passage, where Milvus takes 65,535 bytes."""
_DEPTH = 20
_INT64 = 2**63


class _Loader(yaml.SafeLoader):
    """Without aliases, of which a few lines stand for gigabytes, and without deep nesting, which is slow."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > _DEPTH or cast(Any, self).check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias, or nested too deeply")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def front_matter(text: str) -> dict[str, object]:
    """Read the front matter of ``text`` as JSON values; empty where there is none that can be read."""
    found = FRONT_MATTER.match(text)
    if found is None or len(found["yaml"]) > _LENGTH:
        return {}
    try:
        matter = _json(yaml.load(found["yaml"], Loader=_Loader))
    except (yaml.YAMLError, ValueError, TypeError):
        return {}  # Broken front matter is still text of the document.
    return cast(dict[str, object], matter) if isinstance(matter, dict) else {}


def _json(value: object) -> object:
    if isinstance(value, dict):
        return {clean(str(key)): _json(each) for key, each in cast(dict[object, object], value).items()}
    if isinstance(value, list | tuple | set):
        return [_json(each) for each in cast(list[object], value)]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    return clean(value if isinstance(value, str) else str(value))
