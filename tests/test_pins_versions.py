"""Reading versions.cfg files: against tables of cases, against the real zc.buildout, and against noise."""

import io
import json
import platform
import random
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version
from zc.buildout import configparser
from zc.buildout.buildout import _default_globals

from pypimirror.errors import FetchError
from pypimirror.pins.conditions import written
from pypimirror.pins.environments import Environment, environments
from pypimirror.pins.extends_cache import rewritten, write_extends_cache
from pypimirror.pins.extends_chain import Chain, decoded
from pypimirror.pins.flat_pins import flatten_versions
from pypimirror.pins.included_files import MAX_FILES
from pypimirror.pins.model import InvalidPins
from pypimirror.pins.requirements import pins_of, read_requirements
from pypimirror.pins.sections import parse, sections
from pypimirror.pins.versions import entries, read_versions

LINUX = Environment("3.11", "manylinux_2_28_x86_64")
#: The Python and platform of the zc.buildout that the tests compare with.
HERE = Environment(platform.python_version(), f"manylinux_2_28_{platform.machine()}")

PLONE_LIKE = {
    "versions.cfg": """\
[buildout]
extends = zope/versions.cfg

[versions]
# The suite's own.
Plone.Suite = 6.1.2
products.cmfthing = 3.7
pinned-high = 2.0
Only.Here=1.0a1
zc.buildout =
ranged = >=1.0

[versions:python_version < "3.11"]
backported = 1.2
[versions:python_version>="3.12"]
pinned-high = 3.0

[versionannotations]
# why
backported =
    Old Pythons need it.
    See https://tracker.example.com/1
""",
    "zope/versions.cfg": """\
[buildout]
extends = versions-prod.cfg
[versions]
Zope.Server = 5.10
products.cmfthing = 3.1
tool = 0.9
[versions:python310 or python311]
tool = 0.8
[versions: windows]
winonly = 1.0
""",
    "zope/versions-prod.cfg": """\
[versions]
base = 1.0
zc.buildout = 4.1.12
tool = 0.1
[versions:sys.version_info[:2] == (3, 13)]
base = 1.3
""",
}

