"""What is kept out of messages, and what is not."""

from __future__ import annotations

import base64
from urllib.parse import quote

import httpx
import pytest

from ossifrage.agent.engines.client import is_loopback, server_root, shown_address
from ossifrage.agent.engines.masking import Secrets
from ossifrage.agent.errors import UsageError

KEY = "sesame/open+now?~~~>>=1234"  # in base64 it holds `+` and `/`


def forms(secret: str) -> list[str]:
    data = secret.encode()
    encoded = base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()
    ways = [secret, quote(secret, safe=""), *encoded, *(each.rstrip("=") for each in encoded)]
    return [*ways, *(way.upper() for way in ways)]


@pytest.mark.parametrize("told", forms(KEY))
def test_a_key_is_masked_in_every_form(told: str) -> None:
    masked = Secrets(KEY, httpx.URL("http://a")).mask(f"<{told}> is wrong")
    assert masked.rstrip("=") in ("<***> is wrong", "<***=> is wrong", "<***==> is wrong")


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("http://eve:h%40rd~~~%3E@a", ["h@rd~~~>", "eve:h@rd~~~>", "eve:h%40rd~~~%3E"]),
        ("http://t%40ken-alone@a", ["t@ken-alone"]),
    ],
)
def test_a_password_in_the_address_is_masked_in_every_form(url: str, secrets: list[str]) -> None:
    masking = Secrets(None, httpx.URL(url))
    for secret in secrets:
        for told in forms(secret):
            masked = masking.mask(f"<{told}> is wrong")
            assert masked.rstrip("=").replace("=", "") == "<***> is wrong"


def test_the_longest_secret_is_masked_as_a_whole() -> None:
    assert Secrets("abc", httpx.URL("http://abc:abcdef@a")).mask("abcdef, abc:abcdef, abc") == "***, ***, ***"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Bearer abc.def-1; x", "Bearer ***; x"),
        ("basic dTpwYXNz, x", "basic ***, x"),
        ("Authorization: abc", "Authorization: ***"),
        ('{"proxy-authorization": "abc"}', '{"proxy-authorization": "***"}'),
        ("x-api-key=abc", "x-api-key=***"),
        ("api_key: abc", "api_key: ***"),
        ("the key sk-proj-abcdef", "the key ***"),
        ("sk-12345 is short, the bearer", "sk-12345 is short, the bearer"),
        ("a disk-abcdefgh, forbearer x", "a disk-abcdefgh, forbearer x"),
    ],
)
def test_what_looks_like_a_credential_is_masked_whoever_it_belongs_to(text: str, masked: str) -> None:
    assert Secrets(None, httpx.URL("http://a")).mask(text) == masked


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("http://127.0.0.1:1", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:1", True),
        ("http://localhost", True),
        ("http://LOCALHOST.:1", True),
        ("http://a.localhost", True),
        ("http://notlocalhost", False),
        ("http://localhost.example", False),
        ("http://10.0.0.1", False),
        ("http://128.0.0.1", False),
        ("http://[::2]", False),
    ],
)
def test_which_addresses_are_this_machine(address: str, own: bool) -> None:
    assert is_loopback(address) is own


@pytest.mark.parametrize(
    ("address", "root"),
    [
        ("http://a:1/v1/", "http://a:1"),
        (" https://a/v1 ", "https://a"),
        ("http://a/x/", "http://a/x"),
        ("http://a:65535", "http://a:65535"),
    ],
)
def test_the_root_of_an_address(address: str, root: str) -> None:
    assert server_root(address) == root


@pytest.mark.parametrize(
    "address", ["", "a:1", "ftp://a", "http://", "http://a:0", "http://a:65536", "http://a:x", "file:///etc"]
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(UsageError, match="not an address"):
        server_root(address)


def test_an_address_is_shown_without_its_password() -> None:
    assert shown_address("http://eve:hard@a:1/x/") == "http://a:1/x"
