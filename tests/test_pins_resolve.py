"""Following requirements: tables of small catalogues, the real pip on what was found, and random graphs."""

import base64
import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import InvalidRequirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from pypimirror.errors import FetchError
from pypimirror.model import File
from pypimirror.pins.candidates import best, candidates
from pypimirror.pins.dependencies import requirements_of
from pypimirror.pins.environments import Environment, environments
from pypimirror.pins.model import Pins
from pypimirror.pins.pep508 import parse_dependency, parse_requirement
from pypimirror.pins.resolution import RootFile, RootRequirement
from pypimirror.pins.resolver import resolve
from pypimirror.pins.sdist import Sdist, read_sdist

LINUX = Environment("3.11", "manylinux_2_28_x86_64")
OLD = Environment("3.8", "manylinux_2_28_x86_64")
WINDOWS = Environment("3.11", "win_amd64")


class Catalogue:
    """Files by name of the project, each with the requirements it states; sdists with those of their build too."""

    def __init__(self, **projects):
        self.projects = {name.replace("_", "-"): files for name, files in projects.items()}
        self.asked = []

    def find(self, file):
        return next(facts for files in self.projects.values() if isinstance(files, dict)
                    for name, facts in files.items() if name == file.filename)

    def releases(self, name):
        self.asked.append(name)
        found = self.projects.get(name, {})
        if isinstance(found, Exception):
            raise found
        return [File(filename, f"https://files.example.com/{filename}", requires_python=facts.get("python"),
            yanked=facts.get("yanked", False))
                for filename, facts in found.items()]

    def metadata(self, file):
        facts = self.find(file)
        if facts.get("lost"):
            return None
        return "".join(["Metadata-Version: 2.1\nName: x\n", *(f"Requires-Dist: {text}\n" for text in facts.get("run",
            ()))]).encode()

    def sdist(self, file):
        facts = self.find(file)
        return Sdist(tuple(facts.get("build", ())), None, tuple(facts.get("run", ())))


def versions(resolution) -> dict[str, set[str]]:
    return {name: set(some) for name, some in resolution.releases.items()}


@pytest.mark.parametrize("specifier, filename", [
    ("", "foo-2.0-py3-none-any.whl"), ("<2", "foo-1.5-py3-none-any.whl"), (">=2.1", "foo-2.1.tar.gz"),
    ("==1.0", "foo-1.0-py3-none-any.whl"), (">2.5", "foo-3.0rc1-py3-none-any.whl"),
    (">=3.0b1", "foo-3.0rc1-py3-none-any.whl"), ("==1.9", "foo-1.9-py3-none-any.whl"), (">=1.6,<2", None), (">=4", None),
    ("==1.9.*", None)])
def test_the_newest_that_fits_is_taken_wheels_and_final_releases_first(specifier, filename):
    offered = candidates([File(name, "", yanked="broken" if "-1.9" in name else False) for name in (
        "foo-1.0-py3-none-any.whl", "foo-1.5-py3-none-any.whl", "foo-1.9-py3-none-any.whl", "foo-2.0.tar.gz",
        "foo-2.0-py3-none-any.whl", "foo-2.1.tar.gz",
        "foo-3.0rc1-py3-none-any.whl", "foo-x.egg", "foo-bad.tar.gz", "foo.whl", "foo-9.0-py2-none-any.whl",
        "foo-8.0-cp312-cp312-win_amd64.whl",
        "oldfoo-9.0.tar.gz", "other-9.0-py3-none-any.whl", "foo-9.0-cp311-cp311-linux_x86_64-variant.whl",
        f"foo-{'9' * 5000}.tar.gz")], "foo")
    found = best(offered, SpecifierSet(specifier), LINUX)
    assert (found and found.file.filename) == filename


