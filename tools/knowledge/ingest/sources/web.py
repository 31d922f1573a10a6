"""Documents from the web."""

from __future__ import annotations

import posixpath
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from itertools import count
from tempfile import SpooledTemporaryFile
from typing import IO

import httpx

from ...errors import UnreadableError
from ..loaders import SUFFIXES
from .addresses import Addresses, PinnedTransport, behind_proxy
from .archives import MAX_ARCHIVE_BYTES, archive_stem
from .item import MAX_BYTES, RawDocument
from .urls import file_name

__all__ = ["Download", "OnBytes", "Web"]

OnBytes = Callable[[int, int | None], None]
"""Told how many bytes have come, and of how many if that is known."""

_TIMEOUT = httpx.Timeout(30, connect=10)
_MOST_REDIRECTS = 10
_CHUNK = 64 * 1024
_IN_MEMORY = 8 * 1024 * 1024
_PATIENCE = 60
"""Seconds after which a download must have kept up ``_SLOWEST`` bytes a second."""
_SLOWEST = 1024
_LONGEST_WAIT = 30
"""Seconds a busy server may ask us to wait."""

_ARCHIVE_TYPES = {
    "application/zip": ".zip",
    "application/x-zip-compressed": ".zip",
    "application/x-tar": ".tar",
    "application/gzip": ".tar.gz",
    "application/x-gzip": ".tar.gz",
    "application/x-bzip2": ".tar.bz2",
    "application/x-xz": ".tar.xz",
}


@dataclass(frozen=True)
class Download:
    """What an address gave."""

    url: str
    """Where it was found in the end."""
    name: str
    """Its file name; the suffix tells its kind, as far as the server told it."""
    media_type: str
    modified: datetime
    file: IO[bytes]
    """At its beginning; to be closed."""

    def raw(self) -> RawDocument:
        """The document; closes the file."""
        with self.file:
            data = self.file.read()
        name = self.name
        # A page of a documentation site may well be called faq.md and yet be HTML.
        is_html = self.media_type in ("text/html", "application/xhtml+xml") and data.lstrip()[:1] == b"<"
        if is_html and not name.lower().endswith((".html", ".htm", ".xhtml")):
            name += ".html"
        return RawDocument(name, data, self.modified, self.media_type)


