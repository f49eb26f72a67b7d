"""What Pythons and platforms can install, held against packaging's and pip's own answers."""

import base64
import hashlib
import subprocess
import sys
import zipfile

import packaging._manylinux
import packaging._musllinux
import packaging.tags
import pytest
from packaging.specifiers import SpecifierSet
from zope.interface.verify import verifyObject

from pypimirror.errors import ConfigurationError
from pypimirror.filters.compatibility import Compatibility, allows_python
from pypimirror.filters.platforms import runnable_tags
from pypimirror.interfaces import IFilter
from support.filter_inputs import configured, file, names, project


def stays(filename: str, requires_python: str | None = None, **texts: str) -> bool:
    found = project("foo", file(filename, requires_python=requires_python))
    return bool(tuple(Compatibility(configured(**texts)).select(found)))


def wheel(tags: str) -> str:
    return f"foo-1.0-{tags}.whl"


@pytest.mark.parametrize(("tags", "stay"), [
    ("py3-none-any", True),
    ("py2.py3-none-any", True),
    ("py2-none-any", False),
    ("py311-none-any", True),
    ("py39-none-any", True),
    ("py312-none-any", False),
    ("cp311-none-any", True),
    ("cp311-cp311-win_amd64", True),
    ("cp311-cp311-any", False),
    ("cp310-cp310-win_amd64", False),
    ("cp310-abi3-win_amd64", True),
    ("cp32-abi3-win_amd64", True),
    ("cp312-abi3-win_amd64", False),
    ("cp310.cp311-abi3.cp311-win_amd64", True),
    ("cp311-none-win_amd64", True),
    ("cp310-none-win_amd64", False),
    ("py3-none-win_amd64", True),
    ("pp311-pypy311_pp73-win_amd64", False),
    ("cp311-cp311t-win_amd64", False),
])
def test_wheels_are_for_a_python(tags, stay):
    assert stays(wheel(tags), python_versions="3.11") == stay


@pytest.mark.parametrize(("python", "tags", "stay"), [
    ("2.7", "cp27-cp27mu-manylinux1_x86_64", True),
    ("2.7", "cp27-cp27m-win32", True),
    ("2.7", "py2.py3-none-any", True),
    ("3.7", "cp37-cp37m-win32", True),
    ("3.7", "cp36-abi3-win32", True),
    ("3.13t", "cp313-cp313t-win32", True),
    ("3.13t", "cp313-cp313-win32", False),
    ("3.13t", "cp39-abi3-win32", False),
    ("3.9 3.13", "cp39-cp39-win32", True),
    ("3.9 3.13", "cp313-cp313-win32", True),
    ("3.9 3.13", "cp310-cp310-win32", False),
])
def test_each_python_has_its_own_abi(python, tags, stay):
    assert stays(wheel(tags), python_versions=python) == stay


@pytest.mark.parametrize(("platform", "tag", "stay"), [
    ("manylinux_2_28_x86_64", "manylinux_2_28_x86_64", True),
    ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64.manylinux2014_x86_64", True),
    ("manylinux_2_28_x86_64", "manylinux2014_x86_64", True),
    ("manylinux_2_28_x86_64", "manylinux2010_x86_64", True),
    ("manylinux_2_28_x86_64", "manylinux1_x86_64", True),
    ("manylinux_2_28_x86_64", "linux_x86_64", True),
    ("manylinux_2_28_x86_64", "manylinux_2_34_x86_64", False),
    ("manylinux_2_28_x86_64", "manylinux_2_28_aarch64", False),
    ("manylinux_2_28_x86_64", "manylinux1_i686", False),
    ("manylinux_2_28_x86_64", "musllinux_1_1_x86_64", False),
    ("manylinux2014_x86_64", "manylinux_2_17_x86_64", True),
    ("manylinux2014_x86_64", "manylinux_2_18_x86_64", False),
    ("manylinux2010_x86_64", "manylinux1_x86_64", True),
    ("manylinux2010_x86_64", "manylinux2014_x86_64", False),
    ("linux_x86_64", "manylinux_2_39_x86_64", True),
    ("linux_x86_64", "musllinux_1_2_x86_64", True),
    ("linux_x86_64", "manylinux_2_39_aarch64", False),
    ("musllinux_1_2_x86_64", "musllinux_1_1_x86_64", True),
    ("musllinux_1_1_x86_64", "musllinux_1_2_x86_64", False),
    ("macosx_11_0_arm64", "macosx_11_0_arm64", True),
    ("macosx_14_0_arm64", "macosx_11_0_arm64", True),
    ("macosx_11_0_arm64", "macosx_12_0_arm64", False),
    ("macosx_11_0_arm64", "macosx_10_9_universal2", True),
    ("macosx_11_0_arm64", "macosx_10_9_x86_64", False),
    ("macosx_11_0_x86_64", "macosx_10_9_x86_64", True),
    ("macosx_11_0_x86_64", "macosx_10_6_intel", True),
    ("macosx_14_0_universal2", "macosx_11_0_arm64", True),
    ("macosx_14_0_universal2", "macosx_10_9_x86_64", True),
    ("win_amd64", "win_amd64", True),
    ("win_amd64", "win32", False),
    ("win32", "win32", True),
    ("win_amd64 macosx_11_0_arm64", "macosx_11_0_arm64", True),
    ("win_amd64", "any", True),
])
def test_each_platform_runs_older_generations(platform, tag, stay):
    assert stays(wheel(f"py3-none-{tag}"), platforms=platform) == stay
    assert stays(wheel(f"py3-none-{tag}"), platforms=platform, python_versions="3.11") == stay


