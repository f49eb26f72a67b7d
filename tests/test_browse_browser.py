"""The pages for people in a real Chromium, from a web server that knows nothing of them, checked with axe-core."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from support import clients, program_versions, servers
from support.chromium import Browser, browser
from support.mirror import Mirrored
from support.upstream import Upstream, sdist

#: The widths of a desk, of a telephone, and of a page at 400 per cent (WCAG 2.1, 1.4.10).
SIZES = (1280, 900), (390, 740), (320, 600)
PAGES = "browse.html", "zope-interface/browse.html", "many/browse.html", "empty/browse.html"
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_METADATA = """\
Metadata-Version: 2.4
Name: Zope.Interface
Version: {version}
Summary: Interfaces for Python: contracts between the parts of a program, checked where you want them to be.
License-Expression: ZPL-2.1
Author-email: Zope Foundation and Contributors <zope-dev@example.com>
Requires-Python: >=3.10
Requires-Dist: zope.event >=5.0
Requires-Dist: coverage[toml] ; extra == "test"
Provides-Extra: test
Project-URL: Documentation, https://zope.example.com/interface/
Project-URL: Source, https://code.example.com/zopefoundation/zope.interface
"""


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser") / "log") as started:
        program_versions.note("Chromium", started.version)
        yield started


def a_wheel(version: str, tag: str) -> tuple[str, bytes]:
    """Return a wheel with metadata that fill the page."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"zope_interface-{version}.dist-info/METADATA", _METADATA.format(version=version))
    return f"zope_interface-{version}-{tag}.whl", content.getvalue()


def populate(upstream: Upstream) -> None:
    """Add projects of every kind that the pages show in a way of their own."""
    for version, day in (("7.2", "2024-11-28"), ("8.0", "2025-09-25"), ("8.1rc1", "2025-11-01")):
        facts = {"upload_time": f"{day}T10:00:00Z", "requires_python": ">=3.10"}
        for tag in ("cp313-cp313-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64", "cp313-cp313-win_amd64"):
            upstream.add("Zope.Interface", a_wheel(version, tag), **facts)
        upstream.add("Zope.Interface", sdist("Zope.Interface", version), **facts)
    upstream.add("Zope.Interface", sdist("Zope.Interface", "7.1"), yanked="Broken on <32 bit> systems",
                 upload_time="2024-10-01T10:00:00Z")
    upstream.add("many", *(sdist("many", f"1.{number}") for number in range(30)))
    upstream.statuses["many"] = {"status": "archived", "reason": "Use <more> instead"}
    upstream.add("empty")
    upstream.add("a-name-that-is-longer-than-anybody-would-ever-type-by-hand-on-a-small-telephone", sdist("a", "1"))
    for number in range(40):
        upstream.add(f"collective.thing{number}", sdist(f"collective.thing{number}", "1"))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server, whose mirror no test changes."""
    folder = tmp_path_factory.mktemp("served")
    with Upstream() as upstream:
        populate(upstream)
        mirrored = Mirrored(folder / "mirror", upstream.url)
        mirrored.settings["index_formats"] = "html json browse"
        assert mirrored.run("sync") == 0
    with servers.bare_python(mirrored.root, folder / "server.log") as started:
        yield started


def violations(window: Browser) -> list[str]:
    """Return what axe-core finds, as rule and element."""
    axe = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    found: list[Any] = window.run(f"{axe}; return axe.run(arguments[0]).then(result => result.violations);", _RULES)
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.heavy
def test_pages_are_accessible_and_fit_in_both_schemes(window: Browser, address: str, page: str) -> None:
    # A scheme changes colours alone, a size the layout.
    for scheme, size in (*(("light", size) for size in SIZES), ("dark", SIZES[0])):
        window.scheme(scheme)
        window.size(*size)
        window.open(f"{address}/{page}")
        window.run("for (const one of document.querySelectorAll('details')) one.open = true")
        assert window.run("return document.documentElement.scrollWidth <= innerWidth"), (page, size)
        assert violations(window) == [], (page, scheme, size)
        assert [one for one in window.complaints() if "favicon" not in one] == []


@pytest.mark.heavy
def test_the_filter_narrows_projects_and_releases_while_one_types(window: Browser, address: str) -> None:
    window.size(*SIZES[0])
    window.open(f"{address}/browse.html")
    shown = "return [...document.querySelectorAll('.list a')].filter(a => a.offsetParent).map(a => a.textContent)"
    assert len(window.run(shown)) == 44
    window.type("#q", "Zope.Int")
    assert window.run(shown) == ["Zope.Interface"]
    assert window.run("return document.getElementById('count').textContent") == "1 of 44 match."
    window.click(".list a[href='zope-interface/browse.html']")
    assert window.url() == f"{address}/zope-interface/browse.html"
    window.click("nav a")
    window.open(f"{address}/many/browse.html")
    window.type("#q", "1.2")
    shown = "return [...document.querySelectorAll('details')].filter(one => one.offsetParent && one.open).length"
    assert window.run(shown) == 11


@pytest.mark.heavy
def test_the_lines_to_copy_name_the_address_of_the_page(window: Browser, address: str) -> None:
    window.open(f"{address}/browse.html")
    for client in clients.CLIENTS:
        file = clients.render(client, f"{address}/")
        lines = [line for line in file.splitlines() if line and not line.startswith("#")]
        assert window.run(f"return document.getElementById('{client}').textContent").splitlines() == lines
    assert window.run("return document.querySelector('[data-anywhere-note]').hidden")
    window.open(f"{address}/zope-interface/browse.html")
    window.tell("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"], origin=address)
    window.click("button[data-copy=install]")
    servers.until(lambda: window.run("return document.querySelector('button[data-copy]').textContent === 'Copied'"))
    assert window.run("return navigator.clipboard.readText()") == "pip install Zope.Interface==8.0"


def test_the_plain_root_page_leads_to_them(window: Browser, address: str) -> None:
    window.open(f"{address}/")
    window.click("button")
    servers.until(lambda: window.url().startswith(f"{address}/browse.html"))


@pytest.mark.heavy
def test_without_scripts_everything_can_be_read_and_reached(window: Browser, address: str) -> None:
    window.tell("Emulation.setScriptExecutionDisabled", value=True)
    try:
        window.open(f"{address}/browse.html")
        visible = window.run("return [...document.querySelectorAll('form, button')].filter(one => one.offsetParent).length")
        assert visible == 0
        assert window.run("return document.body.innerText.includes('in place of')")
        window.click(".list a[href='many/browse.html']")
        window.click("details:nth-of-type(2) summary")
        assert window.run("return [...document.querySelectorAll('details')].filter(one => one.open).length") == 2
    finally:
        window.tell("Emulation.setScriptExecutionDisabled", value=False)
