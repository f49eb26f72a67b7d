"""The configuration is the whole truth: whatever changes, one update later the tree is what a fresh one would be."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

#: Sequences tried; more on demand.
EXAMPLES = int(os.environ.get("PYPIMIRROR_EXAMPLES") or 10)
NAMES = ("alpha", "Beta.One", "gamma-two")
VERSIONS = ("1.0", "1.1rc1", "2.0")
_SERIALS = re.compile(rb'"_last-serial":\d+|<!--SERIAL \d+-->')
#: Projects that the pin file of these tests names.
PINNED = ("Beta.One", "gamma-two")

#: Keys and the values that they move between; None is the default.
CHOICES: Mapping[str, tuple[Any, ...]] = {
    "package_matches": ("*", "*a*", "beta.one gamma.two", "alpha"),
    "package_excludes": (None, "gamma*", "Beta.One"),
    "filename_matches": (None, "*.whl", "*.tar.gz"),
    "filename_excludes": (None, "*-2.0*"),
    "latest_releases": (None, "1", "2"),
    "prereleases": (None, "False"),
    "yanked": (None, "hide"),
    "package_types": (None, "sdist"),
    "specifiers": (None, "alpha >=2"),
    "max_file_size": (None, "700"),
    "metadata_excludes": (None, "Version: 1.0"),
    "uploaded_before": (None, "2022-01-01"),
    "index_formats": (None, "html", "json full"),
    "legacy_names": (None, "False"),
    "base_url": (None, "http://pypi.example.com"),
    "versions": (None, "../versions.cfg"),
}

_change = st.one_of(*(st.tuples(st.just(key), st.sampled_from(values)) for key, values in CHOICES.items()))
_file = st.tuples(st.sampled_from(NAMES), st.sampled_from(VERSIONS), st.booleans())
_step = st.one_of(
    st.tuples(st.just("configure"), _change),
    st.tuples(st.just("add"), _file),
    st.tuples(st.just("remove"), _file),
    st.tuples(st.just("drop"), st.sampled_from(NAMES)),
    st.tuples(st.just("yank"), st.tuples(_file, st.sampled_from([False, True, "a <reason>"]))),
    st.tuples(st.just("quarantine"), st.tuples(st.sampled_from(NAMES), st.booleans())),
)


def made(file: tuple[str, str, bool]) -> tuple[str, bytes]:
    name, version, is_wheel = file
    return wheel(name, version) if is_wheel else sdist(name, version)


def happen(upstream: Upstream, kind: str, detail: Any) -> None:
    """Change something upstream; what makes no sense there changes nothing."""
    if kind == "add":
        year = 2021 if detail[1] == "1.0" else 2023
        upstream.add(detail[0], made(detail), upload_time=f"{year}-01-01T00:00:00Z")
    elif kind == "drop":
        if _known(upstream, detail):
            upstream.remove(detail)
    elif kind == "quarantine":
        name, on = detail
        if _known(upstream, name):
            upstream.statuses.pop(_known(upstream, name), None)
            if on:
                upstream.statuses[_known(upstream, name)] = {"status": "quarantined"}
            upstream.touch(name)
    else:
        file, reason = (detail, None) if kind == "remove" else detail
        name, filename = _known(upstream, file[0]), made(file)[0]
        if name and filename in upstream.projects[name]:
            if kind == "remove":
                upstream.remove(name, filename)
            else:
                upstream.projects[name][filename].facts["yanked"] = reason
                upstream.touch(name)


def _known(upstream: Upstream, display: str) -> str:
    name = display.lower().replace(".", "-")
    return name if name in upstream.projects else ""


def without_serials(tree: Mapping[str, bytes]) -> dict[str, bytes]:
    return {path: _SERIALS.sub(b"", body) if path.endswith(("html", "json")) else body for path, body in tree.items()}


def start(folder: Path, upstream: Upstream, configuration: Mapping[str, Any]) -> Mirrored:
    folder.mkdir()
    (folder.parent / "versions.cfg").write_text("[versions]\nBeta.One = 1.0\ngamma-two = 1.1rc1\n")
    mirrored = Mirrored(folder / "mirror", upstream.url)
    mirrored.settings |= {"retain_days": 0, "build_requirements": "False", "package_matches": "*", **configuration}
    return mirrored


def converges(steps: list[list[tuple[str, Any]]], serials: bool) -> None:
    """Take the steps, some at a time, and hold the tree after each update against a fresh one."""
    pinned = PINNED if any(step == ("configure", ("versions", "../versions.cfg")) for group in steps for step in group) else ()
    with tempfile.TemporaryDirectory() as place, Upstream() as upstream:
        upstream.serials = serials
        for name in NAMES:
            upstream.add(name, wheel(name, "1.0"), sdist(name, "2.0"))
        mirrored = start(Path(place) / "one", upstream, {})
        assert mirrored.run("sync", "-q") == 0
        for number, group in enumerate(steps):
            for kind, detail in group:
                if kind == "configure":
                    mirrored.settings[detail[0]] = detail[1]
                elif kind in ("drop", "remove") and (detail if kind == "drop" else detail[0]) in pinned:
                    continue  # what is pinned stays where it is though upstream took it away, and nobody gets it anew
                else:
                    happen(upstream, kind, detail)
            fresh = start(Path(place) / f"fresh-{number}", upstream, mirrored.settings | {
                "mirror_file_path": Path(place) / f"fresh-{number}" / "mirror"})
            upstream.asked()
            # An upstream that lost everything is not believed without it.
            status = mirrored.run("-U", "-q", "--allow-deletions")
            downloaded = [path for path in upstream.asked() if path.startswith("/files/") and not path.endswith(".metadata")]
            assert fresh.run("-I", "-q") == status
            assert without_serials(mirrored.tree()) == without_serials(fresh.tree())
            assert not mirrored.untrue()
            assert len(downloaded) == len(set(downloaded))
            upstream.asked()
            assert mirrored.run("-U", "-q") == status
            # What is left out for its metadata has none here, and is read again with its page.
            assert not [path for path in upstream.asked() if path.startswith("/files/") and not path.endswith(".metadata")]
            shutil.rmtree(Path(place) / f"fresh-{number}")


@pytest.mark.parametrize("serials", [True, False])
@pytest.mark.heavy
def test_any_sequence_of_changes_ends_where_a_fresh_fetch_does(serials: bool) -> None:
    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(st.lists(_step, min_size=1, max_size=4), min_size=1, max_size=4))
    def check(steps: list[list[tuple[str, Any]]]) -> None:
        converges(steps, serials)

    check()


@pytest.mark.heavy
def test_each_key_converges_there_and_back() -> None:
    for key, values in CHOICES.items():
        for value in values[1:]:
            converges([[("configure", (key, value))], [("configure", (key, values[0]))]], True)