@pytest.mark.parametrize(("filename", "stay"), [
    ("foo-1.0.tar.gz", True),
    ("foo-1.0-py2.7.egg", False),
    ("foo-1.0-py3.11.egg", True),
    ("foo-1.0.egg", True),
    ("foo-1.0-py3.11-linux-x86_64.egg", True),
    ("foo-1.0-py3.11-win-amd64.egg", False),
    ("foo-1.0.win32-py3.11.exe", False),
    ("foo-1.0-1.noarch.rpm", True),
    ("foo-1.0-1.x86_64.rpm", True),
    ("foo-1.0-1.i386.rpm", False),
    ("foo-1.0.linux-x86_64.tar.gz", True),
    ("foo.whl", True),
])
def test_other_kinds_are_judged_by_what_their_names_say(filename, stay):
    assert stays(filename, python_versions="3.11", platforms="manylinux_2_28_x86_64") == stay


@pytest.mark.parametrize(("requires", "stay"), [
    (">=3.8", True), (">=3.12", False), ("<3.11", False), (">=3.11.4", True), ("<3.11.1", True), ("==3.11.7", True),
    ("!=3.11.*", False), (">3.11,<3.11.2", True), ("<=3.11", True), (">=3.10,!=3.11.0,<4", True), ("~=3.11.5", True),
    ("==2.7.*", False), ("3.x", True), ("", True), (None, True), (">=3.11.0rc1", True), ("<=3.11.0", True),
])
def test_a_wheel_for_other_pythons_is_left_out(requires, stay):
    assert stays(wheel("py3-none-any"), requires, python_versions="3.11") == stay
    assert stays(wheel("py3-none-any"), requires, python_versions="3.11 3.11t") == stay
    assert stays("foo-1.0.tar.gz", requires, python_versions="3.11")
    assert stays(wheel("py3-none-any"), requires, platforms="win32")


@pytest.mark.parametrize("specifier", [">=3.8,<3.11.3", "!=3.10.0,!=3.10.1,>=3.10,<3.10.3", "~=3.9.2", ">3.9.12,<3.10",
                                       "===3.10.2", "<3.9.0", "==3.10", ">=3.11.20"])
def test_a_requirement_is_met_if_any_release_of_the_python_meets_it(specifier):
    for minor in range(8, 13):
        expected = any(SpecifierSet(specifier).contains(f"3.{minor}.{micro}") for micro in range(60))
        assert allows_python(specifier, frozenset({f"3.{minor}"})) == expected


@pytest.fixture
def linux(monkeypatch):
    """Make packaging see a Linux of some age, and return what tags it names there."""
    def tags(arch, glibc=(-1, -1), musl=None):
        monkeypatch.setattr(packaging._manylinux, "_get_glibc_version", lambda: glibc)
        monkeypatch.setattr(packaging._manylinux, "_have_compatible_abi", lambda executable, archs: True)
        monkeypatch.setattr(packaging._musllinux, "_get_musl_version",
                            lambda executable: packaging._musllinux._MuslVersion(*musl) if musl else None)
        monkeypatch.setattr("sysconfig.get_platform", lambda: f"linux-{arch}")
        return set(packaging.tags._linux_platforms(is_32bit=False))

    return tags


@pytest.mark.parametrize("arch", ["x86_64", "i686", "aarch64", "ppc64le", "s390x"])
@pytest.mark.parametrize("minor", [17, 24, 28, 35])
def test_generations_of_manylinux_are_those_of_packaging(linux, arch, minor):
    assert runnable_tags([f"manylinux_2_{minor}_{arch}"]) == linux(arch, glibc=(2, minor))


@pytest.mark.parametrize(("name", "minor"), [("manylinux1", 5), ("manylinux2010", 12), ("manylinux2014", 17)])
def test_old_names_of_manylinux_are_generations(linux, name, minor):
    tags = runnable_tags([f"{name}_x86_64"])
    assert tags == linux("x86_64", glibc=(2, minor)) == runnable_tags([f"manylinux_2_{minor}_x86_64"])


@pytest.mark.parametrize("minor", [0, 1, 2])
def test_generations_of_musllinux_are_those_of_packaging(linux, minor):
    assert runnable_tags([f"musllinux_1_{minor}_x86_64"]) == linux("x86_64", musl=(1, minor))


@pytest.mark.parametrize("platform", ["win32", "win_arm64", "android_24_arm64_v8a", "freebsd_14_amd64"])
def test_other_platforms_stand_for_themselves(platform):
    assert runnable_tags([platform]) == {platform}


