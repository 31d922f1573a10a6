from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from fakes.web_site import Site


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield site
        site.silence.set()
        site.shutdown()
        thread.join()
