"""A headless Chromium, driven through its DevTools protocol over two pipes."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

__all__ = ["Browser", "Page", "chromium"]

_TIMEOUT = 30.0
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # tests often run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
)


def chromium() -> str | None:
    """Where Chromium is; ``OSSIFRAGE_CHROMIUM`` names another."""
    named = os.environ.get("OSSIFRAGE_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")


class Browser:
    """One process; every page of it is a profile of its own."""

    def __init__(self, program: str) -> None:
        self._profile = tempfile.mkdtemp(prefix="ossifrage-chromium-")
        theirs, self._in = os.pipe()
        self._out, ours = os.pipe()
        # Chromium reads commands from 3 and writes to 4; those numbers may be taken here.
        high = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 100) for each in (theirs, ours)]
        null = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
        pipes = [(os.POSIX_SPAWN_DUP2, each, number) for number, each in enumerate(high, 3)]
        command = [program, *_ARGUMENTS, f"--user-data-dir={self._profile}", "about:blank"]
        self._process = os.posix_spawn(program, command, os.environ, file_actions=[*null, *pipes])
        for each in (theirs, ours, *high):
            os.close(each)
        self._number = 0
        self._rest = b""
        self._pages: dict[str, Page] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        with suppress(RuntimeError, OSError, TimeoutError):
            self.call("Browser.close")
        end = time.monotonic() + 10
        while not os.waitpid(self._process, os.WNOHANG)[0]:
            if time.monotonic() > end:
                os.kill(self._process, signal.SIGKILL)
                os.waitpid(self._process, 0)
                break
            time.sleep(0.02)
        os.close(self._in)
        os.close(self._out)
        shutil.rmtree(self._profile, ignore_errors=True)

    def page(self, *, width: int = 1280, height: int = 800, dark: bool = False, scale: float = 1) -> Page:
        """A new, empty page."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session, target)
        self._pages[session] = page
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.call(f"{domain}.enable")
        page.resize(width, height, scale)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.call("Emulation.setEmulatedMedia", features=[scheme])
        page.call("Emulation.setFocusEmulationEnabled", enabled=True)
        return page

    def call(self, method: str, *, session: str | None = None, **params: Any) -> dict[str, Any]:
        """One command, and what it gives; what happens meanwhile is noted by the pages."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._in, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + _TIMEOUT
        while True:
            received = self._read(end)
            if received is None:
                raise TimeoutError(f"{method}: Chromium does not answer")
            if received.get("id") == number:
                if "error" in received:
                    raise RuntimeError(f"{method}: {received['error']['message']}")
                return received["result"]

    def listen(self, seconds: float) -> None:
        """Note what happens, for a while."""
        end = time.monotonic() + seconds
        while self._read(end) is not None:
            pass

    def _read(self, end: float) -> dict[str, Any] | None:
        while b"\0" not in self._rest:
            wait = end - time.monotonic()
            if wait <= 0 or not select.select([self._out], [], [], wait)[0]:
                return None
            chunk = os.read(self._out, 1 << 20)
            if not chunk:
                raise RuntimeError("Chromium has ended")
            self._rest += chunk
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        page = self._pages.get(message.get("sessionId", ""))
        if page is not None and "method" in message:
            page.happened(message["method"], message["params"])
        return message


@dataclass
class Page:
    """A page, what was asked for by it, and what it complained about."""

    browser: Browser
    session: str
    target: str
    requests: list[str] = field(default_factory=list[str])
    """Addresses that it asked for, also those that were refused."""
    complaints: list[str] = field(default_factory=list[str])
    """Errors on the console, exceptions, violations of the content security policy."""
    loaded: int = 0

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A command to this page."""
        return self.browser.call(method, session=self.session, **params)

    def close(self) -> None:
        """Close it."""
        self.browser.call("Target.closeTarget", targetId=self.target)

    def happened(self, method: str, params: dict[str, Any]) -> None:
        """Take note."""
        match method:
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                self.complaints.append(details.get("exception", {}).get("description", details["text"]))
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.complaints.append(" ".join(str(each.get("value", each)) for each in params["args"]))
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                self.complaints.append(params["entry"]["text"])
            case "Page.loadEventFired":
                self.loaded += 1
            case _:
                pass

    def open(self, url: str) -> None:
        """Go somewhere, and wait until it is loaded."""
        self.navigated(lambda: self.call("Page.navigate", url=url))

    def navigated(self, act: Callable[[], object]) -> None:
        """Do something that loads a page, and wait for it."""
        before = self.loaded
        act()
        end = time.monotonic() + _TIMEOUT
        while self.loaded == before:
            if time.monotonic() > end:
                raise TimeoutError("the page does not load")
            self.browser.listen(0.02)

    def offline(self) -> None:
        """Cut the network."""
        self.call(
            "Network.emulateNetworkConditions",
            offline=True,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )

    def resize(self, width: int, height: int, scale: float = 1) -> None:
        """Another size of the window, in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=False,
        )

    def eval(self, script: str) -> Any:
        """The value of an expression; a promise is waited for."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise AssertionError(details.get("exception", {}).get("description", details["text"]))
        return result["result"].get("value")

    def until(self, condition: str, seconds: float = _TIMEOUT) -> Any:
        """Wait until an expression is true; its value."""
        end = time.monotonic() + seconds
        script = f"(async () => {{ const is = await ({condition}); return is instanceof Node || is; }})()"
        while not (value := self.eval(script)):
            if time.monotonic() > end:
                raise AssertionError(f"never true: {condition}\n{self.text()[:2000]}\n{self.complaints}")
            self.browser.listen(0.02)
        return value

    def text(self, selector: str = "body") -> str:
        """What is to be read in the first element that fits; empty where there is none."""
        return self.eval(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def press(self, *keys: str) -> None:
        """Keys, one after the other: letters, or names such as ``Enter``."""
        for key in keys:
            text = "\r" if key == "Enter" else key if len(key) == 1 else ""
            code = {"Enter": 13, "Escape": 27, "Tab": 9}.get(key, 0)
            given = {"key": key, "text": text, "windowsVirtualKeyCode": code}
            self.call("Input.dispatchKeyEvent", type="keyDown", **given)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def type(self, text: str) -> None:
        """Text, into what has the focus."""
        self.call("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """Click in the middle of the first element that fits."""
        place = self.eval(
            f"""(() => {{
              const element = document.querySelector({json.dumps(selector)});
              element.scrollIntoView({{block: "nearest"}});
              const box = element.getClientRects()[0];
              return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"""
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1
            )

    def focused(self) -> str:
        """The text of what has the focus."""
        return self.eval("document.activeElement.innerText ?? document.activeElement.tagName")

    def picture(self, path: Path) -> None:
        """A PNG of what is in view."""
        data = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))