def test_requires_python_is_honoured_for_any_bug_fix_release():
    offered = candidates([File("foo-1.0-py3-none-any.whl", "", requires_python=">=3.6"),
        File("foo-2.0-py3-none-any.whl", "", requires_python=">=3.11.4"),
                          File("foo-3.0-py3-none-any.whl", "", requires_python=">=3.12"),
                          File("foo-0.1-py3-none-any.whl", "", requires_python="what?"),
                          File("foo-2.5-py3-none-any.whl", "", requires_python=">=3.14.2,<3.14.4,!=3.14.0")], "foo")
    assert [str(best(offered, SpecifierSet(), where).version) for where in (OLD, LINUX, Environment("3.11.2", "any"),
        Environment("3.13", "any"))] == [
        "1.0", "2.0", "1.0", "3.0"]
    assert str(best(offered, SpecifierSet("<1"), OLD).version) == "0.1"
    assert str(best(offered, SpecifierSet("<3"), Environment("3.14", "any")).version) == "2.5"


def test_requirements_are_followed_to_the_end_for_every_python_and_platform():
    catalogue = Catalogue(
        setuptools={"setuptools-75.3-py3-none-any.whl": {"python": ">=3.8"},
        "setuptools-80.0-py3-none-any.whl": {"python": ">=3.9"}},
        hatchling={"hatchling-1.27-py3-none-any.whl": {"run": ["packaging>=24", "tomli; python_version < '3.11'",
        "colorama; sys_platform == 'win32'", "click; extra == 'cli'"]}},
        packaging={"packaging-24.2-py3-none-any.whl": {}}, tomli={"tomli-2.0-py3-none-any.whl": {}},
        colorama={"colorama-0.4-py2.py3-none-any.whl": {}},
        click={"click-8.0-py3-none-any.whl": {}})
    wants = [RootRequirement("setuptools>=61", "a-1.0.tar.gz"), RootRequirement("hatchling", "b-1.0.tar.gz")]
    found = resolve(wants, [LINUX, OLD], catalogue)
    assert versions(found) == {"setuptools": {"75.3", "80.0"}, "hatchling": {"1.27"}, "packaging": {"24.2"}, "tomli": {"2.0"}}
    assert (found.problems, found.notes) == ((), ())
    assert len(catalogue.asked) == len(set(catalogue.asked))
    assert found.reasons["tomli", "2.0"] == "hatchling-1.27-py3-none-any.whl"
    assert "tomli" not in resolve(wants, [LINUX], catalogue).releases
    assert "colorama" in resolve(wants, [WINDOWS], catalogue).releases
    assert "click" in resolve([RootRequirement("hatchling[CLI]", "x")], [LINUX], catalogue).releases


def test_an_sdist_brings_its_own_build_requirements():
    catalogue = Catalogue(backend={"backend-1.0.tar.gz": {"build": ["base", "wheel"], "run": ["plugin"]}},
        base={"base-1.0-py3-none-any.whl": {}},
                          wheel={"wheel-0.45-py3-none-any.whl": {}}, plugin={"plugin-1.0.zip": {"build": ["backend"]}})
    assert versions(resolve([RootRequirement("backend", "x")], [LINUX], catalogue)) == {"backend": {"1.0"}, "base": {"1.0"},
        "wheel": {"0.45"}, "plugin": {"1.0"}}


def test_requirements_that_go_round_in_circles_end():
    catalogue = Catalogue(a={"a-1.0-py3-none-any.whl": {"run": ["b[x]"]}},
        b={"b-1.0-py3-none-any.whl": {"run": ["a[y]; extra == 'x'", "b[z]"]}})
    assert versions(resolve([RootRequirement("a", "x")], [LINUX], catalogue)) == {"a": {"1.0"}, "b": {"1.0"}}


def test_each_requirement_brings_its_own_release_and_all_together_theirs():
    catalogue = Catalogue(lib={f"lib-{n}.0-py3-none-any.whl": {} for n in range(1, 5)})
    both = [RootRequirement("lib<4", "x"), RootRequirement("lib!=3.0", "y")]
    assert versions(resolve(both, [LINUX], catalogue)) == {"lib": {"3.0", "4.0", "2.0"}}
    assert resolve([RootRequirement("lib<2", "x"), RootRequirement("lib>3", "y")], [LINUX], catalogue).problems == ()