CASES = {
    "plone-like": PLONE_LIKE,
    "section named elsewhere": {
        "versions.cfg": "[buildout]\nversions = release\n[release]\na = 1\n[versions]\na = 2\n"},
    "named by the file extended": {
        "versions.cfg": "[buildout]\nextends = b.cfg\n[release]\na = 3\n",
            "b.cfg": "[buildout]\nversions = release\n[release]\na=1\nb=1"},
    "switched off": {"versions.cfg": "[buildout]\nversions =\n[versions]\na = 2\n"},
    "several a line and several lines": {
        "versions.cfg": "[buildout]\nextends = a.cfg b.cfg\n    c.cfg\n[versions]\nz = 1\n",
        "a.cfg": "[versions]\na = 1\nb = 1\nc = 1\nz = 2", "b.cfg": "[versions]\nb = 2\nc=2", "c.cfg": "[versions]\nc = 3\n"},
    "diamond": {
        "versions.cfg": "[buildout]\nextends = a.cfg b.cfg\n", "a.cfg": "[buildout]\nextends = c.cfg\n[versions]\nx = 1\n",
        "b.cfg": "[buildout]\nextends = c.cfg\n", "c.cfg": "[versions]\nx = 0\ny = 1\n"},
    "added and removed": {
        "versions.cfg": "[buildout]\nextends = a.cfg\n[versions]\na += <2\nb -= 1.0\nc += 5\nd -= 1\ne = 1\ne += <9\n",
        "a.cfg": "[versions]\na = >=1\nb = 1.0\n"},
    "added in conditions of one file": {
        "versions.cfg": "[versions]\na = >=1\n[versions:python3]\na += <2\n"
                        "[versions:python2]\na += <1\n[versions:python3]\na += !=1.5\n"},
    "set after adding": {"versions.cfg": "[versions]\na += 1\na = 2\nb = 1\nb = 2\n"},
    "first definition adds": {"versions.cfg": "[versions]\na += 1.0\nb -= 1.0\nc += 1\nc -= 1\n"},
    "values on their own line": {"versions.cfg": "[versions]\na =\n    1.0\nb =\n\n\n    2.0\n\nc = 3\n"},
    "references": {
        "versions.cfg": "[release]\nv = 6.1\nw = ${:v}.2\n[versions]\na = ${release:v}\nb = ${release:w}\nc = ${:a}\n"},
    "macros": {
        "versions.cfg": "[base]\na = 1\nb = 1\n[more]\n<= base\nb = 2\nc = 2\n[versions]\n<= more\nc = 3\nd += 1\n"},
    "macro over two files": {
        "versions.cfg": "[buildout]\nextends = a.cfg\n[versions]\nx = 2\n",
            "a.cfg": "[o]\ny = 1\nx = 1\n[versions]\n<= o\nz = 1\n"},
    "conditional extends": {
        "versions.cfg": "[buildout]\nextends = a.cfg\n[buildout:python3]\nextends = b.cfg\n[versions]\nx = 1\n",
        "a.cfg": "[versions]\na = 1\n", "b.cfg": "[versions]\nb = 1\n"},
    "optional extends": {
        "versions.cfg": "[buildout]\nextends = a.cfg\noptional-extends = b.cfg nothere.cfg\n[versions]\nx = 1\n",
        "a.cfg": "[versions]\na = 1\nb = 1\nx = 2\n", "b.cfg": "[versions]\nb = 2\nx = 3\n"},
    "comments and blanks": {
        "versions.cfg": "# c\n; c\n\n[versions] # why\n\n# c\na = 1\n; c\n#b = 2\nc=3\n[ versions ] ; why\nd   =   4   \n"},
    "escaped": {
        "versions.cfg": "[versions]\na = 1\n[versions:'\\x23' in ('\\x23\\x3b')]\na = 2\n"
                        "[versions:(1, 2)[1:] == (2,)]\nb = 1\n"},
    "names": {
        "versions.cfg": "[versions]\n[versions:linux and not (windows or macosx)]\na = 1\n[versions:cpython and posix]\nb = 1\n"
                        "[versions:bits64 and little_endian]\nc = 1\n[versions:pypy or jython or cygwin or solaris]\nd = 1\n"
                        "[versions:sys.platform.startswith('linux')]\ne = 1\n[versions:platform.system() == 'Linux']\nf = 1\n"
                        "[versions:os.name == 'posix']\ng = 1\n[versions:python27 or python39]\nh = 1\n"
                        "[versions:sys.version_info >= (3, 8)]\ni = 1\n[versions:3 <= sys.version_info.major < 4]\nj = 1\n"
                        "[versions:sys.version_info[0] > 2 if True else False]\nk = 1\n"
                        "[versions:platform_system == 'Linux' and implementation_name == 'cpython']\nl = 1\n"
                        "[versions:python_full_version >= '3.4.1']\nm = 1\n[versions:sys_platform in 'linux win32']\nn = 1\n"},
    "case of names": {"versions.cfg": "[buildout]\nextends = a.cfg\n[versions]\nFoo.Bar = 2\n",
    "a.cfg": "[versions]\nfoo.bar = 1\n"},
    "part dependencies": {"versions.cfg": "[part]\n=> versions\n[versions]\na = 1\n"},
    "windows line ends": {"versions.cfg": "[buildout]\r\nextends = a.cfg\r\n[versions]\r\na = 1\r\n",
    "a.cfg": "[versions]\r\nb =\r\n  1\r\n"},
}

ASK = """
import contextlib, io, json, os, sys
from zc.buildout.buildout import Buildout
folder = os.getcwd()
for name in json.load(sys.stdin):
    os.chdir(os.path.join(folder, name))
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            versions = dict(Buildout("versions.cfg", [], False).versions)
        except Exception as error:
            versions = {"error": repr(error)}
    print(json.dumps(versions))
"""


