"""``doctor``: what keeps a deployment from installing from the mirror alone, by reasoning."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pypimirror import cli
from support import servers, wheelhouse
from support.json_schema import violations
from support.mirror import Mirrored
from support.upstream import Upstream, packed, sdist, wheel

Captured = pytest.CaptureFixture[str]
Doctor = Callable[..., dict[str, Any]]
#: The format of the output (docs/doctor.rst).
SCHEMA = json.loads((wheelhouse.CHECKOUT / "docs" / "doctor.schema.json").read_text(encoding="utf-8"))
HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def doctor(mirrored: Mirrored, capsys: Captured) -> Doctor:
    """Return a function that runs ``doctor --json`` and returns what it printed."""
    mirrored.settings |= {"python_versions": "3.11 3.12", "platforms": "manylinux_2_28_x86_64"}

    def run(*arguments: object, status: int | None = None) -> dict[str, Any]:
        capsys.readouterr()
        ended = mirrored.run("doctor", "--json", *map(str, arguments))
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert list(violations(found, SCHEMA)) == []
        assert ended == (0 if found["result"] == "good" else 1)
        assert status in (None, ended), texts(found)
        return found

    return run


def texts(found: dict[str, Any], *severities: str) -> list[str]:
    """Return the findings as ``check: subject: message``."""
    findings = [*found["findings"], *(finding for file in found["files"] for finding in file["findings"])]
    return [f"{one['check']}: {one['subject']}: {one['message']}" for one in findings
            if one["severity"] in (severities or ("error", "warning", "note"))]


def one_of(found: dict[str, Any], *words: str) -> dict[str, Any]:
    """Return the only error or warning; each of the words is in its line."""
    findings = [*found["findings"], *(finding for file in found["files"] for finding in file["findings"])]
    [one] = [one for one in findings if one["severity"] != "note"]
    line = " ".join(one.values())
    assert [word for word in words if word not in line] == []
    return one


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# --- requirements


def test_a_deployment_that_the_mirror_has_is_good(doctor: Doctor, mirrored: Mirrored, upstream: Upstream,
                                                  tmp_path: Path) -> None:
    upstream.add("demo", wheel("demo", "1.0", requires=("other>=1",)))
    upstream.add("other", wheel("other", "1.0"), wheel("other", "2.0"))
    assert mirrored.run("sync") == 0
    found = doctor(file(tmp_path, "requirements.txt", "demo==1.0\n"), status=0)
    assert texts(found, "error", "warning") == []
    [examined] = found["files"]
    assert {(one["project"], one["version"], one["python"]) for one in examined["installs"]} == {
        ("demo", "1.0", "3.11"), ("demo", "1.0", "3.12"), ("other", "2.0", "3.11"), ("other", "2.0", "3.12")}
    assert (found["errors"], found["warnings"]) == (0, 0)


def test_without_a_file_the_pins_of_the_mirror_are_examined(doctor: Doctor, mirrored: Mirrored, upstream: Upstream,
                                                            tmp_path: Path) -> None:
    upstream.add("demo", wheel("demo", "1.0"))
    file(tmp_path, "versions.cfg", "[versions]\ndemo = 1.0\n")
    mirrored.settings |= {"versions": "versions.cfg", "package_matches": None}
    assert mirrored.run("sync") == 0
    assert doctor(status=0)["files"][0]["installs"]
    file(tmp_path, "versions.cfg", "[versions]\ndemo = 2.0\n")
    one_of(doctor(status=1), "requirement demo==2.0", "pinned to 2.0", "the mirror has 1.0")


@pytest.mark.parametrize(("text", "words"), [
    ("demo==3.0", ("demo==3.0", "pinned to 3.0", "the mirror has 2.0, 1.0", "upstream had no such release")),
    ("demo>=3", ("demo>=3", "no release satisfies it", "the mirror has 2.0, 1.0")),
    ("missing", ("missing", "not in the mirror", "name it in package_matches")),
    ("left-out", ("left-out", "not in the mirror", "package_excludes leaves it out")),
    ("demo==1.0 --hash=sha256:" + "0" * 64, ("no file of the mirror has a hash that the pin allows",)),
    ("platform-only==1.0", ("Python 3.11 on manylinux_2_28_x86_64", "wheels for py3-none-win_amd64")),
    ("newer==1.0", ("no file for Python 3.11 on", ">=3.12")),
    ("needs==1.0", ("requirement missing-too", "not in the mirror", "needs-1.0-py3-none-any.whl")),
    ("conflict==1.0\ndemo==1.0", ("requirement demo>=2", "pinned to 1.0", "does not satisfy")),
    ("withdrawn>=1", ("only yanked files satisfy it",)),
    ("withdrawn==1.0", ("yanked: broken",)),
    ("quarantined", ("quarantined",)),
    ("demo[extra]==1.0", ("requirement of-extra",)),
    ("early==2.0", ("pinned to 2.0", "early-2.0-py3-none-any.whl is left out", "filter specifiers")),
])
def test_a_requirement_that_the_mirror_can_not_satisfy(doctor: Doctor, mirrored: Mirrored, upstream: Upstream, tmp_path: Path,
                                                       text: str, words: tuple[str, ...]) -> None:
    upstream.add("demo", wheel("demo", "1.0", requires=('of-extra; extra == "extra"',)), wheel("demo", "2.0"))
    upstream.add("left-out", wheel("left-out", "1.0"))
    upstream.add("platform-only", wheel("platform-only", "1.0", tag="py3-none-win_amd64"))
    upstream.add("newer", wheel("newer", "1.0"), requires_python=">=3.12")
    upstream.add("needs", wheel("needs", "1.0", requires=("missing-too",)))
    upstream.add("conflict", wheel("conflict", "1.0", requires=("demo>=2",)))
    upstream.add("withdrawn", wheel("withdrawn", "1.0"), yanked="broken")
    upstream.add("early", wheel("early", "1.0"), wheel("early", "2.0"))
    upstream.add("quarantined", wheel("quarantined", "1.0"))
    upstream.statuses["quarantined"] = {"status": "quarantined"}
    mirrored.settings |= {"package_excludes": "left-out", "specifiers": "early <2", "platforms": None, "python_versions": None}
    assert mirrored.run("sync") == 0
    mirrored.settings |= {"python_versions": "3.11 3.12", "platforms": "manylinux_2_28_x86_64"}
    one_of(doctor(file(tmp_path, "requirements.txt", text + "\n")), *words)


def test_markers_decide_for_each_python(doctor: Doctor, mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add("demo", wheel("demo", "1.0"))
    assert mirrored.run("sync") == 0
    path = file(tmp_path, "requirements.txt", 'demo==1.0\nold==1.0 ; python_version < "3.11"\n'
                                              'win==1.0 ; sys_platform == "win32"\n')
    doctor(path, status=0)
    found = doctor(path, "--pythons", "3.10 3.12", status=1)
    assert one_of(found, "requirement old==1.0")


def test_constraints_pin_and_install_nothing(doctor: Doctor, mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add("demo", wheel("demo", "1.0"), wheel("demo", "2.0"))
    assert mirrored.run("sync") == 0
    file(tmp_path, "constraints.txt", "demo==1.0\nunused==7.0\n")
    found = doctor(file(tmp_path, "requirements.txt", "-c constraints.txt\ndemo\n"), status=0)
    assert {one["version"] for one in found["files"][0]["installs"]} == {"1.0"}
    assert any("unused 7.0" in text for text in texts(found, "note"))


# --- builds


def test_build_requirements_are_examined_without_the_pins(doctor: Doctor, mirrored: Mirrored, upstream: Upstream,
                                                          tmp_path: Path) -> None:
    upstream.add("demo", packed("demo-1.0", {
        "pyproject.toml": '[build-system]\nrequires = ["backend>=2"]\nbuild-backend = "backend"\n',
        "PKG-INFO": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"}))
    upstream.add("backend", wheel("backend", "1.0"), wheel("backend", "2.0", requires=("deep",)))
    assert mirrored.run("sync") == 0
    path = file(tmp_path, "requirements.txt", "demo==1.0\nbackend==1.0\n")
    one_of(doctor(path, status=1), "build requirement deep", "backend-2.0-py3-none-any.whl")
    upstream.add("deep", wheel("deep", "1.0"))
    assert mirrored.run("sync") == 0
    [examined] = doctor(path, status=0)["files"]
    assert {one["file"] for one in examined["builds"]} == {"backend-2.0-py3-none-any.whl", "deep-1.0-py3-none-any.whl"}
    assert {one["built"] for one in examined["installs"] if one["project"] == "demo"} == {True}


def test_wheels_only(doctor: Doctor, mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add("demo", sdist("demo", "1.0"))
    assert mirrored.run("sync") == 0
    one_of(doctor(file(tmp_path, "requirements.txt", "--only-binary :all:\ndemo==1.0\n"), status=1), "only wheels are allowed")


def test_namespaces_of_pkg_resources_need_an_older_setuptools(doctor: Doctor, mirrored: Mirrored, upstream: Upstream,
                                                              tmp_path: Path) -> None:
    upstream.add("old.space", wheel("old.space", "1.0", body="__import__('pkg_resources').declare_namespace(__name__)\n"))
    upstream.add("setuptools", wheel("setuptools", "81.0"), wheel("setuptools", "82.0"))
    assert mirrored.run("sync") == 0
    one_of(doctor(file(tmp_path, "requirements.txt", "old.space==1.0\nsetuptools==82.0\n"), status=1),
           "namespace old_space", "setuptools 82.0 does not have")
    doctor(file(tmp_path, "requirements.txt", "old.space==1.0\nsetuptools==81.0\n"), status=0)


def test_a_setup_py_that_imports_pkg_resources(doctor: Doctor, mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    setup = "import pkg_resources\nfrom setuptools import setup\nsetup(name='demo', version='1.0')\n"
    info = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
    upstream.add("demo", packed("demo-1.0", {"setup.py": setup, "PKG-INFO": info}))
    upstream.add("wheel", wheel("wheel", "1.0"))
    upstream.add("setuptools", wheel("setuptools", "81.0"), wheel("setuptools", "82.0"))
    assert mirrored.run("sync") == 0
    path = file(tmp_path, "requirements.txt", "demo==1.0\n")
    one_of(doctor(path, status=1), "demo 1.0", "imports pkg_resources", "setuptools 82.0")
    mirrored.settings["specifiers"] = "setuptools <82"
    assert mirrored.run("sync", "--allow-deletions") == 0
    doctor(path, status=0)


# --- places


@pytest.mark.parametrize(("text", "severity", "words"), [
    ("--index-url https://index.example.com/simple/", "error", ("https://index.example.com/", "the index is not the mirror")),
    ("--extra-index-url https://more.example.com/", "error", ("an extra index", "requirements.txt, line 1")),
    ("--find-links https://links.example.com/", "warning", ("find-links names a host",)),
    ("--find-links /nonexistent/wheels", "error", ("no such directory",)),
    ("--no-index", "error", ("forbids every index",)),
    ("other @ https://files.example.com/other-1.0.tar.gz", "error", ("a requirement names a URL", "local_packages")),
    ("other @ git+https://git.example.com/other", "error", ("a requirement names a URL",)),
    ("--index-url https://user:secret@pypi.example.com/simple/", None, ()),
    ("--index-url {mirror}", None, ()),
])
def test_places_of_a_requirements_file(doctor: Doctor, mirrored: Mirrored, upstream: Upstream, tmp_path: Path, text: str,
                                       severity: str | None, words: tuple[str, ...]) -> None:
    upstream.add("demo", wheel("demo", "1.0"))
    assert mirrored.run("sync") == 0
    with servers.serve(mirrored.root, tmp_path / "server.log") as address:
        mirrored.settings["base_url"] = address
        path = file(tmp_path, "requirements.txt",
                    text.format(mirror=address).replace("https://user:secret@pypi.example.com", address) + "\ndemo==1.0\n")
        found = doctor(path)
        if severity is None:
            assert texts(found, "error", "warning") == []
        else:
            assert one_of(found, *words)["severity"] == severity


def test_upload_times_that_a_cooldown_needs(doctor: Doctor, mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add("old", wheel("old", "1.0"), upload_time="2020-01-01T00:00:00Z")
    upstream.add("new", wheel("new", "1.0"), upload_time="2026-05-05T00:00:00.000000Z")
    upstream.add("untimed", wheel("untimed", "1.0"))
    assert mirrored.run("sync") == 0
    limit = "--uploaded-prior-to 2026-01-01\n"
    doctor(file(tmp_path, "requirements.txt", limit + "old==1.0\n"), status=0)
    one_of(doctor(file(tmp_path, "requirements.txt", limit + "new==1.0\n"), status=1), "on 2026-05-05", "after the limit")
    # Upstream gives no upload time, but the time of modification.
    doctor(file(tmp_path, "requirements.txt", limit + "untimed==1.0\n"), status=0)


# --- the mirror


def test_a_mirror_that_was_never_filled(doctor: Doctor, tmp_path: Path) -> None:
    found = doctor(file(tmp_path, "requirements.txt", "demo==1.0\n"), status=1)
    assert any("last-run" in text for text in texts(found, "error"))


def test_a_file_that_is_missing_from_the_tree(doctor: Doctor, mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add("demo", wheel("demo", "1.0"))
    assert mirrored.run("sync") == 0
    (mirrored.root / "demo" / "demo-1.0-py3-none-any.whl").unlink()
    found = doctor(file(tmp_path, "requirements.txt", "demo==1.0\n"), status=1)
    assert any("verify --repair" in json.dumps(found) for _ in [0])


def test_a_file_that_can_not_be_read_fails_alone(doctor: Doctor, mirrored: Mirrored, upstream: Upstream,
                                                 tmp_path: Path) -> None:
    upstream.add("demo", wheel("demo", "1.0"))
    assert mirrored.run("sync") == 0
    folder = tmp_path / "project"
    file(folder, "requirements.txt", "demo==1.0\n")
    file(folder, "uv.lock", "version = [\n")
    found = doctor(folder, status=1)
    errors = {Path(one["source"]).name: [finding["message"] for finding in one["findings"] if finding["severity"] == "error"]
              for one in found["files"]}
    assert len(errors["uv.lock"]) == 1 and errors["requirements.txt"] == []


def test_a_setup_py_stands_for_its_project_and_an_empty_file_is_noticed(
        doctor: Doctor, mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add("demo", wheel("demo", "1.0"))
    upstream.add("setuptools", wheel("setuptools", "80.0"))
    upstream.add("wheel", wheel("wheel", "1.0"))
    assert mirrored.run("sync") == 0
    file(tmp_path / "p", "setup.cfg", "[metadata]\nname = ours\n[options]\ninstall_requires =\n    demo\n")
    for name in ("setup.py", "setup.cfg"):
        path = file(tmp_path / "p", "setup.py", "from setuptools import setup\nsetup()\n").with_name(name)
        assert [one["project"] for one in doctor(path, status=0)["files"][0]["installs"]] == ["demo", "demo"]
    empty = file(tmp_path, "empty.txt", "# nothing\n")
    assert one_of(doctor(empty, status=0), "names nothing to install")["severity"] == "warning"
    wrong = file(tmp_path, "wrong.txt", "no requirement at all\n")
    assert one_of(doctor(wrong, status=1), str(wrong))["message"].startswith("line 1: ")


def test_wrong_usage(mirrored: Mirrored, capsys: Captured, tmp_path: Path) -> None:
    for arguments, words in (
            (("nowhere.txt",), "nowhere.txt: no such file"), ((str(tmp_path / "empty"),), "the folder has none of"),
            (("one", "two"), "takes one FILE"), (("--url", "ftp://x"), "--url ftp://x: must be"),
            (("--pythons", "three"), "must be versions of Python")):
        (tmp_path / "empty").mkdir(exist_ok=True)
        capsys.readouterr()
        assert mirrored.run("doctor", *arguments) == 2
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1


def test_the_report_for_people(mirrored: Mirrored, upstream: Upstream, capsys: Captured, tmp_path: Path) -> None:
    upstream.add("demo", wheel("demo", "1.0"))
    assert mirrored.run("sync") == 0
    path = file(tmp_path, "requirements.txt", "demo==1.0\nmissing==1.0\n")
    capsys.readouterr()
    assert mirrored.run("doctor", str(path)) == 1
    out = capsys.readouterr().out
    assert f"mirror   {mirrored.root}\nfor      Python {HERE} on " in out
    assert f"\n{path} (pip): 1 file to install, 0 of them to build\nerror    requirement missing==1.0: not in the " in out
    assert out.endswith("\nresult   will not install from this mirror alone: 1 error, 0 warnings\n")
    assert mirrored.run("doctor", "-q", str(path)) == 1
    assert capsys.readouterr().out.count("\n") == 1


def test_by_url_without_a_configuration(mirrored: Mirrored, upstream: Upstream, capsys: Captured, tmp_path: Path) -> None:
    upstream.add("demo", wheel("demo", "1.0", requires=("other",)), sdist("demo", "1.0"))
    upstream.add("other", sdist("other", "1.0"))
    upstream.add("setuptools", wheel("setuptools", "80.0"))
    upstream.add("wheel", wheel("wheel", "1.0"))
    assert mirrored.run("sync") == 0
    good = file(tmp_path, "requirements.txt", "demo==1.0\n")
    bad = file(tmp_path, "bad.txt", "demo==2.0\n")
    with servers.serve(mirrored.root, tmp_path / "server.log") as address:
        capsys.readouterr()
        assert cli.main(None, ["doctor", "--url", address, str(good), "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["mirror"] == f"{address}/"
        assert {one["project"] for one in found["files"][0]["builds"]} == {"setuptools", "wheel"}
        assert cli.main(None, ["doctor", "--url", f"{address}/simple/", str(bad), "--json"]) == 1
        one_of(json.loads(capsys.readouterr().out), "pinned to 2.0", "the mirror has 1.0")




def test_an_index_that_can_not_be_read_is_the_only_error(
        mirrored: Mirrored, capsys: Captured, tmp_path: Path) -> None:
    path = file(tmp_path, "requirements.txt", "one==1.0\ntwo==1.0\n")
    assert mirrored.run("sync") == 0
    with servers.serve(mirrored.root, tmp_path / "server.log") as address:
        capsys.readouterr()
        assert cli.main(None, ["doctor", "--url", f"{address}/nothing/", str(path), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert list(violations(found, SCHEMA)) == []
    assert found["errors"] == 1 and "answers with status 404" in found["findings"][0]["message"]
    assert [one["subject"] for one in found["files"][0]["findings"]] == ["not examined"]


# --- buildouts


def test_what_a_buildout_installs_and_where_it_looks(doctor: Doctor, mirrored: Mirrored, upstream: Upstream,
                                                     tmp_path: Path) -> None:
    for name in ("zc.recipe.egg", "app", "tool", "included"):
        upstream.add(name, wheel(name, "1.0"))
    upstream.add("zc.buildout", wheel("zc.buildout", "5.2"))
    assert mirrored.run("sync") == 0
    file(tmp_path, "b/versions.cfg", "[versions]\napp = 1.0\nincluded = 1.0\nzc.recipe.egg = 1.0\nzc.buildout = 5.2\n"
                                     "[versions:python_version == '3.11']\ntool = 1.0\n")
    path = file(tmp_path, "b/buildout.cfg", """