class Web:
    """Fetches documents; may be used from several threads. To be closed.

    Args:
        clock: seconds, by which downloads that are too slow are told.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._addresses = Addresses()
        self._proxied = behind_proxy()
        self._client = httpx.Client(
            headers={"user-agent": "ossifrage", "accept-encoding": "gzip"},
            timeout=_TIMEOUT,
            transport=None if self._proxied else PinnedTransport(self._addresses),
        )
        self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def fetch(self, url: str, on_bytes: OnBytes | None = None, *, given: str | None = None) -> Download:
        """Fetch an address. A server that is busy is asked a second time, when it says when.

        It may lead to a private address (loopback, link-local, of a company's net) only if the address that
        was given is one itself.

        Args:
            url: with user and password if they are needed.
            on_bytes: called while it comes.
            given: the address that led to this one; None when somebody gave it.

        Raises:
            UnreadableError: it cannot be had, or is too large, or leads to where it may not.
        """
        try:
            request = self._client.build_request("GET", url)
            origin = request.url if given is None else httpx.URL(given)
            guarded, hop = self._private(origin) is None, 0 if given is None else 1
            for number in count(hop):
                if guarded and number and (address := self._private(request.url)):
                    raise UnreadableError(f"leads to {address}, which is not public (add it by itself)")
                if number - hop > _MOST_REDIRECTS:
                    raise UnreadableError("it redirects in circles")
                with closing(self._send(request)) as response:
                    if response.next_request is None:
                        return _take(url, response, on_bytes, self._clock)
                    request = response.next_request
            raise AssertionError("the numbers have no end")
        except httpx.TimeoutException as error:
            raise UnreadableError(f"no answer within {_TIMEOUT.read:.0f} s: try again later") from error
        except httpx.UnsupportedProtocol as error:
            raise UnreadableError("it redirects to what is no http address") from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise UnreadableError(f"cannot be fetched: {error or type(error).__name__}") from error

    def _send(self, request: httpx.Request) -> httpx.Response:
        response = self._client.send(request, stream=True)
        wait = _retry_after(response)
        if wait is None:
            return response
        response.close()
        time.sleep(wait)
        return self._client.send(request, stream=True)

    def _private(self, url: httpx.URL) -> str | None:
        """The address of a host that is not public, if it has one."""
        try:
            return self._addresses.private(url.raw_host.decode("ascii"))
        except OSError as error:
            if self._proxied:  # whose business it is
                return None
            raise UnreadableError(f"cannot be fetched: {error.strerror or error}") from error


def _take(
    url: str, response: httpx.Response, on_bytes: OnBytes | None, clock: Callable[[], float]
) -> Download:
    if not response.is_success:
        raise UnreadableError(f"{response.status_code} {response.reason_phrase}".strip())
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    name = _name(url, response, media_type)
    limit = MAX_ARCHIVE_BYTES if archive_stem(name) else MAX_BYTES
    length = response.headers.get("content-length", "")
    total = int(length) if length.isdecimal() else None
    file = SpooledTemporaryFile[bytes](max_size=_IN_MEMORY)
    try:
        for data in _body(response, total, on_bytes, clock):
            file.write(data)
            if file.tell() > limit:
                raise UnreadableError(f"larger than {limit // 2**20} MiB")
        file.seek(0)
    except OSError as error:
        file.close()
        raise UnreadableError(f"cannot be kept while it is read: {error.strerror or error}") from error
    except BaseException:
        file.close()
        raise
    return Download(str(response.url), name, media_type, _modified(response), file)


def _body(
    response: httpx.Response, total: int | None, on_bytes: OnBytes | None, clock: Callable[[], float]
) -> Iterator[bytes]:
    """The content, unpacked a bounded piece at a time (httpx would unpack any amount at once)."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("gzip", "x-gzip", "identity", ""):
        raise UnreadableError(f"sent with the encoding {encoding!r}, which was not asked for")
    unpack = zlib.decompressobj(wbits=31) if "gzip" in encoding else None
    began, received = clock(), 0
    try:
        for chunk in response.iter_raw(_CHUNK):
            received += len(chunk)
            elapsed = clock() - began
            if elapsed > _PATIENCE and received < _SLOWEST * elapsed:
                raise UnreadableError("it comes too slowly: try again later")
            if on_bytes:
                on_bytes(received, total)
            if unpack is None:
                yield chunk
                continue
            while chunk:
                yield unpack.decompress(chunk, MAX_BYTES)
                chunk = unpack.unconsumed_tail
    except zlib.error as error:
        raise UnreadableError("broken on its way here: try again") from error
    if unpack is not None and received and not unpack.eof:
        raise UnreadableError("incomplete: try again")


def _name(url: str, response: httpx.Response, media_type: str) -> str:
    """A file name that tells the kind: the server's own, or that of the address asked for or given."""
    disposition = Message()
    disposition["content-disposition"] = response.headers.get("content-disposition", "")
    own = (disposition.get_filename() or "").replace("\\", "/").rpartition("/")[2]
    names = [name for name in (own, file_name(url), file_name(str(response.url))) if name]
    telling = (name for name in names if archive_stem(name) or _suffix(name) in SUFFIXES)
    name = next(telling, names[0] if names else "index")
    if not archive_stem(name) and not _suffix(name):
        name += _ARCHIVE_TYPES.get(media_type, "")
    return name


def _suffix(name: str) -> str:
    return posixpath.splitext(name)[1].lower()


def _modified(response: httpx.Response) -> datetime:
    try:
        modified = parsedate_to_datetime(response.headers.get("last-modified", ""))
        return modified if modified.tzinfo else modified.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return datetime.now(UTC)


def _retry_after(response: httpx.Response) -> int | None:
    """How long a busy server asks to wait, in seconds; None if it does not, or asks too much."""
    wait = response.headers.get("retry-after", "")
    if response.status_code not in (429, 503) or not wait.isdecimal() or int(wait) > _LONGEST_WAIT:
        return None
    return int(wait)
