"""Headless Chromium, driven through its own protocol over a pipe: no driver, no package, no port, no network."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync",
    "--disable-extensions", "--disable-component-update", "--disable-background-networking", "--hide-scrollbars",
    "--force-color-profile=srgb", "--remote-debugging-pipe",
)  # fmt: skip
KEYS = {
    "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Home": 36, "End": 35, " ": 32, "Enter": 13,
    "Tab": 9,
}  # fmt: skip


def find() -> str | None:
    """The browser's program, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class BrowserError(Exception):
    """The browser answered with an error, a script in the page failed, or the browser went away."""


class Chromium:
    """A browser with one page. Use it in a ``with``."""

    def __init__(self, width: int = 1200, height: int = 900, patience: float = 60.0) -> None:
        program = find()
        assert program is not None
        self.patience = patience
        self.folder = tempfile.mkdtemp(prefix="chromium-")
        to_read, self._to = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in self._pipe())
        self._from, from_write = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in self._pipe())
        null = os.open(os.devnull, os.O_RDWR)
        own = (f"--user-data-dir={self.folder}", f"--window-size={width},{height}", "about:blank")
        arguments = [program, *FLAGS, *own]
        self.pid = os.posix_spawn(
            program,
            arguments,
            os.environ | {"HOME": self.folder},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, to_read, 3),
                (os.POSIX_SPAWN_DUP2, from_write, 4),
                *((os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)),
            ],
            setpgroup=0,
        )
        for fd in (to_read, from_write, null):
            os.close(fd)
        os.set_blocking(self._from, False)
        self._rest, self._count, self._session = b"", 0, ""
        self.errors: list[str] = []
        self.requests: list[str] = []
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.size(width, height)

    _made: list[int]

    def _pipe(self) -> tuple[int, int]:
        pair = os.pipe()
        self.__dict__.setdefault("_made", []).extend(pair)
        return pair

    def __enter__(self) -> Chromium:
        for fd in self._made:
            os.close(fd)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self._to)
        os.close(self._from)
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- the protocol: messages of JSON, ended by a zero byte ------------------------------------------------------

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command, and its result. BrowserError: the browser refused, or did not answer in time."""
        self._count += 1
        number = self._count
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        while True:
            answer = self._receive()
            if answer.get("id") == number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    def _receive(self) -> dict[str, Any]:
        end = time.monotonic() + self.patience
        while b"\0" not in self._rest:
            try:
                more = os.read(self._from, 1 << 20)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise BrowserError(f"no answer for {self.patience} s") from None
                time.sleep(0.002)
                continue
            if not more:
                raise BrowserError("the browser went away")
            self._rest += more
        text, _, self._rest = self._rest.partition(b"\0")
        event: dict[str, Any] = json.loads(text)
        return event

    def _note(self, event: dict[str, Any]) -> None:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    # -- what a reader does ----------------------------------------------------------------------------------------

    def open(self, path: Path) -> None:
        """Open a file and wait for it."""
        self.errors.clear()
        self.requests.clear()
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")

    def run(self, script: str) -> Any:
        """The value of an expression in the page. BrowserError: it threw."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until an expression is true."""
        end = time.monotonic() + self.patience
        while True:
            try:
                if self.run(condition):
                    return
            except BrowserError as error:
                if "context" not in str(error):
                    raise
            if time.monotonic() > end:
                raise BrowserError(f"still not true: {condition}")
            time.sleep(0.01)

    def press(self, key: str) -> None:
        """One key, down and up."""
        text = {" ": " ", "Enter": "\r"}.get(key, key if len(key) == 1 else "")
        named: dict[str, Any] = {"key": key, "code": "Space" if key == " " else key}
        named["windowsVirtualKeyCode"] = KEYS.get(key, ord(key[0].upper()))
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **named)
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def click(self, element: str) -> None:
        """The mouse on the middle of an element, given as an expression."""
        x, y = self.run(
            f"(e => {{ e.scrollIntoView({{block: 'center'}}); const b = e.getBoundingClientRect();"
            f" return [b.x + b.width / 2, b.y + b.height / 2]; }})({element})"
        )
        self.hover(x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def hover(self, x: float, y: float) -> None:
        """Move the mouse."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def size(self, width: int, height: int, *, mobile: bool = False) -> None:
        """The window's inner size."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def media(self, **features: str) -> None:
        """What the reader prefers: ``media(prefers_color_scheme="dark")``."""
        pairs = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.call("Emulation.setEmulatedMedia", features=pairs)

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Write what is seen as a PNG file; ``whole``: the page to its end."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))
