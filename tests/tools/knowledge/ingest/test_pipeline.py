from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from functools import partial

import pytest

from ossifrage.tools.knowledge.ingest.prefetch import Pipeline


def test_items_come_in_order_and_a_bounded_number_ahead() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for n in range(50):
            made.append(n)
            yield n

    taken: list[int] = []
    with Pipeline() as pipeline:
        for item in pipeline.ahead(items(), depth=2):
            taken.append(item)
            time.sleep(0.001)
            assert len(made) - len(taken) <= 3  # two that are ready and one in the making
    assert taken == list(range(50))


def test_results_that_were_passed_over_are_let_go() -> None:
    class Big:
        pass

    alive: weakref.WeakSet[Big] = weakref.WeakSet()

    def make() -> Big:
        big = Big()
        alive.add(big)
        return big

    with Pipeline() as pipeline:
        results = pipeline.calls([make] * 40, width=2)
        for number in (1, 5, 20, 39):
            results.take(number)
        gc.collect()
        assert len(alive) <= 2


def test_an_error_arrives_where_the_item_would() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise RuntimeError("no more")

    with Pipeline() as pipeline:
        ahead = pipeline.ahead(items())
        assert next(ahead) == 1
        with pytest.raises(RuntimeError, match="no more"):
            next(ahead)


def test_leaving_waits_for_what_is_under_way_and_begins_nothing_else() -> None:
    under_way = threading.Event()
    steps: list[str] = []

    def items() -> Iterator[int]:
        yield 1
        under_way.set()
        time.sleep(0.1)
        steps.append("under way")
        yield 2
        steps.append("never")
        yield 3

    with Pipeline() as pipeline:
        strings = pipeline.ahead(map(str, pipeline.ahead(items())))
        assert next(strings) == "1"
        under_way.wait(10)
    assert steps == ["under way"]
    assert not alive()


def test_a_step_that_needs_many_items_stops_between_two() -> None:
    taken: list[int] = []
    sums: list[int] = []

    def numbers() -> Iterator[int]:
        for n in range(1_000_000):
            time.sleep(0.001)
            taken.append(n)
            yield n

    def added_up() -> Iterator[int]:
        sums.append(sum(pipeline.until_stopped(numbers())))
        yield sums[-1]

    with Pipeline() as pipeline:
        pipeline.ahead(added_up())
        while not taken:
            time.sleep(0.001)
    assert not alive()
    assert sums == []  # some of the numbers are not taken for all of them


def test_leaving_does_not_wait_for_something_slow() -> None:
    release = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        release.wait(30)
        yield 2

    with Pipeline() as pipeline:
        assert next(pipeline.ahead(items())) == 1
    (slow,) = alive()
    release.set()
    slow.join(10)
    assert not alive()


def test_calls_are_made_a_few_at_a_time_and_one_that_fails_stops_no_other() -> None:
    running: list[int] = []
    most = 0
    together = threading.Barrier(3, timeout=10)

    def call(number: int) -> int:
        nonlocal most
        running.append(number)
        most = max(most, len(running))
        if number < 3:
            together.wait()
        running.remove(number)
        if number == 5:
            raise ValueError("five")
        return number

    with Pipeline() as pipeline:
        results = pipeline.calls([partial(call, number) for number in range(20)], width=3)
        assert [results.take(number) for number in range(5)] == [0, 1, 2, 3, 4]
        with pytest.raises(ValueError, match="five"):
            results.take(5)
        assert results.take(12) == 12  # those between are not wanted
        assert results.take(19) == 19
    assert most == 3
    assert not alive()


def test_results_that_nobody_takes_hold_up_what_comes_after() -> None:
    made: list[int] = []
    with Pipeline() as pipeline:
        results = pipeline.calls([partial(made.append, number) for number in range(20)], width=3)
        results.take(4)
        until = time.monotonic() + 10
        while len(made) < 8 and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(0.02)
        assert sorted(made) == list(range(8))


def alive() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "ossifrage-pipeline"]
