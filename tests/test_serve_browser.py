"""The pages as people see them, in a real Chromium."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import clients, program_versions, servers
from support.chromium import Browser, browser
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

#: Gives the colour of the page: the browser's own where the page says nothing.
_PAGE = """
    const probe = document.createElement("span");
    probe.style.color = "Canvas";
    document.body.append(probe);
    const canvas = getComputedStyle(probe).color, body = getComputedStyle(document.body).backgroundColor;
    probe.remove();
    return body === "rgba(0, 0, 0, 0)" ? canvas : body;"""
WIDE, NARROW = (1280, 900), (360, 740)


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser") / "log") as started:
        program_versions.note("Chromium", started.version)
        yield started


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server, whose mirror no test changes."""
    folder = tmp_path_factory.mktemp("served")
    with Upstream() as upstream:
        populate(upstream)
        mirrored = Mirrored(folder / "mirror", upstream.url)
        assert mirrored.run("sync") == 0
    with servers.serve(mirrored.root, folder / "log") as started:
        yield started


def populate(upstream: Upstream) -> None:
    """Add projects of every kind that the pages show in a way of their own."""
    upstream.add("Zope.Interface", wheel("Zope.Interface", "8.0"), requires_python=">=3.10", yanked='of "no" <use>')
    upstream.add("Zope.Interface", sdist("Zope.Interface", "8.1"), yanked=True)
    upstream.statuses["zope-interface"] = {"status": "archived", "reason": "we <moved>"}
    upstream.add("zope.schema", sdist("zope.schema", "7.0"))
    upstream.add("a-name-that-is-longer-than-anybody-would-ever-type-by-hand-on-a-small-telephone", sdist("a", "1"))
    for number in range(40):
        upstream.add(f"collective.thing{number}", sdist(f"collective.thing{number}", "1"))


@pytest.fixture(params=["light", "dark"])
def scheme(request: Any, window: Browser) -> str:
    window.scheme(request.param)
    return str(request.param)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("path", ["/", "/?q=zope", "/simple/", "/simple/zope-interface/", "/full.html"])
def test_pages_fit_and_can_be_read(window: Browser, address: str, path: str, size: tuple[int, int], scheme: str) -> None:
    window.size(*size)
    window.open(address + path)
    assert window.run("return document.documentElement.scrollWidth <= innerWidth")
    assert contrast(window) >= 4.5
    assert (brightness(window.run(_PAGE)) > 0.5) == (scheme == "light")
    assert [complaint for complaint in window.complaints() if "favicon" not in complaint] == []


def numbers(colour: str) -> list[float]:
    return [float(number) / 255 for number in re.findall(r"[\d.]+", colour)[:3]]


def brightness(colour: str) -> float:
    """Give the relative luminance (WCAG 2)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in numbers(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(window: Browser) -> float:
    """Give the lowest contrast of any text on the page with what lies behind it (WCAG 2)."""
    pairs = window.run("""
        const found = new Set();
        for (const element of document.querySelectorAll("body, body *")) {
            if (!element.innerText || element.id === "copied") continue;
            let behind = element;
            while (behind && getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
            const colour = behind ? getComputedStyle(behind).backgroundColor : arguments[0];
            found.add(getComputedStyle(element).color + "|" + colour);
        }
        return [...found];""", window.run(_PAGE))
    assert pairs
    ratios = []
    for pair in pairs:
        one, other = sorted(brightness(colour) for colour in pair.split("|"))
        ratios.append((other + 0.05) / (one + 0.05))
    return min(ratios)


def test_a_search_shows_what_it_finds_at_once(window: Browser, address: str) -> None:
    window.size(*NARROW)
    window.open(f"{address}/")
    window.type("#q", "Zope.\n")
    wait(window, "return location.search === '?q=Zope.'")
    assert window.run("return [...document.querySelectorAll('.list a')].map(a => a.textContent)") == [
        "Zope.Interface", "zope.schema"]
    in_sight = "const box = document.querySelector('.list a').getBoundingClientRect();" \
               "return box.top >= 0 && box.bottom <= innerHeight"
    assert window.run(in_sight)
    window.click(".list a")
    assert window.url() == f"{address}/zope-interface/browse.html"
    window.open(f"{address}/?q=zope#projects")
    window.run("document.querySelector('p a').click()")
    wait(window, "return location.search === ''")
    assert window.run("return document.querySelectorAll('.list a').length") == 43


def test_the_search_is_reached_by_keyboard_alone(window: Browser, address: str) -> None:
    window.size(*WIDE)
    window.open(f"{address}/")
    reached = []
    for _ in range(20):
        window.tell("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9)
        window.tell("Input.dispatchKeyEvent", type="keyUp", key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(window.run("const one = document.activeElement; return one.id || one.dataset.copy || one.textContent"))
        assert window.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert reached[:16] == [*(client for client in clients.CLIENTS for _ in ("text", "button")), "q", "Search"]


@pytest.mark.parametrize("client", ["pip", "buildout", "conda-lock"])
def test_a_button_copies_its_lines_and_says_so_where_one_looks(window: Browser, address: str, client: str) -> None:
    window.size(*WIDE)
    window.tell("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"], origin=address)
    window.open(f"{address}/")
    place = f"return document.querySelector('button[data-copy={client}]').getBoundingClientRect().top + scrollY"
    before = window.run("return document.documentElement.scrollHeight"), window.run(place)
    window.click(f"button[data-copy={client}]")
    wait(window, f"return document.querySelector('button[data-copy={client}]').textContent === 'Copied'")
    assert window.run("return document.querySelector('[role=status]').textContent") == "Copied."
    assert (window.run("return document.documentElement.scrollHeight"), window.run(place)) == before
    copied = window.run("return navigator.clipboard.readText()")
    file = clients.render(client, f"{address}/simple/")
    assert copied.splitlines() == [line for line in file.splitlines() if line and not line.startswith("#")]


@pytest.mark.heavy
def test_without_a_clipboard_the_lines_are_selected(address: str, tmp_path: Path) -> None:
    # A host that is not this machine, reached without TLS: browsers give it no clipboard.
    port = address.rpartition(":")[2]
    with browser(tmp_path / "browser", "--host-resolver-rules=MAP mirror.example.com 127.0.0.1") as window:
        window.open(f"http://mirror.example.com:{port}/")
        window.click("button[data-copy=pip]")
        wait(window, "return document.querySelector('button[data-copy=pip]').textContent === 'Selected'")
        # Without base_url the page names the address that the server was started with, whatever the Host header.
        assert window.run("return getSelection().toString()").splitlines() == [
            "[global]", f"index-url = {address}/simple/", "trusted-host = 127.0.0.1:" + port]


def test_a_projects_page_tells_people_what_it_tells_clients(window: Browser, address: str) -> None:
    window.open(f"{address}/simple/zope-interface/")
    assert window.run("return document.querySelector('p').textContent") == "This project is archived: we <moved>"
    shown = window.run("""
        return [...document.querySelectorAll("a")].map(a => [
            getComputedStyle(a, "::before").content, a.textContent, getComputedStyle(a, "::after").content])""")
    assert shown == [
        ['"yanked: of \\"no\\" <use> "', "zope_interface-8.0-py3-none-any.whl", '"Python >=3.10"'],
        ['"yanked "', "zope_interface-8.1.tar.gz", "none"]]


def wait(window: Browser, script: str) -> None:
    """Wait until a script in the page says that it is so."""
    deadline = time.monotonic() + servers.PATIENCE
    while not window.run(script):
        assert time.monotonic() < deadline, f"never: {script}"
        time.sleep(0.05)