def write(folder: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    return str(folder / "versions.cfg")


def read(source: str) -> bytes:
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise FetchError(source, str(error)) from error


def from_mapping(files: dict[str, str]):
    def read_one(source: str) -> bytes:
        if source not in files:
            raise FetchError(source, "404")
        return files[source].encode()
    return read_one


def ask_buildout(folder: Path, names: list[str]) -> list[dict[str, str]]:
    """What the real zc.buildout makes of the versions.cfg files in these folders, without the ranges that it adds itself."""
    done = subprocess.run([sys.executable, "-c", ASK], cwd=folder, input=json.dumps(names), capture_output=True, text=True,
        check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(names), done.stderr
    for versions in found:
        for name in ("zc.buildout", "zc.recipe.egg"):
            if versions.get(name, "").startswith(">="):
                del versions[name]
    return found


def ours(source: str, environment: Environment = HERE) -> dict[str, str]:
    found, problems = entries(Chain(source, read).sections(environment))
    assert not problems
    return found


@pytest.fixture(scope="module")
def compared(tmp_path_factory) -> dict[str, tuple[str, dict[str, str], dict[str, str]]]:
    """By case: the file, what zc.buildout says of it, and what it says of the file flattened."""
    folder = tmp_path_factory.mktemp("cases")
    names, sources = [], {}
    for number, (case, files) in enumerate(CASES.items()):
        source = sources[case] = write(folder / str(number), files)
        (folder / f"{number}f").mkdir()
        (folder / f"{number}f" / "versions.cfg").write_text(flatten_versions(Chain(source, read), [HERE]))
        names += [str(number), f"{number}f"]
    found = iter(ask_buildout(folder, names))
    return {case: (sources[case], next(found), next(found)) for case in CASES}


def skip_what_is_unknown(case: str) -> None:
    if case == "optional extends" and Version(metadata.version("zc.buildout")) < Version("3.3"):
        pytest.skip("zc.buildout knows optional-extends from 3.3 on")


@pytest.mark.parametrize("case", CASES)
def test_versions_are_what_zc_buildout_sees(compared, case):
    source, theirs, _ = compared[case]
    skip_what_is_unknown(case)
    assert "error" not in theirs
    assert ours(source) == theirs


@pytest.mark.parametrize("case", CASES)
def test_zc_buildout_sees_the_same_pins_in_the_flattened_file(compared, case):
    _, theirs, flattened = compared[case]
    skip_what_is_unknown(case)
    usable = {name: value.strip() for name, value in theirs.items() if value.strip() and "\n" not in value.strip()}
    assert {name: value for name, value in flattened.items() if value} == usable


CONDITIONS = ("", "", "", ":python3", ":python2", ":python_version >= '3'", ":linux and not windows",
              ":sys.version_info < (3,)")
VALUES = ("1.0", "2.0", "3.0rc1", ">=1", "<2", "==1.5", "${o:a}", "", "\n    1.0\n    2.0", "1.0\n    2.0", "\n\n  4.0", "$$x")


def some_section(pick: random.Random, name: str) -> str:
    lines = []
    for _ in range(pick.randint(1, 3)):
        lines.append(f"[{name}{pick.choice(CONDITIONS)}]")
        if name != "o" and pick.random() < 0.1:
            lines.append("<= o")
        for _ in range(pick.randint(0, 4)):
            option = pick.choice(("a", "b", "Foo.Bar", "foo.bar", "c-d"))
            operator = pick.choice(("=", "=", " = ", " += ", " -= "))
            lines.append(option + operator + pick.choice(VALUES if name != "o" else ("1.0", "7")))
            lines.extend(pick.choice(("# why", "", "; why", "  ")) for _ in range(pick.random() < 0.1))
    return "\n".join(lines) + "\n"


def some_chain(pick: random.Random) -> dict[str, str]:
    names = ["versions.cfg", "x.cfg", "y.cfg", "z.cfg"]
    files = {}
    for number, name in enumerate(names, 1):
        text = "[buildout]\n"
        if number < 4 and pick.random() < 0.8:
            text += f"extends = {' '.join(pick.choices(names[number:], k=pick.randint(1, 2)))}\n"
        if pick.random() < 0.15:
            text += "versions = o\n"
        files[name] = text + "[o]\na = 1.0\n" + some_section(pick, "versions") + some_section(pick, "o")
    return files


@pytest.mark.heavy
def test_chains_put_together_at_random_are_what_zc_buildout_sees(tmp_path):
    pick = random.Random(20261122)
    names = [str(number) for number in range(150)]
    sources = [write(tmp_path / name, some_chain(pick)) for name in names]
    theirs = ask_buildout(tmp_path, names)
    # zc.buildout refuses references in circles, and values of several lines at the start of a section that does not hold.
    read_by_it = [(source, found) for source, found in zip(sources, theirs, strict=True) if "error" not in found]
    assert len(read_by_it) > 100
    for source, found in read_by_it:
        assert ours(source) == found, source


def test_pins_are_the_union_over_python_versions_and_platforms(tmp_path):
    source = write(tmp_path, PLONE_LIKE)
    pins = read_versions(Chain(source, read), environments(["3.10", "3.12", "3.13"], ["manylinux_2_28_x86_64", "win_amd64"]))
    assert pins.problems == ()
    assert {name: set(versions) for name, versions in pins.versions.items()} == {
        "backported": {"1.2"}, "base": {"1.0", "1.3"}, "only-here": {"1.0a1"}, "pinned-high": {"2.0", "3.0"},
        "plone-suite": {"6.1.2"}, "products-cmfthing": {"3.7"}, "tool": {"0.8", "0.9"}, "winonly": {"1.0"},
        "zope-server": {"5.10"}}
    assert pins.origins["base", "1.3"] == {source}
    assert [note for note in pins.notes if "ranged" in note] == [f"{source}: ranged = >=1.0: a range is not a pin"]


@pytest.mark.parametrize("value, version", [
    ("1.0", "1.0"), ("==1.0", "1.0"), ("== 1.0", "1.0"), ("1.0.dev1", "1.0.dev1"), ("01.0-RC1", "1.0rc1"), ("2004d", "2004d"),
    (">=1.0", None), ("<2", None), ("==1.*", None), ("1.*", None), (">=1,<2", None), ("==1.0,<2", None)])
def test_only_one_exact_version_is_a_pin(value, version):
    pins = read_versions(Chain("a", from_mapping({"a": f"[versions]\nfoo = {value}\n"})), [LINUX])
    assert pins.versions == ({} if version is None else {"foo": frozenset({version})})
    assert pins.problems == ()
    assert len(pins.notes) == (version is None)


@pytest.mark.parametrize("value", ["1.0  # newest", "~=1.0", "@ https://example.com/x.zip",
    "https://u:p@example.com/foo-1.0.zip", "latest",
                                   "1" * 5000, ">=" + "1" * 5000, "1.0\n  2.0"])
def test_what_is_no_version_is_noted_and_the_others_count(value):
    pins = read_versions(Chain("a", from_mapping({"a": f"[versions]\nfoo = {value}\nbar = 1\n"})), [LINUX])
    assert pins.versions == {"bar": {"1"}}
    assert not pins.problems
    assert len(pins.notes) == 1
    assert pins.notes[0].startswith("a: foo = ")
    assert "u:p" not in pins.notes[0]


@pytest.mark.parametrize("value, problem", [
    ("${nothere:foo}", "a: [versions] foo: there is no section [nothere]"), ("${versions:no}", "not defined"),
    ("${:foo}", "refers to itself"),
    ("${foo}", "is not ${section:option}")])
def test_a_pin_that_can_not_be_told_is_reported_and_the_others_count(value, problem):
    pins = read_versions(Chain("a", from_mapping({"a": f"[versions]\nfoo = {value}\nbar = 1\n"})), [LINUX])
    assert pins.versions == {"bar": {"1"}}
    assert len(pins.problems) == 1
    assert problem in pins.problems[0]


def test_versions_that_are_equal_are_one_release():
    pins = read_versions(Chain("a", from_mapping({"a": "[versions]\nfoo = 1.0\nold = 2004d\n"})), [LINUX])
    assert pins.holds("foo", "1.0.0")
    assert pins.holds("foo", "1.0+local")
    assert pins.holds("old", "2004d")
    assert not pins.holds("foo", "1.0.post1")
    assert not pins.holds("bar", "1.0")


@pytest.mark.parametrize("text, line", [
    ("a = 1\n", 1), ("\n\n[versions]\nfoo\n", 4), ("[versions]\n= 1\n", 2), ("[versions\n", 1),
    ("[versions]\nfoo = 1\n[ver sions]\n", 3),
    ("[versions]\n  a = 1\n", 2)])
def test_bad_syntax_is_one_line_that_names_file_and_line(text, line):
    with pytest.raises(InvalidPins, match=rf"^https://example\.com/v\.cfg, line {line}: [^\n]*$"):
        read_versions(Chain("https://user:secret@example.com/v.cfg", lambda url: text.encode()), [LINUX])


@pytest.mark.parametrize("content, why", [
    (b"<!DOCTYPE html><title>Log in</title>", "a web page"), (b"\xef\xbb\xbf \n<html>", "a web page"),
    (b"[versions]\na = \xff\n", "line 2: not UTF-8"),
    (b"[versions]\0", "not text"), (b"#" * (5 << 20), "too large")])
def test_what_is_no_pin_file_is_refused(content, why):
    with pytest.raises(InvalidPins, match=re.escape(why)):
        read_versions(Chain("https://example.com/v.cfg", lambda url: content), [LINUX])


def test_relative_names_are_asked_for_as_zc_buildout_asks():
    files = {
        "https://u:p@example.com/r/6.1/versions.cfg": "[buildout]\nextends = ../base/b.cfg https://other.example.com/c.cfg\n[versions]\na=1\n",
        "https://u:p@example.com/r/6.1/../base/b.cfg": "[buildout]\nextends = d.cfg\n[versions]\nb=1\n",
        "https://u:p@example.com/r/6.1/../base/d.cfg": "[versions]\nd=1\n",
        "https://other.example.com/c.cfg": "[versions]\nc=1\n",
    }
    chain = Chain(next(iter(files)), from_mapping(files))
    pins = read_versions(chain, [LINUX])
    assert set(pins.versions) == {"a", "b", "c", "d"}
    assert list(chain.documents) == list(files)
    assert not any("u:p" in source for origin in pins.origins.values() for source in origin)


@pytest.mark.parametrize("root, name, allowed", [
    ("https://8.8.8.8/v.cfg", "http://127.0.0.1/w.cfg", False), ("https://8.8.8.8/v.cfg", "HTTP://[::1]:8080/w.cfg", False),
    ("https://8.8.8.8/v.cfg", "https://8.8.4.4/w.cfg", True), ("http://127.0.0.1/v.cfg", "http://10.0.0.1/w.cfg", True),
    ("/srv/v.cfg", "http://127.0.0.1/w.cfg", True)])
@pytest.mark.parametrize("kind", ["versions", "requirements"])
def test_a_pin_file_from_a_public_host_leads_to_no_private_one(root, name, allowed, kind):
    asked = []

    def read(source: str) -> bytes:
        asked.append(source)
        if kind == "versions":
            return b"[versions]\na = 1\n" if len(asked) > 1 else f"[buildout]\nextends = {name}\n[versions]\nb = 1\n".encode()
        return b"a==1\n" if len(asked) > 1 else f"-r {name}\nb==1\n".encode()

    def pins():
        if kind == "versions":
            return read_versions(Chain(root, read), [LINUX])
        return pins_of(read_requirements(root, read), [LINUX])

    if allowed:
        assert set(pins().versions) == {"a", "b"}
        assert asked == [root, name]
        return
    with pytest.raises(InvalidPins, match=r"refused: public host 8\.8\.8\.8 leads to a private address"):
        pins()
    assert asked == [root]


@pytest.mark.parametrize("name", ["/etc/versions.cfg", "file:///etc/versions.cfg", "FILE:///etc/versions.cfg"])
@pytest.mark.parametrize("option", ["extends", "optional-extends"])
def test_a_file_from_the_network_never_makes_us_read_a_local_one(name, option):
    asked = []

    def read_one(source: str) -> bytes:
        asked.append(source)
        return f"[buildout]\n{option} = {name}\n[versions]\na = 1\n".encode()

    chain = Chain("https://example.com/v.cfg", read_one)
    if option == "extends":
        with pytest.raises(InvalidPins, match="can't extend a local one"):
            read_versions(chain, [LINUX])
    else:
        assert read_versions(chain, [LINUX]).notes
    assert asked == ["https://example.com/v.cfg"]


def test_other_schemes_are_not_followed():
    with pytest.raises(InvalidPins, match="only http, https and file"):
        read_versions(Chain("/a", from_mapping({"/a": "[buildout]\nextends = ftp://example.com/x\n"})), [LINUX])


def test_file_urls_are_followed(tmp_path):
    write(tmp_path, {"sub/b.cfg": "[buildout]\nextends = c.cfg\n[versions]\nb = 1\n", "sub/c.cfg": "[versions]\nc = 1\n"})
    source = write(tmp_path, {"versions.cfg": f"[buildout]\nextends = file://{tmp_path}/sub/b.cfg\n"})
    pins = read_versions(Chain(source, lambda name: read(name.removeprefix("file://"))), [LINUX])
    assert pins.versions == {"b": {"1"}, "c": {"1"}}


@pytest.mark.parametrize("files", [
    {"/x/a": "[buildout]\nextends = a\n"}, {"/x/a": "[buildout]\nextends = b\n", "/x/b": "[buildout]\nextends = a"},
    {"/x/a": "[buildout]\nextends = ../x/a\n", "/x/../x/a": "[buildout]\nextends = ../x/a\n"}])
def test_a_chain_that_comes_back_to_itself_is_an_error(files):
    with pytest.raises(InvalidPins, match=r"^/x/a: .* extends itself$"):
        read_versions(Chain("/x/a", from_mapping(files)), [LINUX])


def test_a_chain_that_doubles_at_each_step_ends_soon():
    files = {f"/{n}": f"[buildout]\nextends = {n + 1} {n + 1}\n" for n in range(60)} | {"/60": "[versions]\na=1\n"}
    with pytest.raises(InvalidPins, match="extend the same files over and over"):
        read_versions(Chain("/0", from_mapping(files)), [LINUX])


@pytest.mark.heavy
def test_a_chain_of_thousands_of_files_is_read_and_a_longer_one_refused():
    files = {f"/{n}": f"[buildout]\nextends = {n + 1}\n[versions]\np{n} = 1\nq = {n}\n" for n in range(MAX_FILES - 1)}
    files[f"/{MAX_FILES - 1}"] = "[versions]\nq = last\n"
    pins = read_versions(Chain("/0", from_mapping(files)), [LINUX])
    assert len(pins.versions) == MAX_FILES
    assert pins.versions["q"] == {"0"}
    files[f"/{MAX_FILES - 1}"] = "[buildout]\nextends = more\n"
    files["/more"] = "[versions]\na = 1\n"
    with pytest.raises(InvalidPins, match=f"more than {MAX_FILES} files"):
        read_versions(Chain("/0", from_mapping(files)), [LINUX])


@pytest.mark.parametrize("base, other", [("https://example.com/b.cfg", "https://EXAMPLE.com/a/../b.cfg"),
    ("/x/b.cfg", "/x/y/../b.cfg")])
def test_one_file_under_two_names_is_read_once(base, other):
    asked = []

    def fetch(source):
        asked.append(source)
        return b"[versions]\nb = 1\n" if source != "/x/a" else f"[buildout]\nextends = {base} {other}\n".encode()

    assert read_versions(Chain("/x/a", fetch), [LINUX]).versions == {"b": {"1"}}
    assert asked == ["/x/a", base]


def test_references_that_double_at_each_step_end_soon():
    lines = "".join(f"v{n} = ${{:v{n + 1}}}${{:v{n + 1}}}\n" for n in range(18)) + "v18 = 1\n"
    pins = read_versions(Chain("a", from_mapping({"a": f"[versions]\n{lines}"})), [LINUX])
    assert "v18" in pins.versions
    assert any("too long" in problem for problem in pins.problems)


@pytest.mark.parametrize("text", [
    "[versions]\nfoo = 1\n" + "".join(f"v{n} = " + f"${{:v{n + 1}}}" * 50 + "\n" for n in range(19)) + "v19 =\n",
    "[versions]\n<= s0\nfoo = 1\n"
    + "".join(f"[s{n}]\n<= s{n + 1}" + f"\n  s{n + 1} " * 50 + "\n" for n in range(18)) + "[s18]\n"])
def test_references_that_multiply_without_growing_end_soon(text):
    assert read_versions(Chain("a", from_mapping({"a": text})), [LINUX]).versions["foo"] == {"1"}


@pytest.mark.parametrize("text, problem", [
    ("[buildout]\nversions = gone\n[versions]\na = 1\n", "a: there is no section [gone]"),
    ("[versions]\n<= versions\na = 1\n", "a: section [versions] includes itself"),
    ("[versions]\n<= gone\na = 1\n", "a: there is no section [gone]")])
def test_a_section_that_is_not_there_is_reported(text, problem):
    assert read_versions(Chain("a", from_mapping({"a": text})), [LINUX]).problems == (problem,)


def test_additions_to_extends_are_not_followed_and_said():
    pins = read_versions(Chain("/a", from_mapping({"/a": "[buildout]\nextends += b\n[versions]\na = 1\n"})), [LINUX])
    assert pins.notes == ("/a: 'extends +=' is not followed; zc.buildout ignores it, too",)


def test_what_a_file_extends_and_can_not_be_had_names_both():
    files = {"/x/a": "[buildout]\nextends = https://example.com/b.cfg\n"}
    with pytest.raises(InvalidPins, match=r"^/x/a: can't read a file that it extends: https://example.com/b.cfg: 404$"):
        read_versions(Chain("/x/a", from_mapping(files)), [LINUX])


def test_a_section_whose_condition_can_not_be_decided_counts_both_ways():
    text = "[versions]\nfoo = 1\n[versions:os.environ.get('X')]\nfoo = 2\nbar = 1\n"
    chain = Chain("a", from_mapping({"a": text}))
    pins = read_versions(chain, [LINUX])
    assert pins.versions == {"foo": {"1", "2"}, "bar": {"1"}}
    assert [note for note in pins.notes if "line 3" in note]
    assert "environ" not in flatten_versions(chain, [LINUX])


def test_every_section_that_may_hold_counts_also_where_a_later_one_pins_the_same():
    text = """[r]\nv = 4\n[versions]\nfoo = 1
[versions:windows and platform.release() == '10']\nfoo = 2
[versions:windows and platform.release() == '11']\nfoo = 3\nbar = ${r:v}
"""
    chain = Chain("a", from_mapping({"a": text}))
    windows = Environment("3.11", "win_amd64")
    assert read_versions(chain, [LINUX]).versions == {"foo": {"1"}}
    both = read_versions(Chain("a", from_mapping({"a": text})), [LINUX, windows])
    assert both.versions == {"foo": {"1", "2", "3"}, "bar": {"4"}}
    assert len(both.notes) == 2
    assert not both.problems
    assert "release" not in flatten_versions(chain, [LINUX, windows])


@pytest.mark.parametrize("condition", ["python_full_version {} '3.11.3'", "sys.version_info[:3] {} (3, 11, 3)"])
def test_a_section_for_any_patch_release_counts(condition):
    text = f"""[versions]\nfoo = 1
[versions:{condition.format('<')}]\nfoo = 2
[versions:{condition.format('>=')}]\nfoo = 3
[versions:{condition.format('==')}]\nfoo = 4
[versions:python_full_version < '3.11']\nfoo = 5
"""
    for python, wanted in (("3.11", {"1", "2", "3", "4"}), ("3.11.2", {"2"}), ("3.11.3", {"4"}), ("3.12", {"3"}),
    ("3.10", {"5"})):
        chain = Chain("a", from_mapping({"a": text}))
        pins = read_versions(chain, [Environment(python, "manylinux_2_28_x86_64")])
        assert pins.versions == {"foo": wanted}, python
        assert not pins.notes


def test_the_flattened_file_says_the_same_on_every_python_and_names_no_other_host(tmp_path):
    source = write(tmp_path, PLONE_LIKE)
    everywhere = environments(["3.9", "3.10", "3.11", "3.12", "3.13"], ["manylinux_2_28_x86_64", "win_amd64"])
    text = flatten_versions(Chain(source, read), everywhere[:1])
    assert "://" not in text
    assert "extends" not in text
    (tmp_path / "flat.cfg").write_text(text)
    for environment in everywhere:
        wanted = {name: value for name, value in ours(source, environment).items() if value}
        assert {name: value for name, value in ours(str(tmp_path / "flat.cfg"), environment).items() if value} == wanted


def test_the_flattened_file_follows_conditional_extends_for_the_configured_pythons(tmp_path):
    source = write(tmp_path, {
        "versions.cfg": "[buildout]\nextends = a.cfg\n[buildout:python313]\nextends = b.cfg\n"
                        "[versions]\nx = ${v:x}\n[v]\nx = 5\n",
        "a.cfg": "[versions]\na = 1\ny = 1\n", "b.cfg": "[versions]\nb = 1\ny = 2\n"})
    both = environments(["3.12", "3.13"], ["manylinux_2_28_x86_64"])
    (tmp_path / "flat.cfg").write_text(flatten_versions(Chain(source, read), both))
    found = [{name: value for name, value in ours(str(tmp_path / "flat.cfg"), where).items() if value} for where in both]
    assert found == [{"a": "1", "y": "1", "x": "5"}, {"b": "1", "y": "2", "x": "5"}]


SNIPPETS = st.sampled_from([
    "[versions]", "[versions:python3]", "[versions:python_version<'3.11']", "[buildout]", "[buildout:python3]", "[v]", "[",
    "]", ":", "=", "\n", "\n",
    "\n", "\n  ", "foo", "bar", " = ", " += ", " -= ", "1.0", "2", ">=1", "extends = a", "extends = b c",
    "optional-extends = /dev/null b", "versions = v",
    "${v:foo}", "${:foo}", "$$", "<= v", "<= versions", "#", ";", "\\x23", "\r\n", "\x0b", "\u2028", "=> x", "{", "'", "é",
    "\x00"])
TEXTS = st.lists(SNIPPETS | st.text(max_size=3), max_size=40).map("".join)


@settings(max_examples=150)
@given(st.lists(TEXTS, min_size=3, max_size=3))
def test_any_text_is_read_or_refused_with_one_line(texts):
    files = {f"/{name}": text for name, text in zip("abc", texts, strict=True)}
    chain = Chain("/a", lambda name: files[name].encode("utf-8", "replace") if name in files else read(name))
    try:
        pins = read_versions(chain, [LINUX])
        text = flatten_versions(chain, [LINUX])
    except InvalidPins as error:
        assert len(str(error).splitlines()) == 1
        return
    assert all(len(line.splitlines()) == 1 for line in pins.problems + pins.notes)
    again = read_versions(Chain("/flat", lambda name: text.encode()), [LINUX])
    assert again.problems == ()
    # Names in several spellings may be told apart by their order only.
    assert set(again.versions) == set(pins.versions) or chain.variant(LINUX).undecided


@pytest.mark.parametrize("name", ["v:__import__('os').system('true')", "nowhere", "${a:b}"])
def test_a_section_that_is_none_does_not_reach_the_flattened_file(name):
    """zc.buildout runs conditions in headers as Python."""
    text = f"[buildout:sys_platform == 'linux']\nversions = {name}\n[versions]\nfoo = 1\n"
    chain = Chain("/a", lambda _: text.encode())
    both = environments(["3.11"], ["manylinux_2_28_x86_64", "win_amd64"])
    assert read_versions(chain, both).versions == {"foo": {"1"}}
    assert flatten_versions(chain, both).splitlines()[0] == "[versions]"
    assert "import" not in flatten_versions(chain, both)


@settings(max_examples=150)
@given(TEXTS)
def test_what_the_extends_cache_holds_says_the_same(text):
    content = text.encode("utf-8", "surrogatepass")
    try:
        blocks = parse(decoded(content, "a"), "a")
    except InvalidPins:
        return
    kept = [block for block in blocks if not block.condition or written(block.condition)]
    again = parse(rewritten(content, "a").decode(), "a")
    assert sections(again, lambda block: True) == sections(kept, lambda block: True)
    assert [written(block.condition) for block in again if block.condition] == [
        block.condition for block in again if block.condition]


@pytest.mark.parametrize("case", [case for case in CASES if case != "escaped"])  # its condition is left out
def test_zc_buildout_reads_in_the_extends_cache_what_the_file_says(case):
    for name, text in CASES[case].items():
        texts = text, rewritten(text.encode(), name).decode()
        original, cached = (configparser.parse(io.StringIO(each, newline=None), name, _default_globals) for each in texts)
        assert cached == original


CODE = "open('{}', 'w')"


@pytest.mark.parametrize("condition", [
    "linux, CODE", "CODE", "False and CODE", "cygwin and CODE", "True or CODE", "linux if True else CODE", "[linux, CODE][0]",
    "(linux, CODE)[0]", "'x'.startswith(CODE)", "bool(CODE)", "*[linux, CODE]", "linux] + [CODE", "lambda: CODE",
    "os_name == '\\' or os_name == ' or CODE \\x23'", "sys_platform == 'a' and CODE", "f'{CODE}'", "1 < 2 < CODE"])
def test_code_in_a_condition_never_reaches_what_zc_buildout_reads(tmp_path, condition):
    """Neither the flattened file nor the one in extends-cache; the rest of the chain does."""
    code = CODE.format(tmp_path / "ran")
    text = f"[versions]\nfoo = 1\n[versions:{condition.replace('CODE', code)}]\nbar = 2\n[versions:python3]\nbaz = 3\n"
    chain = Chain("https://example.com/v.cfg", lambda _: text.encode())
    environments_ = environments()
    assert read_versions(chain, environments_).versions.items() >= {"foo": {"1"}, "baz": {"3"}}.items()
    write_extends_cache(str(tmp_path / "cache"), {chain.root: text.encode()})
    cached, = (tmp_path / "cache").iterdir()
    for published in (flatten_versions(chain, environments_), cached.read_text()):
        found = configparser.parse(io.StringIO(published), "x", _default_globals)
        assert found["versions"].items() >= {"foo": "1", "baz": "3"}.items()
        assert "open" not in published
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("text", [
    "[versions]\nrecipe = evil.egg\n", "[versions]\nRecipe = evil\n", "[versions]\nrecipe = >=1\n",
    "[buildout]\nversions = buildout\nextensions = evil\n[versions]\nc = 1\n",
    "[versions]\n<= other\n[other]\nrecipe = evil\na = ${x:y}\n",
    "[versions]\na = ${other:b}\n[other]\nb = 1\n  [versions:evil()]\n  x = 2\n",
    "[versions]\na = 1 ${evil:b}\nb = $${evil:x}\n",
    "[versions]\na = ===${evil:b}\n", "[versions]\n\u212aevil = 1\n", "[versions]\n__x__ = 1\na+b = evil\n",
    "[versions:windows]\nrecipe = evil\n[versions:platform.release()]\nrecipe = evil\n",
    "[versions]\na = 1\x0c[buildout]\x0cextensions=evil\n",
    "[versions]\na = >=1\x85[evil:x]\nb = 1\u2028[evil:x]\n"])
def test_nothing_that_zc_buildout_acts_on_reaches_the_flattened_file(text):
    chain = Chain("/a", lambda _: f"{text}[versions]\nfoo = 1\n".encode())
    read_versions(chain, environments())
    published = flatten_versions(chain, environments())
    for line in published.splitlines():
        assert re.fullmatch(r"|\[versions(:[a-z0-9_ .=\"]+)?\]|[A-Za-z0-9.-]+ =( [0-9]+)?", line), line
    assert "evil" not in published
    assert not re.search(r"(?i)^recipe", published, re.MULTILINE)
    found = configparser.parse(io.StringIO(published), "x", _default_globals)
    assert set(found) == {"versions"}


def test_a_reference_in_the_guise_of_a_version_does_not_reach_the_flattened_file():
    chain = Chain("/a", lambda _: b"[versions]\nfoo = 1\nbar === ${versions:foo}\n")
    assert "$" not in flatten_versions(chain, [LINUX])