def test_a_pinned_version_that_fits_is_taken_instead_of_a_newer_one():
    catalogue = Catalogue(lib={"lib-1.0a1-py3-none-any.whl": {"run": ["dep"], "yanked": True},
        "lib-2.0-py3-none-any.whl": {"run": ["other"]}}, dep={"dep-1.0-py3-none-any.whl": {}})
    pinned = Pins({"lib": frozenset({"1.0a1"})})
    without_releases = Pins({"lib": frozenset({"9"})})
    assert versions(resolve([RootRequirement("lib", "x")], [LINUX], catalogue, without_releases)) == {"lib": {"2.0"}}
    exact = [RootRequirement("lib<1.5,==1.0a1", "x")]
    assert versions(resolve(exact, [LINUX], catalogue, pinned)) == {"lib": {"1.0a1"}, "dep": {"1.0"}}
    assert versions(resolve([RootRequirement("lib>=1.5", "x")], [LINUX], catalogue, pinned)) == {"lib": {"2.0"}}


def test_what_nothing_fits_is_reported_by_name_and_holds_up_no_other():
    catalogue = Catalogue(broken=FetchError("https://index.example.com/broken/", "503"),
        ok={"ok-1.0-py3-none-any.whl": {"run": ["gone>=1", "bad requirement", "x @ https://example.com/x"]}},
                          new={"new-1.0-py3-none-any.whl": {"python": ">=3.11"}},
                          lost={"lost-1.0-py3-none-any.whl": {"lost": True}})
    roots = [RootRequirement(name, "foo-1.0.tar.gz") for name in ("nothere>=2", "broken", "ok", "new", "lost")]
    found = resolve(roots, [LINUX, OLD], catalogue)
    assert versions(found) == {"ok": {"1.0"}, "new": {"1.0"}, "lost": {"1.0"}}
    assert set(found.problems) == {
        "foo-1.0.tar.gz requires nothere>=2: no release fits", "foo-1.0.tar.gz requires broken: no release fits",
            "broken: https://index.example.com/broken/: 503",
        "ok-1.0-py3-none-any.whl requires gone>=1: no release fits",
        "ok-1.0-py3-none-any.whl: 'bad requirement' is not a requirement",
        "lost-1.0-py3-none-any.whl: its requirements are unknown without a build"}
    assert found.notes == ("ok-1.0-py3-none-any.whl: x comes from a URL, not from an index, and is left out",
                           "foo-1.0.tar.gz requires new: nothing fits on Python 3.8 on manylinux_2_28_x86_64",)


def test_metadata_that_leaves_requirements_to_the_build_says_nothing_of_them():
    class Dynamic(Catalogue):
        def sdist(self, file):
            return Sdist((), b"Metadata-Version: 2.2\nName: x\nDynamic: Requires-Dist\n")
    file = File("x-1.0.tar.gz", "")
    assert requirements_of(file, Dynamic(x={"x-1.0.tar.gz": {}})) is None


def test_a_resolution_has_a_budget_and_says_when_it_is_spent(monkeypatch):
    monkeypatch.setattr("pypimirror.pins.resolver._BUDGET", 50)
    catalogue = Catalogue(a={"a-1.0-py3-none-any.whl": {"run": [f"b{n}" for n in range(1000)]}})
    found = resolve([RootRequirement("a", "x")], [LINUX], catalogue)
    assert [line for line in found.problems if "followed no further: more than 50 were looked at" in line]


def test_what_is_selected_is_followed_whatever_the_rest_costs(monkeypatch):
    monkeypatch.setattr("pypimirror.pins.resolver._BUDGET", 50)
    greedy = {"greedy-1.0-py3-none-any.whl": {"run": [f"greedy[x{n}]; extra == 'x{n - 1}'" for n in range(1, 3000)]}}
    catalogue = Catalogue(greedy=greedy, app={"app-1.0-py3-none-any.whl": {"run": ["lib"]}}, lib={"lib-1.0.tar.gz": {}})
    roots = [RootFile("greedy", File("greedy-1.0-py3-none-any.whl", ""), frozenset({"x0"})), RootFile("app",
        File("app-1.0-py3-none-any.whl", ""))]
    assert "lib" in resolve(roots, [LINUX], catalogue).releases


