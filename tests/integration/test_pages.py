"""The pages in a real browser: headless Chromium. Without one they are skipped, and say so."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fakes.browser import Browser, Page, chromium
from fakes.scripted_engine import ScriptedEngine
from fakes.served import served
from fakes.traced_runs import COMPLETIONS, QUESTION, THOUGHTS, record_runs
from ossifrage import KnowledgeBase, Settings
from ossifrage.agent.cli import main
from ossifrage.agent.serve.pages.document import run_document
from ossifrage.agent.serve.pages.single_file import single_file
from ossifrage.agent.serve.service import Service
from ossifrage.agent.traces import (
    Answered,
    Event,
    ModelCalled,
    RunEnded,
    RunStarted,
    ToolCalled,
    ToolReturned,
    Trace,
    TraceStore,
    Usage,
)

pytestmark = pytest.mark.integration

READY = "document.getElementById('app').dataset.ready"
AXE = os.environ.get("OSSIFRAGE_AXE")


class Recorded(NamedTuple):
    home: Path
    ids: Sequence[str]
    """Of a hasty run, and of a thorough one, which is the last."""


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    home = tmp_path_factory.mktemp("pages")
    return Recorded(home, record_runs(home))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("there is no Chromium here: install it, or name it with OSSIFRAGE_CHROMIUM")
    with Browser(program) as browser:
        yield browser


@pytest.fixture(scope="session")
def site(recorded: Recorded) -> Iterator[str]:
    with KnowledgeBase(recorded.home / "knowledge", embedding="none") as base:
        engine = ScriptedEngine(list(COMPLETIONS))
        with served(Service(Settings(home=recorded.home), knowledge=base, engine=engine)) as server:
            yield server.url


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages; at the end none of them may have complained, nor asked anybody else for anything."""
    pages: list[tuple[Page, str]] = []

    def open_page(url: str, *, offline: bool = False, **options: Any) -> Page:
        page = browser.page(**options)
        if offline:
            page.offline()
        pages.append((page, url))
        page.open(url)
        page.until(READY)
        return page

    yield open_page
    for page, url in pages:
        assert page.complaints == []
        origin = url.split("#")[0] if url.startswith("file:") else "/".join(url.split("/")[:3])
        assert [each for each in page.requests if not each.startswith((origin, "data:,"))] == []
        page.close()


def exported(home: Path, file: Path, *arguments: str) -> str:
    """The address of an exported file."""
    with pytest.raises(SystemExit) as ended:
        main(["--home", str(home), "traces", "export", *arguments, "--html", str(file)])
    assert not ended.value.code
    return file.as_uri()


@pytest.fixture(scope="session")
def one_file(recorded: Recorded) -> str:
    return exported(recorded.home, recorded.home / "one.html", recorded.ids[1])


@pytest.fixture(scope="session")
def with_thoughts(recorded: Recorded) -> str:
    return exported(recorded.home, recorded.home / "thoughts.html", "--reasoning", *recorded.ids)


def focused(page: Page) -> str:
    return page.eval("document.activeElement.dataset.key ?? document.activeElement.innerText")


def place(page: Page) -> str:
    return page.eval("location.hash")


def back(page: Page, where: str, key: str | None = None) -> None:
    """Go back with the keyboard, and wait until that is done: browsers take their time for it."""
    page.press("b")
    page.until(f"location.hash === {json.dumps(where)}")
    if key is not None:
        page.until(f"document.activeElement.dataset.key === {json.dumps(key)}")


def test_a_file_from_the_disk_with_the_network_cut(one_file: str, open_page: Callable[..., Page]) -> None:
    page = open_page(one_file, offline=True)
    assert page.text("h1") == QUESTION
    assert "5 of 5 verified" in page.text(".facts")
    assert "one column file per field" in page.text(".prose")
    assert "4 thoughts" in page.text(".leftout")
    assert "reasoning was not included" in page.text(".top")
    assert page.requests == [one_file]


