"""``sbom``: bills of materials of the mirror and of pins, and their licences."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pypimirror.pins.environments import environments
from pypimirror.report.sbom.document import render_or_reduce
from pypimirror.sbom.dependency_graph import DependencyGraph
from pypimirror.sbom.license_classifiers import CLASSIFIERS
from pypimirror.sbom.licenses import CLASSIFIER, EXPRESSION, TEXT, License, license_of, spdx_expression
from pypimirror.sbom.model import Component, ComponentFile
from support import osv
from support.mirror import Mirrored
from support.sbom import check_cyclonedx, check_spdx, wheel
from support.upstream import Upstream, sdist

Captured = pytest.CaptureFixture[str]
EMBEDDED = '{"bomFormat": "CycloneDX"}'
OLD = {"upload_time": "2020-01-01T00:00:00Z"}
DEMO = wheel("Demo", "2.0", "License-Expression: mit or apache-2.0", "License-File: LICENSE.txt", "Summary: A demo",
             "Project-URL: Source, https://git.example.com/demo", "Project-URL: Broken, not a URL",
             "Home-page: https://demo.example.com/", "Requires-Dist: other>=1; python_version>'3'",
             "Requires-Dist: third[more]", "Requires-Dist: absent", "Requires-Dist: other<1; sys_platform == 'win32'",
             files={"sboms/auditwheel.cdx.json": EMBEDDED})


def fill(upstream: Upstream) -> None:
    upstream.add("Demo", DEMO, wheel("Demo", "1.0", "Classifier: License :: OSI Approved :: MIT License"), sdist("Demo", "2.0"),
                 **OLD)
    upstream.add("other", sdist("other", "0.9"), sdist("other", "1.0"), sdist("other", "2.0rc1"), **OLD)
    upstream.add("third", wheel("third", "3.0", "License: Our own", "Requires-Dist: fourth; extra == 'more'"), **OLD)
    upstream.add("fourth", wheel("fourth", "1!4.0+local", "License-Expression: LicenseRef-Ours AND MIT"), **OLD)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirrored]:
    """A mirror that several tests read."""
    folder = tmp_path_factory.mktemp("site")
    with Upstream() as upstream:
        fill(upstream)
        made = Mirrored(folder / "mirror", upstream.url)
        (folder / "pins.txt").write_text("Demo==2.0\nthird==3.0\nabsent==7\n")
        made.settings |= {"min_free": 0, "base_url": "https://pypi.example.com", "python_versions": "3.12",
                          "platforms": "manylinux_2_28_x86_64", "requirements": folder / "pins.txt",
                          "advisories": osv.write_directory(folder / "osv", osv.document(
                              "PYSEC-1", "demo", introduced="0", fixed="2.0",
                              references=[{"type": "ADVISORY", "url": "https://example.com/PYSEC-1"}]))}
        assert made.run("sync") == 1, "one pin does not exist"
        upstream.requests.clear()
        yield made
        assert upstream.requests == []


def sbom(mirrored: Mirrored, capsys: Captured, *arguments: str, status: int = 0) -> str:
    capsys.readouterr()
    assert mirrored.run("sbom", *arguments) == status
    return capsys.readouterr().out


def test_cyclonedx(site: Mirrored, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    text = sbom(site, capsys)
    assert text == sbom(site, capsys, "--format", "cyclonedx")
    document = check_cyclonedx(text)
    assert "timestamp" not in document["metadata"] and document["metadata"]["component"]["name"] == "https://pypi.example.com"
    found = {each["bom-ref"]: each for each in document["components"]}
    assert list(found) == ["pkg:pypi/demo@1.0", "pkg:pypi/demo@2.0", "pkg:pypi/fourth@1%214.0%2Blocal", "pkg:pypi/other@0.9",
                           "pkg:pypi/other@1.0", "pkg:pypi/other@2.0rc1", "pkg:pypi/third@3.0"]
    demo = found["pkg:pypi/demo@2.0"]
    assert (demo["name"], demo["version"], demo["description"]) == ("Demo", "2.0", "A demo")
    assert demo["licenses"] == [{"acknowledgement": "declared", "expression": "MIT OR Apache-2.0"}]
    assert demo["properties"] == [{"name": "pypimirror:license-file", "value": "LICENSE.txt"}]
    references = {(each["type"], each["url"]): each for each in demo["externalReferences"]}
    url = f"https://pypi.example.com/demo/{DEMO[0]}"
    assert set(references) == {
        ("website", "https://demo.example.com/"), ("vcs", "https://git.example.com/demo"), ("distribution", url),
        ("distribution", "https://pypi.example.com/demo/demo-2.0.tar.gz"),
        ("bom", f"{url}#demo-2.0.dist-info/sboms/auditwheel.cdx.json")}
    assert {"alg": "SHA-256", "content": hashlib.sha256(DEMO[1]).hexdigest()} in references["distribution", url]["hashes"]
    digest = hashlib.sha256(EMBEDDED.encode()).hexdigest()
    assert [each["hashes"] for key, each in references.items() if key[0] == "bom"] == [[{"alg": "SHA-256", "content": digest}]]
    assert found["pkg:pypi/third@3.0"]["licenses"] == [{"license": {"acknowledgement": "declared", "name": "Our own"}}]
    assert found["pkg:pypi/demo@1.0"]["licenses"] == [{"license": {"acknowledgement": "declared", "id": "MIT"}}]
    edges = {each["ref"]: each.get("dependsOn", []) for each in document["dependencies"]}
    assert edges["pkg:pypi/demo@2.0"] == ["pkg:pypi/other@1.0", "pkg:pypi/third@3.0"]
    assert edges["pkg:pypi/third@3.0"] == ["pkg:pypi/fourth@1%214.0%2Blocal"] and edges["pkg:pypi/other@1.0"] == []
    assert edges["mirror"] == ["pkg:pypi/demo@1.0", "pkg:pypi/demo@2.0", "pkg:pypi/other@0.9", "pkg:pypi/other@2.0rc1"]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    dated = check_cyclonedx(sbom(site, capsys))
    assert dated["metadata"]["timestamp"] == "2023-11-14T22:13:20Z" and dated["serialNumber"] != document["serialNumber"]


def test_spdx(site: Mirrored, tmp_path: Path, capsys: Captured) -> None:
    text = sbom(site, capsys, "--format", "spdx")
    assert text == sbom(site, capsys, "--format", "spdx")
    document = check_spdx(text, tmp_path)
    packages = {each["SPDXID"]: each for each in document["packages"]}
    demo = packages["SPDXRef-Package-demo-2.0"]
    assert (demo["licenseDeclared"], demo["licenseComments"]) == ("MIT OR Apache-2.0", "License-File: LICENSE.txt")
    assert demo["externalRefs"][0]["referenceLocator"] == "pkg:pypi/demo@2.0" and demo["homepage"] == "https://demo.example.com/"
    file = packages[f"SPDXRef-File-{DEMO[0].replace('_', '-')}"]
    assert file["downloadLocation"] == f"https://pypi.example.com/demo/{DEMO[0]}"
    assert {"algorithm": "SHA256", "checksumValue": hashlib.sha256(DEMO[1]).hexdigest()} in file["checksums"]
    assert "sboms/auditwheel.cdx.json" in file["comment"]
    related = {(each["spdxElementId"], each["relationshipType"], each["relatedSpdxElement"])
               for each in document["relationships"]}
    assert {("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Package-demo-2.0"),
            ("SPDXRef-Package-demo-2.0", "DEPENDS_ON", "SPDXRef-Package-other-1.0"),
            (file["SPDXID"], "DISTRIBUTION_ARTIFACT", "SPDXRef-Package-demo-2.0")} <= related
    assert sorted(each["extractedText"] for each in document["hasExtractedLicensingInfos"]) == [
        "LicenseRef-Ours, as packages call it", "Our own"]


def test_licenses(site: Mirrored, capsys: Captured) -> None:
    assert sbom(site, capsys, "--licenses").splitlines() == [
        "Demo 1.0            MIT                      Classifier",
        "Demo 2.0            MIT OR Apache-2.0        License-Expression",
        "fourth 1!4.0+local  LicenseRef-Ours AND MIT  License-Expression",
        "third 3.0           Our own                  License",
        "other 0.9           unknown",
        "other 1.0           unknown",
        "other 2.0rc1        unknown",
        "7 releases, 3 without a known licence"]
    found = json.loads(sbom(site, capsys, "--licenses", "--json"))
    assert found["releases"][1] == {"project": "demo", "name": "Demo", "version": "2.0", "license": "MIT OR Apache-2.0",
                                    "expressions": ["MIT OR Apache-2.0"], "source": "License-Expression",
                                    "license_files": ["LICENSE.txt"]}
    assert found["releases"][-1]["license"] == "Our own" and found["problems"] == []


@pytest.mark.parametrize(("lines", "expected"), [
    (["License-Expression: mit"], License(("MIT",), source=EXPRESSION)),
    (["License-Expression: Not One"], License(text="Not One", source=EXPRESSION)),
    (["License: BSD-3-Clause", "Classifier: License :: OSI Approved :: BSD License"], License(("BSD-3-Clause",), source=TEXT)),
    (["License: BSD", "Classifier: License :: OSI Approved :: BSD License"], License(text="BSD", source=TEXT)),
    (["Classifier: License :: OSI Approved :: BSD License"], License(text="BSD License", source=CLASSIFIER)),
    (["License: UNKNOWN", "Classifier: License :: OSI Approved :: MIT License", "Classifier: License :: OSI Approved"],
     License(("MIT",), source=CLASSIFIER)),
    (["License: MPL-2.0 AND MIT", "Classifier: License :: OSI Approved :: MIT License",
      "Classifier: License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)"],
     License(("MPL-2.0 AND MIT",), source=TEXT)),
    (["License: see file", "Classifier: License :: OSI Approved :: MIT License",
      "Classifier: License :: OSI Approved :: ISC License (ISCL)"], License(("MIT", "ISC"), source=CLASSIFIER)),
    (["License: see file", "Classifier: License :: OSI Approved :: MIT License",
      "Classifier: License :: OSI Approved :: BSD License"], License(text="see file", source=TEXT)),
    (["License: UNKNOWN"], License()), ([], License()),
    (["License: " + "(" * 900], License(text="(" * 900, source=TEXT)),
])
def test_the_licence_of_a_release(lines: list[str], expected: License) -> None:
    fields: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        fields.setdefault(name.lower(), []).append(value)
    assert license_of(fields) == expected


def test_identifiers_of_classifiers_are_those_of_spdx() -> None:
    assert {identifier: spdx_expression(identifier) for identifier in CLASSIFIERS.values()} == {
        identifier: identifier for identifier in CLASSIFIERS.values()}
    assert not {"OSI Approved :: BSD License", "OSI Approved :: Apache Software License"} & CLASSIFIERS.keys()


@pytest.mark.parametrize(("name", "text"), [
    ("requirements.txt", "third==3.0\nDemo==2.0\n"),
    ("versions.cfg", "[versions]\nDemo = 2.0\nthird = 3.0\n"),
    ("uv.lock", "version = 1\n" + "".join(
        f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{ registry = "https://example.com/" }}\n'
        for name, version in (("demo", "2.0"), ("third", "3.0"))))])
def test_pin_files(site: Mirrored, tmp_path: Path, capsys: Captured, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    document = check_cyclonedx(sbom(site, capsys, str(tmp_path / name)))
    assert document["metadata"]["component"]["name"] == name
    assert [each["bom-ref"] for each in document["components"]] == ["pkg:pypi/demo@2.0", "pkg:pypi/third@3.0"]
    edges = {each["ref"]: each.get("dependsOn", []) for each in document["dependencies"]}
    assert edges["pkg:pypi/demo@2.0"] == ["pkg:pypi/third@3.0"] and edges["mirror"] == ["pkg:pypi/demo@2.0"]


def test_pins_of_the_mirror(site: Mirrored, tmp_path: Path, capsys: Captured) -> None:
    assert site.run("sbom", "--pinned") == 0
    printed = capsys.readouterr()
    document = check_cyclonedx(printed.out)
    assert [each["bom-ref"] for each in document["components"]] == [
        "pkg:pypi/absent@7", "pkg:pypi/demo@2.0", "pkg:pypi/third@3.0"]
    assert printed.err == (
        "pypimirror: 1 pinned releases are not in the mirror, and have neither files nor a licence: absent==7\n")
    check_spdx(sbom(site, capsys, "--pinned", "--format", "spdx"), tmp_path)


def test_advisories(site: Mirrored, tmp_path: Path, capsys: Captured) -> None:
    document = check_cyclonedx(sbom(site, capsys, "--advisories"))
    assert document["vulnerabilities"] == [{
        "id": "PYSEC-1", "source": {"name": "OSV"}, "affects": [{"ref": "pkg:pypi/demo@1.0"}],
        "advisories": [{"url": "https://example.com/PYSEC-1"}]}]
    packages = check_spdx(sbom(site, capsys, "--advisories", "--format", "spdx"), tmp_path)["packages"]
    assert [each["referenceLocator"] for each in packages[0]["externalRefs"]] == [
        "pkg:pypi/demo@1.0", "https://example.com/PYSEC-1"]


def test_files(site: Mirrored, tmp_path: Path, capsys: Captured) -> None:
    expected = sbom(site, capsys)
    assert sbom(site, capsys, "--output", str(tmp_path / "mirror.cdx.json"), "--extract", str(tmp_path / "sboms")) == ""
    assert (tmp_path / "mirror.cdx.json").read_text() == expected
    assert [path.relative_to(tmp_path / "sboms") for path in (tmp_path / "sboms").rglob("*.json")] == [
        Path(DEMO[0], "auditwheel.cdx.json")]
    assert (tmp_path / "sboms" / DEMO[0] / "auditwheel.cdx.json").read_text() == EMBEDDED
    assert site.run("sbom", "--output", str(tmp_path / "none" / "x.json")) == 1
    assert "can't be written: No such file" in capsys.readouterr().err and not (tmp_path / "none").exists()


@pytest.mark.parametrize(("arguments", "message"), [
    (["--format", "xml"], "--format xml: must be one of cyclonedx, spdx"),
    (["--pinned", "x.txt"], "--pinned is about the mirror's pins"),
    (["--json", "--format", "spdx"], "--json is for --licenses"),
    (["--licenses", "--output", "x"], "--licenses takes no --format, --output, --extract or --advisories"),
    (["--severity", "low"], "--severity is not an option of sbom")])
def test_wrong_options(site: Mirrored, capsys: Captured, arguments: list[str], message: str) -> None:
    capsys.readouterr()
    try:
        status = site.run("sbom", *arguments)
    except SystemExit as error:
        status = int(str(error.code))
    assert status == 2 and message in capsys.readouterr().err


def test_wrong_surroundings(site: Mirrored, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    for form, library in (("cyclonedx", "cyclonedx"), ("spdx", "spdx_tools")):
        with monkeypatch.context() as without:
            for name in [name for name in sys.modules if name.partition(".")[0] == library]:
                without.setitem(sys.modules, name, None)
            assert site.run("sbom", "--format", form) == 2
        assert capsys.readouterr().err.endswith("it comes with z3c.recipe.pypimirror[sbom]\n")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    assert site.run("sbom") == 2
    assert capsys.readouterr().err == "pypimirror: SOURCE_DATE_EPOCH=yesterday: must be seconds since 1970\n"


ODD = ("License-Expression: ((((", "License: \x01\u202e<b>", "Summary: \x00\ud83d\ude00 \x1b[31m", "Author: " + "x" * 5000,
       "License-File: ../../etc/passwd\x07", "Project-URL: , https://example.com/ä?q=%zz#[x]",
       "Project-URL: Homepage,javascript:x", "Project-URL: Docs, https://[::1", "Project-URL: Docs, https://example.com:99999/",
       "Home-page: https://", "Home-page: UNKNOWN",
       "Requires-Dist: (((", "Requires-Dist: odd", "Requires-Dist: other @ https://example.com/x.whl")


@pytest.mark.heavy
def test_odd_metadata(mirrored: Mirrored, upstream: Upstream, tmp_path: Path, capsys: Captured) -> None:
    """Each line alone, and all of them, in projects of their own; they require each other in a circle."""
    for number, lines in enumerate([*([line] for line in ODD), ODD]):
        try:
            made = wheel(f"odd{number}", "1.0", *lines, f"Requires-Dist: odd{(number + 1) % (len(ODD) + 1)}")
        except UnicodeEncodeError:
            made = wheel(f"odd{number}", "1.0", *(line.encode("utf-8", "replace").decode() for line in lines))
        upstream.add(f"odd{number}", made)
    mirrored.settings["min_free"] = 0
    assert mirrored.run("sync") == 0
    capsys.readouterr()
    assert mirrored.run("sbom") == 1
    printed = capsys.readouterr()
    assert printed.err.splitlines() == [f"pypimirror: odd{number} 1.0: '(((' is not a requirement; it is left out"
                                        for number in (11, 14)]
    assert len(check_cyclonedx(printed.out)["components"]) == len(ODD) + 1
    check_spdx(sbom(mirrored, capsys, "--format", "spdx", status=1), tmp_path)
    assert "odd14 1.0  ((((" in sbom(mirrored, capsys, "--licenses", status=1)


def test_damage(mirrored: Mirrored, upstream: Upstream, tmp_path: Path, capsys: Captured) -> None:
    """Each project that can't be read fails alone."""
    upstream.add("good", wheel("good", "1.0", "License-Expression: MIT"))
    upstream.add("hostile", wheel("hostile", "1.0", files={"sboms/../../../x": "x", "sboms/good.json": "y"}))
    upstream.add("lost", wheel("lost", "1.0"))
    upstream.add("packed", sdist("packed", "1.0"))
    upstream.add("recorded", wheel("recorded", "1.0"))
    upstream.add("zip", wheel("zip", "1.0"))
    mirrored.settings["min_free"] = 0
    assert mirrored.run("sync") == 0
    (mirrored.root / "packed" / "packed-1.0.tar.gz").write_bytes(b"\x1f\x8bdamaged")
    for path in (*mirrored.root.glob("lost/*.whl*"), *mirrored.root.glob("zip/*.metadata")):
        path.unlink()
    (mirrored.root / "zip" / "zip-1.0-py3-none-any.whl").write_bytes(b"PK damaged")
    with sqlite3.connect(mirrored.root / ".pypimirror" / "state.sqlite") as state:
        state.execute("UPDATE records SET record = x'00' WHERE name = 'recorded'")
    state.close()
    capsys.readouterr()
    assert mirrored.run("sbom", "--extract", str(tmp_path / "sboms")) == 1
    printed = capsys.readouterr()
    names = [each["name"] for each in check_cyclonedx(printed.out)["components"]]
    assert names == ["good", "hostile", "lost", "packed", "zip"]
    lines = printed.err.splitlines()
    for name in ("hostile", "lost", "packed", "recorded", "zip"):
        assert any(line.startswith(f"pypimirror: {name}") for line in lines), (name, lines)
    assert not any("good" in line for line in lines) and "Traceback" not in printed.err
    assert not (tmp_path / "x").exists() and not (tmp_path.parent / "x").exists()
    check_spdx(sbom(mirrored, capsys, "--format", "spdx", status=1), tmp_path)