@pytest.mark.heavy
def test_chains_of_thousands_of_extras_are_followed_in_no_time():
    # Within one release, and to and fro between two: were each step to look at all the others, these would be 27 million.
    one = {"one-1.0-py3-none-any.whl": {
        "run": [f"one[x{n + 1}]; extra == 'x{n}'" for n in range(3000)] + ["end; extra=='x3000'"]}}
    two = {"two-1.0-py3-none-any.whl": {"run": [f"three[x{n}]; extra == 'x{n}'" for n in range(3000)]}}
    three = {"three-1.0-py3-none-any.whl": {"run": [f"two[x{n + 1}]; extra == 'x{n}'" for n in range(3000)]}}
    catalogue = Catalogue(one=one, two=two, three=three, end={"end-1.0-py3-none-any.whl": {}})
    found = resolve([RootRequirement("one[x0]", "x"), RootRequirement("two[x0]", "x")], [LINUX, WINDOWS], catalogue)
    assert versions(found) == {"one": {"1.0"}, "two": {"1.0"}, "three": {"1.0"}, "end": {"1.0"}}
    assert found.problems == ()


@pytest.mark.heavy
def test_a_list_of_very_many_requirements_is_cut_and_reported():
    catalogue = Catalogue(a={"a-1.0-py3-none-any.whl": {"run": ["b"] + [f"c{n}; extra == 'x'" for n in range(20_000)]}},
                          b={"b-1.0-py3-none-any.whl": {}})
    found = resolve([RootRequirement("a", "x")], [LINUX], catalogue)
    assert "b" in found.releases
    assert found.problems == ("a-1.0-py3-none-any.whl: states more than 10000 requirements; the rest is left out",)
    catalogue = Catalogue(a={"a-1.0-py3-none-any.whl": {"run": [f"c{n}; extra == 'x'" for n in range(120_000)]}})
    assert resolve([RootRequirement("a", "x")], [LINUX], catalogue).problems == (
        "a-1.0-py3-none-any.whl: its requirements are unknown: core metadata with more than 2 MB of fields",)


@pytest.mark.parametrize("text", [
    f"b=={'9' * 5000}", f"b>={'9' * 5000}.1", "b; " + "(" * 5000 + "python_version>'3'" + ")" * 5000,
    "b; python_full_version < '" + "9" * 5000 + "'", "b" * 20_000])
def test_requirements_beyond_all_bounds_are_left_out_and_reported(text):
    catalogue = Catalogue(a={"a-1.0-py3-none-any.whl": {"run": [text, "ok"]}}, ok={"ok-1.0-py3-none-any.whl": {}},
                          b={"b-1.0-py3-none-any.whl": {"python": f">={'9' * 5000}"}})
    found = resolve([RootRequirement("a", "x")], [LINUX], catalogue)
    assert set(found.releases) == {"a", "ok"}
    (problem,) = found.problems
    assert problem.startswith("a-1.0-py3-none-any.whl: ")
    assert problem.endswith(" is not a requirement")


def test_extras_lead_to_extras_and_are_one_however_they_are_written():
    run = ["base", "h11; extra == 'Http_Tools'", "demo[http.tools, colour]; extra == 'all'", "rich; extra == 'colour'",
           "win; extra == 'colour' and sys_platform == 'win32'", "never; extra == 'other'"]
    leaf = {name: {f"{name}-1.0-py3-none-any.whl": {}} for name in ("base", "h11", "rich", "win", "never")}
    demo = {"demo-1.0-py3-none-any.whl": {"run": run}, "demo-2.0-py3-none-any.whl": {"run": ["never"]}}
    catalogue = Catalogue(demo=demo, **leaf)
    wanted = {"base", "h11", "rich"}
    root = RootFile("demo", File("demo-1.0-py3-none-any.whl", ""), frozenset({"all"}))
    assert set(resolve([root], [LINUX], catalogue).releases) == wanted
    assert set(resolve([RootRequirement("demo[ALL]<2", "x")], [LINUX], catalogue).releases) == {"demo", *wanted}
    assert set(resolve([root], [WINDOWS], catalogue).releases) == {"win", *wanted}
    assert set(resolve([root._replace(extras=frozenset())], [LINUX], catalogue).releases) == {"base"}


