"""Firefox, driven over WebDriver BiDi (https://w3c.github.io/webdriver-bidi/), which it speaks by itself."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
_READY = "WebDriver BiDi listening on "
_ENTER = "\ue007"


class Firefox:
    """One tab. ``errors`` are what scripts of the page logged as errors or did not catch."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.errors: list[str] = []
        self.version = self.send("session.new", capabilities={})["capabilities"]["browserVersion"]
        self._tab = self.send("browsingContext.getTree")["contexts"][0]["context"]
        self.send("session.subscribe", events=["log.entryAdded"])

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its result. Raises AssertionError on an error, TimeoutError after half a minute."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=30))
            if message.get("method") == "log.entryAdded" and message["params"]["level"] == "error":
                self.errors.append(str(message["params"]["text"]))
            if message.get("id") == self._number:
                assert message["type"] == "success", message
                result: dict[str, Any] = message["result"]
                return result

    def resize(self, width: int, height: int) -> None:
        self.send("browsingContext.setViewport", context=self._tab, viewport={"width": width, "height": height})

    def open(self, address: str) -> None:
        self.send("browsingContext.navigate", context=self._tab, url=address, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, or of its promise, as JSON can carry it."""
        answer = self.send(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({expression})))()",
            target={"context": self._tab},
            awaitPromise=True,
            userActivation=False,
        )
        assert answer["type"] == "success", answer
        text = answer["result"].get("value")
        return None if text is None else json.loads(text)

    def wait_for(self, expression: str, *, seconds: float = 30) -> Any:
        """The first true value. Raises AssertionError when there is none in time."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if value := self.evaluate(expression):
                    return value
            except AssertionError as error:  # between two pages there is nothing to ask
                if "no such" not in str(error) and "realm" not in str(error) and "exception" not in str(error):
                    raise
            assert time.monotonic() < deadline, f"{expression} did not become true: {self.errors}"
            time.sleep(0.1)

    def click(self, selector: str) -> None:
        """Press the first visible element of a selector with the mouse, as a person does."""
        place = self.wait_for(
            f"""(() => {{
                // Scripts are modules: they listen when the page is there, and not before.
                if (document.readyState !== "complete") return null;
                const shown = [...document.querySelectorAll({json.dumps(selector)})]
                    .find((one) => one.checkVisibility() && !one.matches(":disabled"));
                if (!shown) return null;
                shown.scrollIntoView({{ block: "center" }});
                const box = shown.getBoundingClientRect();
                return {{ x: Math.round(box.x + box.width / 2), y: Math.round(box.y + box.height / 2) }};
            }})()"""
        )
        moves = [{"type": "pointerMove", **place}, {"type": "pointerDown", "button": 0}]
        moves.append({"type": "pointerUp", "button": 0})
        self._act({"type": "pointer", "id": "mouse", "actions": moves})

    def press(self, key: str) -> None:
        key = _ENTER if key == "Enter" else key
        self._act(
            {
                "type": "key",
                "id": "keyboard",
                "actions": [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}],
            }
        )

    def _act(self, source: dict[str, Any]) -> None:
        self.send("input.performActions", context=self._tab, actions=[source])

    def screenshot(self, path: Path) -> None:
        picture = self.send("browsingContext.captureScreenshot", context=self._tab, origin="document")["data"]
        path.write_bytes(base64.b64decode(picture))


@contextmanager
def firefox(folder: Path) -> Iterator[Firefox]:
    """A new Firefox with an empty profile in ``folder``, without a window."""
    assert FIREFOX is not None
    profile = folder / "profile"
    profile.mkdir(parents=True)
    (profile / "user.js").write_text(
        'user_pref("media.volume_scale", "1.0");\nuser_pref("toolkit.startup.max_resumed_crashes", -1);\n'
        'user_pref("datareporting.policy.dataSubmissionEnabled", false);\n'
    )
    command = [FIREFOX, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
    # As root, and in small containers, the sandbox of its own processes cannot be set up.
    environment = {**os.environ, "HOME": str(folder), "MOZ_DISABLE_CONTENT_SANDBOX": "1"}
    process = subprocess.Popen(
        [*command, "about:blank"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        address = next(line.split(_READY)[1].strip() for line in process.stdout if _READY in line)
        with connect(f"{address}/session", max_size=None) as socket:
            yield Firefox(socket)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
