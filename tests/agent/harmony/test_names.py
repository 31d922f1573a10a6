from __future__ import annotations

from ossifrage.agent.harmony.names import FunctionNames


def test_there_and_back() -> None:
    names = FunctionNames(["search", "get-weather", "Web Search", "a.b"])
    for name in ("search", "get-weather", "Web Search", "a.b"):
        assert names.shown(name).isidentifier()
        assert names.original(f"functions.{names.shown(name)}") == name


def test_names_that_map_to_the_same() -> None:
    names = FunctionNames(["get-weather", "get_weather"])
    assert names.shown("get_weather") == "get_weather"
    assert names.original("functions.get_weather") == "get_weather"
    assert names.original(f"functions.{names.shown('get-weather')}") == "get-weather"


def test_a_name_written_as_it_was_registered() -> None:
    assert FunctionNames(["Web Search"]).original("functions.Web Search") == "Web Search"


def test_no_such_tool() -> None:
    names = FunctionNames(["search"])
    assert names.original("functions.fly") == "fly"
    assert names.original("browser.open") == "browser.open"