def test_only_pythons_that_can_install_a_release_are_asked_what_it_requires():
    catalogue = Catalogue(new={"new-1.0-cp311-cp311-win_amd64.whl": {"run": ["a; sys_platform == 'linux'", "b"]}},
                          a={"a-1.0-py3-none-any.whl": {}}, b={"b-1.0-py3-none-any.whl": {}})
    root = RootFile("new", File("new-1.0-cp311-cp311-win_amd64.whl", ""))
    assert set(resolve([root], [LINUX, WINDOWS], catalogue).releases) == {"b"}
    # None can: better a release too many.
    assert set(resolve([root], [LINUX], catalogue).releases) == {"a", "b"}


def test_setuptools_that_has_pkg_resources_is_taken_beside_the_newest():
    catalogue = Catalogue(setuptools={f"setuptools-{n}.0-py3-none-any.whl": {} for n in (70, 81, 82, 90)})

    def found(*wants, pinned=None):
        roots = [RootRequirement(want, "x") for want in wants]
        return versions(resolve(roots, [LINUX], catalogue, pinned, {"setuptools": "<82"}))

    assert found("setuptools") == {"setuptools": {"81.0", "90.0"}}
    assert found("setuptools>=77", "setuptools<100") == {"setuptools": {"81.0", "90.0"}}
    assert found("setuptools>=82") == {"setuptools": {"90.0"}}
    assert found("setuptools", pinned=Pins({"setuptools": frozenset({"82.0"})})) == {"setuptools": {"82.0"}}
    assert found("nothing") == {}


def test_problems_with_reading_a_release_can_be_silenced_by_project():
    class Broken(Catalogue):
        def sdist(self, file):
            return Sdist(("setuptools",), None, None, (f"{file.filename}: can't be read",), (f"{file.filename}: who knows",))
    catalogue = Broken(setuptools={"setuptools-80.0-py3-none-any.whl": {}})
    roots = [RootFile("demo", File(f"demo-{version}.tar.gz", "")) for version in ("1.0", "2.0")]
    found = resolve(roots, [LINUX], catalogue)
    assert found.problems == tuple(f"demo-{version}.tar.gz: {what}" for version in ("1.0", "2.0") for what in (
        "its requirements are unknown without a build", "can't be read"))
    assert found.notes == ("demo-1.0.tar.gz: who knows",)
    assert set(found.releases) == {"setuptools"}
    silent = resolve(roots, [LINUX], catalogue, exempt=lambda name: name == "demo")
    assert (silent.problems, silent.notes, set(silent.releases)) == ((), (), {"setuptools"})


def test_installers_and_archives_of_installed_trees_require_nothing():
    names = ("demo-1.0.win32.exe", "demo-1.0.linux-x86_64.tar.gz", "demo-1.0-1.noarch.rpm", "demo-1.0-variants.json")
    roots = [RootFile("demo", File(name, "")) for name in names]
    assert resolve(roots, [LINUX], Catalogue())[:1] == ({},)
    assert resolve(roots, [LINUX], Catalogue()).problems == ()


@pytest.mark.parametrize("files, taken", [
    ({"lib-2.0rc1.tar.gz": {}}, "2.0rc1"), ({"lib-1!1.0.zip": {}, "lib-9.0.zip": {}}, "1!1.0"), ({"lib-2.0-1.tar.gz": {},
        "lib-2.0.tgz": {}}, "2.0.post1"), ({"lib-2.0.tgz": {}, "oldlib-3.0.tar.gz": {}}, "2.0"),
    ({"lib-1.0+corp1-py3-none-any.whl": {}}, "1.0+corp1"), ({"lib-2.0-variants.json": {}, "lib-1.0.tar.gz": {}}, "1.0"),
    ({"lib-1.0-py3-none-any.whl": {"yanked": True}}, None), ({"lib-1.0-py2.7.egg": {}}, None),
    ({"lib-1.0-cp311-cp311-win_amd64.whl": {}}, None), ({"lib-1.0-py3-none-any.whl": {"python": ">=3.12"}}, None)])