def test_a_file_is_small_and_holds_no_thought(recorded: Recorded, one_file: str) -> None:
    page = Path(recorded.home / "one.html").read_text()
    data = re.search(r'id="data">([^<]*)', page)
    assert data
    assert len(page) - len(data[1]) < 300_000
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_every_citation_to_its_source_and_back_by_keyboard(
    one_file: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(one_file)
    quotes = [
        "one column file per field",
        "a new field is written without rewriting the others",
        "adding a field to 80 GB took four hours",
        "a query that reads two fields out of forty reads two files",
        "they are written anew when they are compacted",
    ]
    for number, quote in enumerate(quotes, 1):
        page.press("c")
        assert place(page) == f"#source-{number}"
        assert page.focused().startswith(str(number))
        assert page.text(".source mark") == quote
        assert "found by" in page.text(".source")
        assert page.eval(
            "document.querySelector('.source tr.cited').getBoundingClientRect().bottom <= innerHeight"
        )
        back(page, "", f"cited-{number}")
    page.press("c")
    assert place(page) == "#source-1"
    page.press("C")
    assert place(page) == "#source-5"
    back(page, "", "cited-5")


def test_from_a_source_to_the_search_that_found_it_and_back(
    one_file: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(one_file)
    page.click("#cited-3")
    assert "design/history.md" in page.text(".source")
    page.click(".way a")
    assert place(page) == "#step-3"
    assert page.text(".output mark").startswith("L5: Measurements in 2024")
    assert page.eval("document.querySelector('.output mark').getBoundingClientRect().top < innerHeight")
    back(page, "#source-3")
    back(page, "", "cited-3")


def test_keys_move_along_the_steps(one_file: str, open_page: Callable[..., Page]) -> None:
    page = open_page(one_file)
    page.press("j", "j")
    assert (place(page), focused(page)) == ("#step-2", "row-2")
    assert "Why columns" in page.text(".output")
    page.press("k")
    assert place(page) == "#step-1"
    page.press("o")
    assert page.focused().startswith("Step 1")
    back(page, "")
    page.press("?")
    assert "next citation" in page.text("dialog")
    page.press("j")
    assert place(page) == ""
    page.press("Escape")
    page.until("!document.querySelector('dialog[open]')")


def test_a_link_to_a_step_opens_it(one_file: str, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{one_file}#step-3-raw")
    page.until("document.querySelector('.raw')")
    assert "adding a field took hours rewriting" in page.text(".raw.completion")


def test_raw_harmony_shows_chips_and_gaps(one_file: str, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{one_file}#step-2-raw")
    page.until("document.querySelector('.raw')")
    assert "<|call|>" in page.eval("[...document.querySelectorAll('.chip')].map((each) => each.innerText)")
    assert "of reasoning, not included" in page.text(".hole")
    assert "as in step 1" in page.text(".growth")
    assert "<|start|>functions.search" in page.text(".raw.prompt")
    assert "You are ChatGPT" not in page.text("main")


def test_thoughts_are_folded_until_they_are_asked_for(
    with_thoughts: str, recorded: Recorded, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{with_thoughts}#{recorded.ids[1]}/step-1")
    assert THOUGHTS[0][:40] not in page.text()
    page.press("r")
    page.until("document.querySelector('main .thought')")
    assert page.text("main .thought p") == THOUGHTS[0]
    page.press("c")
    page.click(".source .thought summary")
    assert THOUGHTS[0] in page.text(".source .thought")
    page.press("r")
    page.until("!document.querySelector('main .thought')")
    assert THOUGHTS[0][:40] not in page.text("nav.steps")


def test_searching_a_run(one_file: str, open_page: Callable[..., Page]) -> None:
    page = open_page(one_file)
    page.press("/")
    page.type("took four hours")
    page.until("document.querySelector('.count').innerText")
    assert page.text(".count") == "1 of 4 steps"
    page.press("Enter")
    assert place(page) == "#step-3"
    assert page.eval("[...CSS.highlights.get('wanted')].map(String)").count("hours") >= 2


def test_several_runs_in_one_file(
    with_thoughts: str, recorded: Recorded, open_page: Callable[..., Page]
) -> None:
    page = open_page(with_thoughts, offline=True)
    assert page.eval("document.querySelectorAll('.runs tbody tr').length") == 2
    page.press("/")
    page.type("took four hours")
    page.until("document.querySelectorAll('.runs tbody tr').length === 1")
    page.press("Enter")
    page.until("document.activeElement.tagName === 'A'")
    page.press("Enter")
    page.until("document.querySelector('.prose')")
    assert place(page).startswith(f"#{recorded.ids[1]}")
    page.eval(f"location.hash = '#compare/{recorded.ids[0]}/{recorded.ids[1]}'")
    page.until("document.querySelector('.pairs')")
    assert page.eval("[...document.querySelectorAll('.pairs tr')].map((row) => row.className)")[1:] == [
        "same",
        "same",
        "different parts",
        "different",
    ]
    assert page.text(".figures tbody tr:last-child") == "verified\t2\t5\t+3"


def test_the_list_and_its_words(site: str, recorded: Recorded, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{site}/traces")
    assert page.eval("document.querySelectorAll('.runs tbody tr').length") >= 2
    page.press("/")
    page.type("unverified:yes")
    page.until("document.querySelectorAll('.runs tbody tr').length === 1")
    assert "2/3" in page.text(".runs tbody")
    assert page.eval("location.search") == "?q=unverified%3Ayes"
    page.type(" nonsense:1")
    page.until("document.querySelector('.count').innerText.includes('no filter')")
    page.complaints.clear()  # Chromium tells of every answer that is a 400
    page.open(f"{site}/traces?q=took+four+hours")
    page.until(READY)
    page.press("j")
    page.navigated(lambda: page.press("Enter"))
    page.until(READY)
    assert page.eval("location.pathname") == f"/traces/{recorded.ids[1]}"


def test_two_runs_compared(site: str, recorded: Recorded, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{site}/traces?q=storage")
    page.press("j", "x", "j", "x")
    page.navigated(lambda: page.press("d"))
    page.until(READY)
    _, _, *compared = str(page.eval("location.pathname")).split("/")
    assert sorted(compared) == sorted(recorded.ids[:2])  # they begin in the same second
    page.press("j")
    assert page.focused().startswith("3 ")
    assert page.eval("document.activeElement.closest('tr').className") == "different parts"


def test_thoughts_and_tokens_are_asked_for_when_wanted(
    site: str, recorded: Recorded, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{site}/traces/{recorded.ids[1]}#step-1")
    assert not [each for each in page.requests if each.endswith(".json")][1:]
    page.press("r")
    page.until("document.querySelector('main .thought')")
    assert page.text("main .thought p") == THOUGHTS[0]
    page.press("h")
    page.until("document.querySelector('.raw')")
    assert THOUGHTS[0] in page.text(".raw.completion")


def test_an_answer_as_it_comes(site: str, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{site}/")
    page.type("What does one file per field save?")
    page.press("Enter")
    page.until("document.querySelector('.result .foot')")
    assert "search" in page.text(".doings")
    assert "without rewriting the others" in page.text(".prose")
    page.press("Escape", "c")
    assert "one column file per field" in page.text(".source mark")
    page.press("b")
    assert focused(page) == "cited-1"
    page.navigated(lambda: page.press("o"))
    page.until(READY)
    assert page.text("h1") == "What does one file per field save?"


def started(question: str = "q", *, engine: str = "vllm", model: str = "m") -> RunStarted:
    return RunStarted(question=question, engine=engine, model=model, output_type="Answer", version="1")


def shown(step: int, text: str, tool: str = "search") -> list[Event]:
    """What a step that calls a tool leaves."""
    call = f"call-{step}"
    arguments = json.dumps({"queries": [f"query {step}"]})
    return [
        ModelCalled(step=step, prompt_tokens=10, completion_tokens=5, seconds=0.5, first_token_seconds=0.1),
        ToolCalled(step=step, call_id=call, tool=tool, arguments=arguments),
        ToolReturned(step=step, call_id=call, tool=tool, output=text, summary=text[:60], seconds=0.1),
    ]


def test_a_run_of_another_process_is_followed(
    site: str, recorded: Recorded, open_page: Callable[..., Page]
) -> None:
    with TraceStore(recorded.home) as store:
        trace_id = store.start(started("still going on?"))
        for event in shown(1, "first"):
            store.append(trace_id, event)
        page = open_page(f"{site}/traces/{trace_id}")
        assert "going on" in page.text(".facts")
        for event in shown(2, "second"):
            store.append(trace_id, event)
        page.until("document.querySelectorAll('.rows li').length === 3")
        page.press("j", "j")
        assert "second" in page.text(".output")
        store.append(trace_id, Answered(step=3, output={"answer": "it has ended"}))
        store.append(trace_id, RunEnded(stop_reason="answered", seconds=3, usage=Usage()))
        page.until("document.querySelector('.outcome').innerText === 'answered'")
        page.press("a")
        assert page.text(".prose") == "it has ended"


HOSTILE = (
    '<script>window.owned=1</script><img src=x onerror="window.owned=1"></pre></td></div>'
    "<style>*{display:none}</style><!-- &lt;b&gt; "
    "\x1b[31mred\x1b[0m \u202egnp.exe\u202c \u2066x\u2069 \u200b "
    "javascript:alert(1) {{7*7}} ${1} </script><script>window.owned=1</script>"
)


def hostile_run(store: TraceStore) -> str:
    """A run in which everything that others write is hostile."""
    name = re.sub(r"\s", "-", HOSTILE)
    answer = (
        f"{HOSTILE} [1]\n\n# {HOSTILE}\n\n- {HOSTILE}\n\n[click](javascript:window.owned=1) "
        "![i](https://evil.example/i.png) [safe](https://example.org/)\n\n```\n" + HOSTILE
    )
    page = f"[0] {HOSTILE} (a.md)\n**viewing lines [1 - 1] of 1**\n\nL1: {HOSTILE}"
    trace_id = store.start(started(HOSTILE, engine=HOSTILE, model=HOSTILE))
    for event in [*shown(1, HOSTILE, tool=name), *shown(2, page)]:
        store.append(trace_id, event)
    cited = {
        "source": "a.md",
        "start_line": 1,
        "end_line": 1,
        "quote": "javascript:alert(1)",
        "verified": True,
    }
    cited |= {"title": HOSTILE, "heading": HOSTILE, "location": "javascript:window.owned=1"}
    output: Any = {"answer": answer, "missing": [HOSTILE]}
    citations: Any = (cited, {**cited, "source": HOSTILE, "verified": False})
    store.append(trace_id, Answered(step=3, output=output, citations=citations))
    store.append(trace_id, RunEnded(stop_reason=HOSTILE, error=HOSTILE, seconds=1, usage=Usage()))
    return trace_id


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    home = tmp_path_factory.mktemp("hostile")
    with TraceStore(home) as store:
        ids = [hostile_run(store), hostile_run(store)]
    return exported(home, home / "hostile.html", *ids)


def test_everything_shown_is_text(hostile: str, open_page: Callable[..., Page]) -> None:
    page = open_page(hostile)
    runs = page.eval("[...document.querySelectorAll('.question a')].map((link) => link.getAttribute('href'))")
    assert len(runs) == 2
    first, second = (each.strip("#/") for each in runs)
    tags = set[str]()
    for where in ("answer", "step-1", "step-2", "step-2-raw", "source-1", "source-2"):
        page.eval(f"location.hash = '#{first}/{where}'")
        page.until(f"location.hash.endsWith('{where}') && document.querySelector('main').innerText")
        assert "<script>window.owned=1</script>" in page.text(), where
        assert "\\x1b[31m" in page.text(), where
        assert "\\u202e" in page.text(), where
        assert not re.search("[\x1b\u202e\u2066\u200b]", page.text()), where
        tags |= set(page.eval("[...document.querySelectorAll('#app *')].map((each) => each.tagName)"))
    assert not tags & {"SCRIPT", "STYLE", "IMG", "IFRAME", "OBJECT", "FORM"}
    page.eval(f"location.hash = '#{first}/answer'")
    links = page.eval("[...document.querySelectorAll('main a, .source a')].map((each) => each.href)")
    assert [each for each in links if not each.startswith("file:")] == [
        "https://evil.example/i.png",  # a link, and no picture
        "https://example.org/",
    ]
    assert page.eval("document.querySelector('a[href^=https]').rel") == "noopener noreferrer"
    page.eval(f"location.hash = '#compare/{first}/{second}'")
    page.until("document.querySelector('.pairs')")
    assert page.eval("window.owned") is None
    assert not re.search("[\x1b\u202e]", page.eval("document.title"))


def test_a_text_of_hidden_characters_is_shown(tmp_path: Path, open_page: Callable[..., Page]) -> None:
    output = "a\u200b " * 10_000
    events: list[Event] = [started("x" * 5000), *shown(1, output)]
    run = run_document(Trace(trace_id="t", events=tuple(events)))
    file = tmp_path / "run.html"
    file.write_text(single_file([run | {"raw": {}}]))
    page = open_page(f"{file.as_uri()}#step-1")
    assert page.eval("document.querySelector('.output').innerText").count("\\u200b") == 10_000
    assert page.eval("document.querySelectorAll('.unseen').length") < 3_000
    page.press("a")
    page.click("main summary")
    assert "x" * 5000 in page.text("main details")


@pytest.fixture(scope="session")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    lines = "\n".join(f"L{number}: {'some words of a line ' * 4}" for number in range(1, 21))
    told: list[Event] = [started("a long run")]
    for step in range(1, 2001):
        head = f"[{step}] T ({step}.md)\n**viewing lines [1 - 21] of 21**"
        told += shown(step, f"{head}\n\n{lines}\nL21: needle-{step}")
    file = tmp_path_factory.mktemp("long") / "run.html"
    run = run_document(Trace(trace_id="long", events=tuple(told)))
    file.write_text(single_file([run | {"raw": {}}]))
    return file.as_uri()


def test_two_thousand_steps(long_file: str, open_page: Callable[..., Page]) -> None:
    page = open_page(long_file)
    # The bound is wide, for a loaded machine; `make bench-traces` prints the figure.
    assert page.eval(f"Number({READY})") < 5000
    page.until("document.querySelectorAll('.rows li').length === 2001")
    assert page.eval("document.querySelectorAll('*').length") < 30_000
    page.press("/")
    page.type("needle-1777")
    page.until("document.querySelector('.count').innerText.startsWith('1 of')")
    page.press("Enter")
    assert place(page) == "#step-1777"
    assert page.eval("document.querySelector('.bar.current') !== null")
    assert not page.eval("document.querySelector('.map').hidden")
    page.press("Escape", "k", "j")
    assert "needle-" in page.text(".output")


def test_a_link_far_down_a_long_run(long_file: str, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{long_file}#step-1990")
    assert "needle-1990" in page.text(".output")
    assert page.eval(
        "document.querySelector('[data-key=row-1990]').getBoundingClientRect().top < innerHeight"
    )
    page.press("j")
    assert focused(page) == "row-1991"
    page.press("/")
    page.type("needle-3")
    page.until("document.querySelector('.count').innerText.startsWith('111 of')")
    page.press("Escape")
    page.until("document.querySelector('.count').innerText === ''")
    assert page.eval("document.querySelectorAll('.rows li:not([hidden])').length") == 2001


@pytest.mark.parametrize("where", ["#answer", "#source-2", "#step-1", "#step-1-raw"])
def test_on_a_narrow_screen(where: str, one_file: str, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{one_file}{where}", width=360, height=740)
    assert page.eval("document.documentElement.scrollWidth") == 360
    small = (
        "[...document.querySelectorAll('#app button, #app nav a')].map((each) => each.getClientRects()[0])"
    )
    assert all(height >= 20 for height in page.eval(f"{small}.filter(Boolean).map((box) => box.height)"))


def test_light_dark_and_paper(one_file: str, open_page: Callable[..., Page]) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    light, dark = open_page(one_file), open_page(one_file, dark=True)
    brightness = [sum(map(int, re.findall(r"\d+", page.eval(colour)))) for page in (light, dark)]
    assert brightness[0] > 600 > 200 > brightness[1]
    light.call("Emulation.setEmulatedMedia", media="print")
    assert light.eval("getComputedStyle(document.querySelector('.steps')).display") == "none"
    assert "one column file per field" in light.text("main")


def test_copied_as_markdown(one_file: str, open_page: Callable[..., Page]) -> None:
    page = open_page(one_file)
    page.eval("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.press("j", "y")
    page.until("document.getElementById('status').innerText.startsWith('Copied')")
    copied = page.eval("window.copied")
    assert copied.startswith("### Step 1")
    assert "Since 2.4 a segment is written" in copied


def test_of_a_hundred_runs_the_older_ones_come_when_asked_for(
    tmp_path: Path, open_page: Callable[..., Page]
) -> None:
    with TraceStore(tmp_path) as store:
        for number in range(120):
            store.start(started(f"number {number}"))
    with served(Service(Settings(home=tmp_path, engine="extractive"))) as server:
        page = open_page(f"{server.url}/traces")
        rows = "document.querySelectorAll('.runs tbody tr').length"
        assert page.eval(rows) == 50
        page.click(".foot button")
        page.until(f"{rows} === 100")
        page.click(".foot button")
        page.until(f"{rows} === 120")
        assert page.eval("document.querySelector('.foot button').hidden")
        assert page.text(".runs tbody tr:last-child .question") == "number 0"


@pytest.mark.skipif(AXE is None, reason="OSSIFRAGE_AXE names no axe.min.js (npm install axe-core)")
@pytest.mark.parametrize("dark", [False, True])
def test_accessibility(dark: bool, site: str, recorded: Recorded, open_page: Callable[..., Page]) -> None:
    run = f"{site}/traces/{recorded.ids[1]}"
    pages = [f"{site}/", f"{site}/traces", f"{site}/compare/{recorded.ids[0]}/{recorded.ids[1]}"]
    for url in [*pages, run, f"{run}#source-2", f"{run}#step-1", f"{run}#step-2-raw"]:
        page = open_page(url, dark=dark)
        page.browser.listen(0.2)
        page.eval(Path(str(AXE)).read_text() + "; undefined")
        each = "[each.id, each.nodes[0].html, each.nodes[0].failureSummary]"
        found = page.eval(f"axe.run(document).then((found) => found.violations.map((each) => {each}))")
        assert found == [], url