def test_an_empty_mirror(mirrored: Mirrored, tmp_path: Path, capsys: Captured) -> None:
    mirrored.settings["min_free"] = 0
    assert mirrored.run("sync", "--allow-deletions") in (0, 1, 4)
    assert check_cyclonedx(sbom(mirrored, capsys))["components"] == []
    assert json.loads(sbom(mirrored, capsys, "--format", "spdx"))["packages"] == []
    assert sbom(mirrored, capsys, "--licenses") == "0 releases, 0 without a known licence\n"


def test_a_component_on_which_a_library_fails() -> None:
    def render(release: Component) -> str:
        if release.summary:
            raise RuntimeError("no such text")
        return f"{release.purl} {len(release.files)}"

    problems: list[str] = []
    release = Component("demo", "Demo", "1.0", (ComponentFile("demo-1.0.tar.gz", "demo/demo-1.0.tar.gz"),), summary="odd")
    assert render_or_reduce(release, render, problems.append) == "pkg:pypi/demo@1.0 1"
    assert len(problems) == 1 and problems[0].startswith(
        "demo 1.0: what its metadata state is left out: RuntimeError: no such text")


def dependencies(*requirements: tuple[str, str, list[str]]) -> dict[str, list[str]]:
    """Return the edges among releases: name, version, requirements; on Python 3.12 and Linux."""
    graph = DependencyGraph(environments(("3.12",), ("manylinux_2_28_x86_64",)))
    for name, version, texts in requirements:
        assert graph.add((name, version), texts) == []
    return {f"{name} {version}": [" ".join(each) for each in targets] for (name, version), targets in graph.edges()}


def test_the_newest_release_that_fits() -> None:
    found = dependencies(
        ("a", "1", ["b", "b[x]<2", "c>=1.0rc1", "d"]), ("b", "1", ["c; extra == 'x'"]), ("b", "2", ["a; extra == 'x'"]),
        ("b", "3a1", []), ("c", "1.0rc1", []), ("d", "2004d", []), ("e", "1", ["d", "e[all]"]))
    assert found == {"a 1": ["b 1", "b 2", "c 1.0rc1", "d 2004d"], "b 1": ["c 1.0rc1"], "b 2": [], "b 3a1": [],
                     "c 1.0rc1": [], "d 2004d": [], "e 1": ["d 2004d"]}


def test_extras_that_require_extras() -> None:
    texts = ["b[one,two]; extra == 'all'", "c; extra == 'one'", "d; extra == 'two'", "e; extra == 'three'"]
    found = dependencies(("a", "1", ["b[all]"]), ("b", "1", texts), ("b", "0", []),
                         ("c", "1", ["b[all]"]), ("d", "1", []), ("e", "1", []))
    assert found == {"a 1": ["b 1"], "b 0": [], "b 1": ["c 1", "d 1"], "c 1": ["b 1"], "d 1": [], "e 1": []}
