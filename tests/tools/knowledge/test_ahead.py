from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from ossifrage.tools.knowledge.ahead import working_ahead


def test_items_come_in_order_and_a_bounded_number_ahead() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for n in range(50):
            made.append(n)
            yield n

    taken: list[int] = []
    with working_ahead(items(), depth=2) as ahead:
        for item in ahead:
            taken.append(item)
            time.sleep(0.001)
            assert len(made) - len(taken) <= 3  # two that are ready and one in the making
    assert taken == list(range(50))


def test_an_error_arrives_where_the_item_would() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise RuntimeError("no more")

    with working_ahead(items()) as ahead:
        assert next(ahead) == 1
        with pytest.raises(RuntimeError, match="no more"):
            next(ahead)


def test_leaving_stops_the_thread_without_waiting_for_it() -> None:
    release = threading.Event()
    steps: list[str] = []

    def items() -> Iterator[int]:
        yield 1
        release.wait(10)
        steps.append("slow item")
        yield 2
        steps.append("never")
        yield 3

    with working_ahead(items()) as ahead, working_ahead(map(str, ahead)) as strings:
        assert next(strings) == "1"
    assert "slow item" not in steps  # not waited for
    release.set()
    for thread in threading.enumerate():
        if thread.name == "ossifrage-ahead":
            thread.join(10)
    assert steps == ["slow item"]
