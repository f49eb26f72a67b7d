"""Our own components: as full ZCML registers them, imported when first made, and what is said where a library is missing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pypimirror import errors
from pypimirror.zcml import builtin, registry
from support.mirror import Mirrored
from support.upstream import Upstream, wheel
from test_registry import written

Captured = pytest.CaptureFixture[str]


def told(filled: Any) -> set[tuple[Any, ...]]:
    """Give all that is registered, as plain values."""
    found = [*filled.registeredAdapters(), *filled.registeredUtilities()]
    return {(each.provided, getattr(each, "required", ()), each.name, registry.origin_of(each), registry.place_of(each))
            for each in found}


def test_our_own_components_are_those_that_full_zcml_registers(tmp_path: Path) -> None:
    ours = told(builtin.load_builtin())
    assert len(ours) > 30
    assert ours == told(registry.load([written(tmp_path)]))


def test_a_component_is_imported_when_it_is_first_made() -> None:
    code = "import sys; from pypimirror.zcml import registry; filled = registry.load(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "pypimirror.zcml.builtin" in loaded
    assert not loaded & {each.factory.__module__ for each in builtin.load_builtin().registeredAdapters()}


@pytest.fixture(params=["pycurl", "greenlet"])
def missing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A library of the extra ``fast`` that is not installed."""
    for module in ("libcurl", "pycurl_fetcher"):
        monkeypatch.delitem(sys.modules, f"pypimirror.http.{module}", raising=False)
    monkeypatch.setitem(sys.modules, request.param, None)
    return str(request.param)


def test_a_missing_library_is_named_with_its_key_and_extra(mirrored: Mirrored, missing: str, capsys: Captured) -> None:
    mirrored.settings["fetcher"] = "pycurl"
    assert mirrored.run("sync") == 2
    assert capsys.readouterr().err == (
        f"pypimirror: fetcher = 'pycurl': needs {missing}, which is not installed; it comes with z3c.recipe.pypimirror[fast]\n")
    assert not mirrored.root.exists()


@pytest.mark.usefixtures("missing")
def test_requests_is_used_where_a_library_is_missing(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    upstream.add("one", wheel("one", "1"))
    assert mirrored.settings["fetcher"] is None
    assert mirrored.run("config") == 0
    assert re.search(r"^fetcher requests: requests [\d.]+, urllib3 [\d.]+, .*SSL", capsys.readouterr().out, re.MULTILINE)
    assert mirrored.run("sync", "-c") == 0
    assert "fetcher requests: requests " in capsys.readouterr().err
    assert mirrored.files("one")


def test_pycurl_is_used_where_it_is_installed(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    pytest.importorskip("pycurl")
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("config") == 0
    told = capsys.readouterr().out
    assert re.search(r"^fetcher pycurl: pycurl, libcurl [\d.]+, \S+", told, re.MULTILINE)
    assert re.search(r"^CA bundle: .*certifi", told, re.MULTILINE) and "\nproxy: " in told
    assert mirrored.run("sync", "-c") == 0
    assert "fetcher pycurl: pycurl, libcurl " in capsys.readouterr().err
    assert mirrored.files("one")


def test_pycurl_is_loaded_without_asyncio_and_is_the_same_for_others() -> None:
    pytest.importorskip("pycurl")
    code = ("import sys; from pypimirror.http.libcurl import pycurl as ours; before = set(sys.modules)\n"
            "import pycurl; print('dataclasses' in before, pycurl.Curl is ours.Curl, pycurl.error is ours.error, "
            "pycurl._pycurl is ours, pycurl.AsyncCurlMulti.__module__)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "True", "True", "pycurl.async_multi"]


def test_plugins_do_not_make_a_missing_library_matter(
        mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Captured) -> None:
    for module in ("libcurl", "pycurl_fetcher"):
        monkeypatch.delitem(sys.modules, f"pypimirror.http.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "pycurl", None)
    mirrored.settings["zcml"] = written(tmp_path).file
    assert mirrored.run("sync") == 0, capsys.readouterr().err


def test_every_library_named_comes_with_that_extra() -> None:
    text = Path(__file__).parents[1].joinpath("setup.py").read_text(encoding="utf-8")
    for library, extra in errors.EXTRAS.items():
        assert re.search(rf'"{extra}": \[[^]]*"{library.replace("_", "-")}\b', text)
