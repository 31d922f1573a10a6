"""Who comes in, with how much, and what every answer carries."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from fakes.served import Served, served
from fakes.waiting_engine import WaitingEngine
from ossifrage.agent.errors import UsageError
from ossifrage.agent.serve.guard import HEADERS
from ossifrage.agent.serve.limits import Limits
from ossifrage.agent.serve.server import check_address
from ossifrage.agent.serve.service import Service
from ossifrage.agent.serve.tokens import Tokens
from ossifrage.agent.settings import Settings
from ossifrage.tools.knowledge import KnowledgeBase

TOKEN, ALICE, BOB = "owner-0123456789abcdef", "alice-0123456789abcdef", "bob-0123456789abcdef"
LIMITS = Limits(head_seconds=1, body_bytes=1000, body_seconds=0.3, running=3, running_each=2, seconds=30)
ASK = {"model": "gpt-oss", "input": "Hi"}


@pytest.fixture(scope="module")
def guarded(
    birds: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory
) -> Generator[tuple[Served, WaitingEngine], None, None]:
    settings = Settings(
        home=tmp_path_factory.mktemp("guarded"),
        serve_token=f"{TOKEN},alice:{ALICE},bob:{BOB}",  # type: ignore[arg-type]
        serve_names="kb.example.com",
    )
    engine = WaitingEngine()
    engine.go_on.set()
    with served(Service(settings, knowledge=birds, engine=engine, limits=LIMITS)) as running:
        yield running, engine


@pytest.fixture
def door(guarded: tuple[Served, WaitingEngine]) -> Generator[httpx.Client, None, None]:
    with httpx.Client(base_url=guarded[0].url, timeout=60) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:{port}", 200),
        ("localhost:{port}", 200),
        ("kb.example.com", 200),
        ("kb.example.com:{port}", 200),
        ("KB.example.com", 200),
        ("evil.example.com:{port}", 403),
        ("127.0.0.1:{port}.evil.example.com", 403),
        ("127.0.0.1", 403),
        ("127.0.0.1:1", 403),
        ("kb.example.com:81", 403),
        ("x@127.0.0.1:{port}", 403),
        ("", 403),
    ],
)
def test_the_host_has_to_be_this_server(door: httpx.Client, host: str, status: int) -> None:
    given = host.format(port=door.base_url.port)
    assert door.get("/healthz", headers={"host": given}).status_code == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:{port}", 200),
        ("http://localhost:{port}", 403),  # not the one that was asked
        ("http://127.0.0.1:1", 403),
        ("https://evil.example.com", 403),
        ("null", 403),
        ("file://", 403),
        ("http://[", 403),
        ("http://127.0.0.1:{port}/", 403),
    ],
)
def test_pages_of_other_sites_are_refused(door: httpx.Client, origin: str, status: int) -> None:
    given = origin.format(port=door.base_url.port)
    for method in ("GET", "OPTIONS"):
        answer = door.request(method, "/v1/models", headers={"origin": given, **bearer(TOKEN)})
        assert (answer.status_code == 403) == (status == 403)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        bearer(TOKEN[:-1]),
        bearer(TOKEN + "x"),
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": TOKEN},
        {"cookie": f"ossifrage={TOKEN}"},
        {"cookie": "ossifrage=; x=é".encode("latin-1").decode("latin-1")},
    ],
)
def test_without_a_token_nothing_is_told(door: httpx.Client, headers: dict[str, str]) -> None:
    raw = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    for path in ("/v1/models", "/metrics", "/openapi.json", "/nowhere"):
        answer = door.get(path, headers=raw)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert door.get("/healthz", headers=raw).json() == {"status": "ok"}


def test_a_browser_logs_in_once_and_keeps_a_cookie(door: httpx.Client) -> None:
    answer = door.get(f"/v1/models?token={ALICE}&a=b")
    assert (answer.status_code, answer.headers["location"]) == (303, "/v1/models?a=b")
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert ALICE not in cookie
    assert door.get("/v1/models").status_code == 200
    door.cookies.clear()
    assert door.get("/v1/models?token=wrong-0123456789abcdef").status_code == 401


@pytest.mark.parametrize("path", ["//evil.example.com/x", "/\\evil.example.com/x", "/\\/evil.example.com/x"])
def test_a_login_leads_to_no_other_site(guarded: tuple[Served, WaitingEngine], path: str) -> None:
    port = int(guarded[0].url.rpartition(":")[2])
    head = f"GET {path}?token={ALICE} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    assert "\r\nlocation: /evil.example.com/x\r\n" in answer


def test_every_answer_has_the_headers_of_the_guard(door: httpx.Client) -> None:
    paths = ("/healthz", "/v1/models", "/nowhere", f"/?token={TOKEN}")
    answers = [door.get(path) for path in paths]
    answers.append(door.get("/healthz", headers={"host": "evil"}))
    answers.append(door.post("/v1/responses", json=ASK, headers=bearer(TOKEN)))
    for answer in answers:
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert answer.headers["cache-control"] == "no-store"


def test_a_body_that_is_too_large_is_refused_whether_or_not_it_says_so(door: httpx.Client) -> None:
    def parts() -> Generator[bytes, None, None]:
        for _ in range(11):
            yield b"x" * 100

    json_body = {"content-type": "application/json", **bearer(TOKEN)}
    at_most = door.post("/v1/ask", content=b" " * 1000, headers=json_body)
    assert at_most.status_code == 400
    for content in (b" " * 1001, parts()):
        answer = door.post("/v1/ask", content=content, headers=json_body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


def test_a_body_that_does_not_come_is_not_waited_for(guarded: tuple[Served, WaitingEngine]) -> None:
    port = int(guarded[0].url.rpartition(":")[2])
    head = (
        f"POST /v1/ask HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 408")


def test_what_is_no_json_by_its_name_is_refused(door: httpx.Client) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = door.post("/v1/ask", content=b"{}", headers={"content-type": kind, **bearer(TOKEN)})
        assert answer.status_code == 415


@contextmanager
def running(door: httpx.Client, engine: WaitingEngine, *tokens: str) -> Generator[None]:
    """So many answers that do not end before the block does."""
    engine.go_on.clear()
    before = engine.generations
    try:
        with ExitStack() as streams:
            for token in tokens:
                body = {**ASK, "stream": True}
                asked = door.stream("POST", "/v1/responses", json=body, headers=bearer(token))
                assert streams.enter_context(asked).status_code == 200
            for _ in range(1000):
                if engine.generations == before + len(tokens):
                    break
                threading.Event().wait(0.01)
            yield
            engine.go_on.set()
    finally:
        engine.go_on.set()


def test_connections_that_ask_nothing_do_not_shut_others_out(
    guarded: tuple[Served, WaitingEngine], door: httpx.Client
) -> None:
    """As many as there may be, each with half a head, and nobody has shown a token."""
    with ExitStack() as held:
        idle = [
            held.enter_context(socket.create_connection(("127.0.0.1", door.base_url.port or 0), timeout=10))
            for _ in range(4 * LIMITS.running)
        ]
        for each in idle:
            each.sendall(b"GET / HTTP/1.1\r\nx:")
        assert idle[-1].recv(1) == b""
        assert door.get("/healthz").status_code == 200


def test_what_is_not_there_is_no_failure_in_the_log(
    door: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    for path in ("/traces/no%0aERROR%1b[31m.json", "/traces.json?before=none"):
        assert door.get(path, headers=bearer(TOKEN)).status_code == 404
    assert "failed" not in caplog.text


def test_what_fails_stays_in_its_line_of_the_log(
    door: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    path = f"/traces/%0aERROR%1b[31m/raw/{'9' * 5000}.json"
    assert door.get(path, headers=bearer(TOKEN)).status_code == 500
    (record,) = [each for each in caplog.records if each.name.endswith("guard")]
    assert "\n" not in record.getMessage()
    assert "\x1b" not in record.getMessage()


def test_too_many_at_once_are_told_to_come_again(
    guarded: tuple[Served, WaitingEngine], door: httpx.Client
) -> None:
    with running(door, guarded[1], ALICE, ALICE, BOB):
        full = door.get("/v1/models", headers=bearer(TOKEN))
        assert (full.status_code, full.headers["retry-after"]) == (503, "1")
        assert door.get("/healthz").status_code == 200


def test_one_client_may_run_so_many_at_once(
    guarded: tuple[Served, WaitingEngine], door: httpx.Client
) -> None:
    with running(door, guarded[1], ALICE, ALICE):
        answer = door.get("/v1/models", headers=bearer(ALICE))
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert door.get("/v1/models", headers=bearer(BOB)).status_code == 200
    for _ in range(1000):  # the places are free again
        if door.get("/v1/models", headers=bearer(ALICE)).status_code == 200:
            return
        threading.Event().wait(0.01)
    pytest.fail("the places are never free again")


@pytest.mark.parametrize(
    "text",
    [
        "short",
        "has a blank in it, and is long",
        "x" * 16 + "é",
        f"{TOKEN},{TOKEN}",
        f"A:{TOKEN}",
        f"../x:{TOKEN}",
    ],
)
def test_a_token_that_protects_nothing_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        Tokens.parse(text)
    assert text not in str(refused.value)


def test_two_clients_have_two_tokens() -> None:
    with pytest.raises(UsageError, match="same token"):
        Tokens.parse(f"alice:{ALICE},bob:{ALICE}")


def test_another_address_needs_a_token(birds: KnowledgeBase, tmp_path: object) -> None:
    open_to_all = Service(Settings(home=tmp_path), knowledge=birds)  # type: ignore[arg-type]
    for host in ("0.0.0.0", "::", "192.168.1.5", "example.com"):
        with pytest.raises(UsageError, match="OSSIFRAGE_SERVE_TOKEN"):
            check_address(host, open_to_all)
    for host in ("127.0.0.1", "127.0.0.2", "::1", "localhost"):
        check_address(host, open_to_all)
    check_address("0.0.0.0", Service(Settings(home=tmp_path, serve_token=TOKEN), knowledge=birds))  # type: ignore[arg-type]