def test_what_an_installer_would_take_is_taken(files, taken):
    found = resolve([RootRequirement("lib", "x")], [LINUX], Catalogue(lib=files))
    assert versions(found) == ({"lib": {taken}} if taken else {})
    assert found.problems == (() if taken else ("x requires lib: no release fits",))


def test_metadata_that_can_not_be_had_is_reported_by_file():
    class Failing(Catalogue):
        def metadata(self, file):
            raise FetchError(f"https://f.example.com/{file.filename}.metadata", "500")
    found = resolve([RootRequirement("a", "x")], [LINUX], Failing(a={"a-1.0-py3-none-any.whl": {}}))
    assert versions(found) == {"a": {"1.0"}}
    assert found.problems == (
        "a-1.0-py3-none-any.whl: its requirements are unknown: https://f.example.com/a-1.0-py3-none-any.whl.metadata: 500",)


# --- with the real pip ----------------------------------------------------------------------------------------------------

BACKEND = '''
import base64, hashlib, os, zipfile
import helper
def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = f"built-{helper.VERSION}-py3-none-any.whl"
    info = f"built-{helper.VERSION}.dist-info"
    metadata = f"Metadata-Version: 2.1\\nName: built\\nVersion: {helper.VERSION}\\nRequires-Dist: running>=1\\n"
    wheel = "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files = {"built.py": "OK = True", f"{info}/METADATA": metadata, f"{info}/WHEEL": wheel, f"{info}/RECORD": ""}
    with zipfile.ZipFile(os.path.join(directory, name), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return name
'''


def make_wheel(folder: Path, name: str, version: str, files: dict[str, str], requires=()) -> None:
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {**files, f"{info}/METADATA": metadata + "".join(f"Requires-Dist: {text}\n" for text in requires),
             f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    digests = {path: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()) for path, text in files.items()}
    record = "".join(f"{path},sha256={digests[path].decode().rstrip('=')},{len(text)}\n" for path, text in files.items())
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in (*files.items(), (f"{info}/RECORD", f"{record}{info}/RECORD,,\n")):
            archive.writestr(path, text)


