"""One HTML file that shows runs to anybody, from the disk, without asking for anything from anywhere."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from typing import Any

from .assets import asset, digest, one_module

__all__ = ["single_file"]


def single_file(runs: Sequence[dict[str, Any]]) -> str:
    """The file.

    Args:
        runs: as :func:`~.document.run_document` makes them, each with a key ``raw``
            (:func:`~.document.raw_calls`). Whatever must not be given away has to be out of them already.
    """
    style, script = asset("style.css"), one_module("file.js")
    # Base64 has no character that could end the element it stands in.
    data = base64.b64encode(zlib.compress(json.dumps({"runs": list(runs)}).encode(), 9)).decode()
    policy = (
        f"default-src 'none'; script-src {digest(script)}; style-src {digest(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    page = asset("page.html")
    for mark, text in {
        "policy": f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        "style": f"<style>{style}</style>",
        "script": f'<script type="text/plain" id="data">{data}</script>\n'
        f'<script type="module">{script}</script>',
    }.items():
        page = page.replace(f"<!--{mark}-->", text)
    return page
