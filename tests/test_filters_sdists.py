"""``sdists``: which of them are left out."""

from __future__ import annotations

from typing import Any

import pytest

from pypimirror.filters.sdists import Sdists
from support.filter_inputs import configured, file, names, project
from support.mirror import Mirrored
from support.upstream import Upstream, metadata, packed, wheel

PLATFORMS = "manylinux_2_28_x86_64 win_amd64"


def left(*files: Any, **texts: str) -> list[str]:
    return names(Sdists(configured(**{"sdists": "fallback", **texts})).select(project("foo", *files)))


SDIST = "foo-1.0.tar.gz"


@pytest.mark.parametrize(("tags", "texts", "needed"), [
    ("py3-none-any", {}, False), ("py2.py3-none-any", {}, False), ("py2-none-any", {}, True), ("py312-none-any", {}, True),
    ("cp39-abi3-any", {}, True), ("cp39-abi3-manylinux_2_17_x86_64", {}, True), ("py3-none-win_amd64", {}, True),
    ("py3-none-win_amd64", {"platforms": "win_amd64"}, False), ("py3-none-win_amd64", {"platforms": PLATFORMS}, True),
    ("py312-none-any", {"python_versions": "3.12 3.13"}, False), ("py313-none-any", {"python_versions": "3.12 3.13"}, True),
    ("cp39-abi3-manylinux_2_17_x86_64", {"python_versions": "3.12", "platforms": "manylinux_2_28_x86_64"}, False),
    ("cp39-abi3-manylinux_2_34_x86_64", {"python_versions": "3.12", "platforms": "manylinux_2_28_x86_64"}, True),
    ("cp313-cp313-win_amd64", {"python_versions": "3.13", "platforms": "win_amd64"}, False),
    ("cp313-cp313-win_amd64", {"python_versions": "3.13t", "platforms": "win_amd64"}, True)])
def test_an_sdist_is_needed_where_no_wheel_fits(tags: str, texts: dict[str, str], needed: bool) -> None:
    assert (SDIST in left(SDIST, f"foo-1.0-{tags}.whl", **texts)) is needed


def test_several_wheels_together_cover_all_environments() -> None:
    texts = {"python_versions": "3.12 3.13", "platforms": PLATFORMS}
    wheels = [f"foo-1.0-{python}-{python}-{platform}.whl" for python in ("cp312", "cp313")
              for platform in ("manylinux_2_17_x86_64", "win_amd64")]
    assert SDIST not in left(SDIST, *wheels, **texts)
    for number in range(len(wheels)):
        assert SDIST in left(SDIST, *wheels[:number], *wheels[number + 1:], **texts)


def test_wheels_of_another_release_and_variants_do_not_count() -> None:
    assert SDIST in left(SDIST, "foo-1.1-py3-none-any.whl", "foo-1.0.post1-py3-none-any.whl")
    assert SDIST not in left(SDIST, "foo-1-py3-none-any.whl"), "another spelling of the version"
    assert SDIST in left(SDIST, "foo-1.0-py3-none-any-x86_64_v3.whl")
    assert left("foo-1.0.zip", SDIST, "foo-1.0-py3-none-any.whl", "foo-2.0.zip") == ["foo-1.0-py3-none-any.whl", "foo-2.0.zip"]


def test_what_neither_file_supports_needs_no_sdist() -> None:
    """A Python that Requires-Python excludes is no reason for an sdist, which excludes it as well."""
    files = file(SDIST, requires_python=">=3.13"), file("foo-1.0-py3-none-any.whl", requires_python=">=3.13")
    assert SDIST not in left(*files, python_versions="3.12 3.13")
    assert SDIST in left(file(SDIST), files[1], python_versions="3.12 3.13")


def test_a_yanked_wheel_does_not_replace_an_sdist_that_is_not() -> None:
    assert SDIST in left(SDIST, file("foo-1.0-py3-none-any.whl", yanked="broken"))
    assert SDIST not in left(file(SDIST, yanked=True), file("foo-1.0-py3-none-any.whl", yanked="broken"))


def test_none_leaves_out_all() -> None:
    assert left(SDIST, "foo-2.0.zip", "foo-1.0-py3-none-any.whl", "foo-1.0-py3.11.egg", sdists="none") == [
        "foo-1.0-py3-none-any.whl", "foo-1.0-py3.11.egg"]
    assert not Sdists(configured()).active


def built_by(name: str, backend: str) -> tuple[str, bytes]:
    return packed(f"{name}-1.0", {"PKG-INFO": metadata(name, "1.0", ()), "pyproject.toml": (
        f'[build-system]\nrequires = ["{backend}"]\nbuild-backend = "{backend}"\n')})


def test_what_other_filters_leave_decides_and_pins_are_judged_too(mirrored: Mirrored, upstream: Upstream) -> None:
    """The build requirements of sdists that are left out are not mirrored."""
    both, alone = built_by("both", "backend"), built_by("alone", "another")
    upstream.add("both", wheel("both", "1.0"), both)
    upstream.add("alone", alone)
    upstream.add("backend", wheel("backend", "1.0"))
    upstream.add("another", wheel("another", "1.0"))
    pins = mirrored.root.parent / "requirements.txt"
    pins.write_text("both==1.0\nalone==1.0\n")
    mirrored.settings |= {"package_matches": None, "requirements": pins, "sdists": "fallback"}
    assert mirrored.run("sync") == 0
    assert mirrored.files("both") == [wheel("both", "1.0")[0]] and mirrored.files("alone") == [alone[0]]
    assert "backend" not in mirrored.read("index.html") and mirrored.files("another")
    mirrored.settings["filename_excludes"] = "both-1.0-*"
    assert mirrored.run("sync") == 0
    assert mirrored.files("both") == [both[0]] and mirrored.files("backend")
    mirrored.settings["sdists"] = "none"
    assert mirrored.run("sync", "--allow-deletions") == 1, "pinned releases are left without a file"