class Folder:
    """A catalogue of the distributions in a folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def releases(self, name):
        return [File(path.name, "") for path in self.folder.iterdir() if path.name.startswith(f"{name}-")]

    def metadata(self, file):
        with zipfile.ZipFile(self.folder / file.filename) as archive:
            return next(archive.read(name) for name in archive.namelist() if name.endswith("/METADATA"))

    def sdist(self, file):
        with (self.folder / file.filename).open("rb") as stream:
            return read_sdist(stream, file.filename)


@pytest.mark.heavy
def test_pip_builds_and_installs_from_nothing_but_what_was_found(tmp_path):
    upstream, mirror = tmp_path / "upstream", tmp_path / "mirror"
    upstream.mkdir()
    mirror.mkdir()
    for version in ("1.0", "2.0"):
        make_wheel(upstream, "backend", version, {"backend.py": BACKEND}, ["helper>=1.1", "never; python_version < '3'"])
        make_wheel(upstream, "helper", version, {"helper.py": "VERSION = '1.0'"})
        make_wheel(upstream, "running", version, {"running.py": ""})
    make_wheel(upstream, "unrelated", "1.0", {})
    with tarfile.open(upstream / "built-1.0.tar.gz", "w:gz") as archive:
        for name, text in {"pyproject.toml": "[build-system]\nrequires = ['backend<2']\nbuild-backend = 'backend'\n",
                           "PKG-INFO": "Metadata-Version: 2.1\nName: built\nVersion: 1.0\nRequires-Dist: running>=1\n"}.items():
            info = tarfile.TarInfo(f"built-1.0/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    here = environments([f"{sys.version_info.major}.{sys.version_info.minor}"], ["manylinux_2_28_x86_64"])
    found = resolve([RootRequirement("built==1.0", "requirements.txt")], here, Folder(upstream))
    assert found.problems == ()
    assert versions(found) == {"built": {"1.0"}, "backend": {"1.0"}, "helper": {"2.0"}, "running": {"2.0"}}
    for path in upstream.iterdir():
        name, version = path.name.removesuffix(".tar.gz").split("-")[:2]
        if version in found.releases.get(name, ()):
            (mirror / path.name).write_bytes(path.read_bytes())
    for folder, status in ((mirror, 0), (tmp_path, 1)):
        done = subprocess.run([sys.executable, "-m", "pip", "install", "--no-index", "--find-links", str(folder), "--target",
            str(tmp_path / f"to{status}"), "built==1.0"],
                              capture_output=True, text=True)
        assert done.returncode == status, done.stderr
    assert (tmp_path / "to0" / "built.py").exists()
    assert (tmp_path / "to0" / "running.py").exists()


NAMES = ("a", "b", "c", "d")
REQUIREMENT = st.builds("{}{}{}".format, st.sampled_from(NAMES), st.sampled_from(["", "[x]", "[y]"]),
    st.sampled_from(["", "<2", ">=2", "==1.0", "!=2.0", "; extra == 'x'", "; python_version<'3.9'"]))
FACTS = st.fixed_dictionaries({"run": st.lists(REQUIREMENT, max_size=3), "build": st.lists(REQUIREMENT, max_size=2),
    "python": st.sampled_from([None, ">=3.9", "<3.9"])})
FILES = st.fixed_dictionaries({}, optional={f"-{version}{suffix}": FACTS for version in ("1.0", "2.0", "3.0b1")
    for suffix in (".tar.gz", "-py3-none-any.whl")})


@settings(max_examples=150)
@given(st.fixed_dictionaries(dict.fromkeys(NAMES, FILES)), st.lists(REQUIREMENT, min_size=1, max_size=3))
@pytest.mark.heavy
def test_any_catalogue_is_followed_to_an_end_and_what_is_found_is_offered(projects, wanted):
    offered = {name: {f"{name}{end}": facts for end, facts in files.items()} for name, files in projects.items()}
    found = resolve([RootRequirement(text, "start") for text in wanted], [LINUX, OLD], Catalogue(**offered))
    for name, some in found.releases.items():
        assert {Version(version) for version in some} <= {candidate.version
            for candidate in candidates([File(filename, "") for filename in offered[name]], name)}
    for text in wanted:
        name = text[0]
        assert ";" in text or name in found.releases or any(f"requires {name}" in line for line in found.problems)


@pytest.mark.parametrize("text, extras", [
    ("b", set()), ("b; python_version > '3'", set()), ("b; extra == 'X_y'", {"x-y"}), ("b; 'X.y' == extra", {"x-y"}),
    ("b; extra != 'a' and os_name == 'nt' or 'c' != extra", {"a", "c"}), ("b; extra in 'a c'", None),
    ("b; extra == 'a' or extra in 'b'", None)])
def test_which_extras_a_marker_compares(text, extras):
    assert parse_dependency(text).extras == extras


@pytest.mark.parametrize("text, why", [
    ("a" + " " * 9999, None), ("a" + " " * 10000, "longer than 10000 characters"),
    ("a==" + "1" * 200, None), ("a==" + "1" * 201, "a number of more than 200 digits"),
    ("a; " + "(" * 20 + "os_name == 'x'" + ")" * 20, None),
    ("a; " + "(" * 21 + "os_name == 'x'" + ")" * 21, "nested too deeply"),
    ("a; " + " and ".join(["(os_name == 'x')"] * 30), None)])
def test_requirements_have_bounds(text, why):
    if why is None:
        assert parse_requirement(text).name == "a"
        return
    with pytest.raises(InvalidRequirement, match=why):
        parse_requirement(text)