[buildout]
extends = versions.cfg
parts = app
allow-picked-versions = false
find-links = https://links.example.com/
allow-hosts = pypi.example.com
auto-checkout = checked.out
develop = own
[base]
eggs = included
[app]
<= base
recipe = zc.recipe.egg:scripts
eggs += app
    own
    checked.out
extra = ${source:location}
[source]
recipe = zc.recipe.egg
eggs = tool
url = https://files.example.com/x.tar.gz
[unused]
recipe = not.there
[sources]
checked.out = git https://git.example.com/checked.out.git
""")
    file(tmp_path, "b/own/setup.py", "from setuptools import setup\nsetup(name='own', install_requires=['needed'])\n")
    with servers.serve(mirrored.root, tmp_path / "server.log") as address:
        mirrored.settings["base_url"] = address
        found = doctor(path, status=1)
    assert sorted(texts(found, "error", "warning")) == sorted([
        f"allow-hosts: allow-hosts: does not admit {address.partition('://')[2]}, the mirror",
        "builds: builds: zc.buildout builds 2 projects with a pip that uses PyPI: checked-out, own",
        "places: https://files.example.com/x.tar.gz: fetched from this host while it installs",
        "places: https://git.example.com/checked.out.git: fetched from this host while it installs",
        "places: https://links.example.com/: find-links names a host that is not the mirror",
        "requirements: requirement needed: not pinned, and allow-picked-versions is false",
        "requirements: requirement tool: not pinned, and allow-picked-versions is false",
        "requirements: build requirement setuptools: not in the mirror (selected, but no run has read it yet, or upstream does "
        "not have it; run sync)",
        "requirements: build requirement wheel: not in the mirror (selected, but no run has read it yet, or upstream does not "
        "have it; run sync)"])
    assert {one["project"] for one in found["files"][0]["installs"]} == {
        "zc-recipe-egg", "zc-buildout", "app", "included", "tool"}
    assert "demo" not in str(texts(found))


def test_extended_files_and_locks_of_other_hosts(doctor: Doctor, mirrored: Mirrored, upstream: Upstream,
                                                 tmp_path: Path) -> None:
    upstream.add("demo", wheel("demo", "1.0"))
    assert mirrored.run("sync") == 0
    (tmp_path / "web").mkdir()
    file(tmp_path, "web/versions.cfg", "[versions]\ndemo = 1.0\n")
    with servers.bare_python(tmp_path / "web", tmp_path / "server.log") as address:
        one_of(doctor(file(tmp_path, "buildout.cfg", f"[buildout]\nextends = {address}/versions.cfg\n"), status=1),
               "the buildout extends a file of this host", f"{address}/versions.cfg")
    digest = "0" * 64
    lock = ('lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "demo"\nversion = "1.0"\n'
            f'index = "https://pypi.example.com/simple"\nwheels = [{{ url = "https://files.example.com/demo-1.0.whl", '
            f'hashes = {{ sha256 = "{digest}" }} }}]\n')
    found = doctor(file(tmp_path, "pylock.toml", lock), status=1)
    assert sorted(texts(found, "error")) == [
        "places: https://files.example.com/demo-1.0.whl: the lock file names files and indexes of this host, and its tool "
        "requests them there",
        "places: https://pypi.example.com/simple: the lock file names files and indexes of this host, and its tool requests "
        "them there",
        f"requirements: requirement demo==1.0: pinned to 1.0 by {tmp_path}/pylock.toml; no file of the mirror has a hash that "
        "the pin allows"]


def test_the_example_in_the_documentation_conforms_to_the_schema() -> None:
    text = (wheelhouse.CHECKOUT / "docs" / "doctor.rst").read_text(encoding="utf-8")
    example = re.search(r"^    \{\n.*?^    \}\n", text, re.MULTILINE | re.DOTALL)
    assert example is not None
    assert list(violations(json.loads(example[0]), SCHEMA)) == []


def test_every_field_of_the_schema_is_described_and_required() -> None:
    objects = [SCHEMA]
    for one in objects:
        assert sorted(one["required"]) == sorted(one["properties"])
        for name, field in one["properties"].items():
            assert field["description"].endswith("."), name
            inner = field.get("items", field)
            objects += [inner] if "properties" in inner else []
    assert len(objects) == 10
