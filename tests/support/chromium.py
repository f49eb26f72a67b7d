"""Drives a real Chromium by Debian's chromedriver (the WebDriver protocol of the W3C)."""

from __future__ import annotations

import base64
import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from support import servers

_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
          "--disable-component-update", "--disable-sync", "--force-device-scale-factor=1")
#: How the protocol calls references to elements.
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """One window."""

    def __init__(self, url: str, flags: tuple[str, ...]):
        # Proxies of the environment are for neither of both.
        self._http = requests.Session()
        self._http.trust_env = False
        options = {"args": [*_FLAGS, "--no-proxy-server", *flags], "binary": shutil.which("chromium")}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        answer = self._http.post(f"{url}/session", json={"capabilities": {"alwaysMatch": wanted}}, timeout=servers.PATIENCE)
        value = answer.json()["value"]
        assert "sessionId" in value, value
        self._url = f"{url}/session/{value['sessionId']}"
        self.version = value["capabilities"]["browserVersion"]

    def _ask(self, method: str, path: str, **body: Any) -> Any:
        answer = self._http.request(method, f"{self._url}/{path}", json=body if method == "POST" else None,
                                    timeout=servers.PATIENCE)
        value = answer.json()["value"]
        assert answer.ok, value
        return value

    def close(self) -> None:
        self._http.delete(self._url, timeout=servers.PATIENCE)

    def open(self, url: str) -> None:
        """Load a page and wait until it is there."""
        self._ask("POST", "url", url=url)

    def url(self) -> str:
        return str(self._ask("GET", "url"))

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a function's body in the page; gives what it returns."""
        return self._ask("POST", "execute/sync", script=script, args=list(arguments))

    def run_async(self, body: str, *arguments: Any) -> Any:
        """Run the body of an asynchronous function in the page; gives what it returns. Fails if it raises."""
        self._ask("POST", "timeouts", script=servers.PATIENCE * 1000)
        script = f"""
            const done = arguments[arguments.length - 1], given = [...arguments].slice(0, -1);
            (async function () {{ {body} }})(...given).then(value => done([value]), error => done(String(error)));"""
        answer = self._ask("POST", "execute/async", script=script, args=list(arguments))
        assert isinstance(answer, list), answer
        return answer[0]

    def size(self, width: int, height: int) -> None:
        """Make the page so large, in CSS pixels."""
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name: str) -> None:
        """Have the user prefer ``light`` or ``dark``."""
        self.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def tell(self, command: str, **parameters: Any) -> Any:
        """Send a command of Chromium's own protocol."""
        return self._ask("POST", "goog/cdp/execute", cmd=command, params=parameters)

    def find(self, selector: str) -> str:
        return str(self._ask("POST", "element", using="css selector", value=selector)[_ELEMENT])

    def click(self, selector: str) -> None:
        """Click like a person: fails if something lies above the element."""
        self._ask("POST", f"element/{self.find(selector)}/click")

    def type(self, selector: str, text: str) -> None:
        self._ask("POST", f"element/{self.find(selector)}/value", text=text)

    def picture(self, path: Path) -> None:
        """Write what the window shows as PNG."""
        path.write_bytes(base64.b64decode(self._ask("GET", "screenshot")))

    def complaints(self) -> list[str]:
        """Return what the browser has to say about the pages since the last call."""
        return [entry["message"] for entry in self._ask("POST", "se/log", type="browser")]


@contextlib.contextmanager
def browser(log: Path, *flags: str) -> Iterator[Browser]:
    """Run Chromium with an empty profile."""
    driver = shutil.which("chromedriver")
    if driver is None or shutil.which("chromium") is None:
        pytest.skip("Debian's chromium and chromium-driver are not installed")
    port = servers.free_port()
    with tempfile.TemporaryDirectory() as profile, servers.running(driver, f"--port={port}", log=log) as process:
        window = Browser(servers.wait_for(process, port, log), (f"--user-data-dir={profile}", *flags))
        try:
            yield window
        finally:
            window.close()