def test_this_computer_can_install_what_stays_and_nothing_else():
    own = list(packaging.tags.sys_tags())
    platform = next((tag.platform for tag in own if tag.platform.startswith("manylinux_")), None)
    if platform is None or packaging.tags.interpreter_name() != "cp":
        pytest.skip("needs CPython on a Linux with glibc")
    texts = {"python_versions": "{}.{}".format(*sys.version_info), "platforms": platform}
    pythons = ("cp37", "cp310", "cp311", "cp312", "cp313", "py2", "py3", "py311", "py312", "pp39")
    others = [f"{python}-{abi}-{tag}" for python in pythons
              for abi in ("none", "abi3", "cp311", "cp312", "cp313", "cp313t")
              for tag in ("any", platform, "linux_x86_64", "linux_aarch64", "manylinux2014_x86_64", "manylinux_2_98_x86_64")]
    candidates = sorted({str(tag) for tag in own} | set(others))
    compatibility = Compatibility(configured(**texts))
    kept = names(compatibility.select(project("foo", *map(wheel, candidates))))
    expected = {str(tag) for tag in own}
    assert kept == [wheel(tags) for tags in candidates if tags in expected]
    assert 0 < len(kept) < len(candidates)


def _write_wheel(folder, version: str, tags: str) -> str:
    path = folder / f"foo-{version}-{tags}.whl"
    info = f"foo-{version}.dist-info"
    python, abi, platform = tags.split("-")
    lines = "".join(f"Tag: {p}-{a}-{f}\n" for p in python.split(".") for a in abi.split(".") for f in platform.split("."))
    contents = {f"{info}/METADATA": f"Metadata-Version: 2.1\nName: foo\nVersion: {version}\n",
                f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\n{lines}"}
    record = "".join(f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},"
                     f"{len(text)}\n" for name, text in contents.items())
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**contents, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(name, text)
    return path.name


WHEELS = ("py3-none-any", "py2.py3-none-any", "cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp39-abi3-win_amd64",
          "cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-win_amd64", "cp312-cp312-manylinux_2_28_x86_64",
          "cp312-abi3-win_amd64", "cp38-abi3-manylinux1_x86_64.linux_x86_64",
          "cp39-cp39-macosx_10_9_universal2", "cp311-cp311-macosx_11_0_arm64", "cp311-cp311-musllinux_1_1_x86_64",
          "cp311-cp311-manylinux_2_28_aarch64", "cp310-cp310-win_amd64", "cp310-none-win_amd64")


@pytest.mark.parametrize(("python", "platform"), [("3.11", "manylinux_2_28_x86_64"), ("3.12", "win_amd64"),
                                                  ("3.11", "macosx_12_0_arm64"), ("3.10", "manylinux2014_x86_64")])
def test_pip_finds_exactly_what_stays(tmp_path, python, platform):
    # One release a wheel, so that pip's list of releases says which of them it can install.
    files = [_write_wheel(tmp_path, f"1.{index}", tags) for index, tags in enumerate(WHEELS)]
    kept = names(Compatibility(configured(python_versions=python, platforms=platform)).select(project("foo", *files)))
    platforms = [word for tag in sorted(runnable_tags([platform])) for word in ("--platform", tag)]
    answer = subprocess.run(
        [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "index", "versions", "foo", "--no-index",
         "--find-links", str(tmp_path), "--only-binary=:all:", "--python-version", python, *platforms],
        capture_output=True, text=True, check=True)
    listed = next(line for line in answer.stdout.splitlines() if line.startswith("Available versions:"))
    available = set(listed.partition(":")[2].replace(",", " ").split())
    found = {files[index] for index in range(len(WHEELS)) if f"1.{index}" in available}
    assert set(kept) == found
    assert 0 < len(found) < len(WHEELS)


@pytest.mark.parametrize(("key", "word"), [("python_versions", "311"), ("python_versions", "3"), ("python_versions", "cp311"),
                                           ("platforms", "manylinux_x86_64"), ("platforms", "any"),
                                           ("platforms", "macosx_arm64"),
                                           ("platforms", "linux"), ("platforms", "Win_AMD64")])
def test_a_word_that_is_no_tag_is_refused(key, word):
    with pytest.raises(ConfigurationError, match=key):
        configured(**{key: word})


def test_the_contract_is_kept():
    compatibility = Compatibility(configured(python_versions="3.11", platforms="win32"))
    assert verifyObject(IFilter, compatibility)
    assert compatibility.active and compatibility.applies_to_pins
    assert compatibility.reason == "not for Python 3.11 win32"
    assert not Compatibility(configured()).active


@pytest.mark.parametrize("python, requires, stay", [
    ("3.11.2", ">=3.11.3", False), ("3.11.3", ">=3.11.3", True), ("3.11", ">=3.11.3", True), ("3.11.2t", "<3.11.3", True)])
def test_a_patch_release_of_a_python_can_be_given(python, requires, stay):
    assert stays(wheel("py3-none-any"), requires, python_versions=python) == stay
    assert not stays(wheel("cp310-cp310-win32"), python_versions=python)
    assert stays("foo-1.0-py3.11.egg", python_versions=python)
