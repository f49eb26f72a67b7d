"""Reading requirements, constraints and lock files: against tables, against the real pip, and against noise."""

import json
import platform
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from pypimirror.errors import FetchError
from pypimirror.pins import exact_requirement, included_files, requirements
from pypimirror.pins.environments import Environment, environments
from pypimirror.pins.flat_pins import flatten_requirements
from pypimirror.pins.included_files import MAX_FILES
from pypimirror.pins.model import InvalidPins
from pypimirror.pins.pylock import read_pylock
from pypimirror.pins.requirements import exact, pins_of, read_requirements

LINUX = Environment("3.11", "manylinux_2_28_x86_64")
HERE = Environment(platform.python_version(), f"manylinux_2_28_{platform.machine()}")
A, B = "a" * 64, "b" * 64

FILES = {
    "requirements.txt": f"""\
# What we deploy.
--index-url https://index.example.com/simple
-i https://index.example.com/simple --extra-index-url=https://other.example.com/ --trusted-host other.example.com
--find-links ./dist
--no-binary :all:
-r sub/more.txt
-c constraints.txt
--requirement=sub/last.txt

Zope.Suite[tests,docs]==5.10  # why
foo == 1.0 ; python_version >= "3.8"
never==1.0; python_version < "3"
winonly==2.0 ; sys_platform == "win32"
hashed==1.5 \\
    --hash=sha256:{A} \\
    --hash=sha256:{B}
several>=1,==1.2,<2
loose>=1.0
bare
wild==1.*
arbitrary===1.0-x
""",
    "sub/more.txt": "-r deeper.txt\nmore==1\nfoo==1.0\n",
    "sub/deeper.txt": "deeper==2.0.0\n",
    "sub/last.txt": "last==3\n",
    "constraints.txt": "bare==9\nconstrained==4.0\nrange<5\n",
}

#: Prints what pip makes of requirements files: requirement, whether it is a constraint, hashes.
ASK = """
import json, sys
from pip._internal.network.session import PipSession
from pip._internal.req.req_file import parse_requirements
for found in parse_requirements(sys.argv[1], session=PipSession()):
    print(json.dumps([found.requirement, found.constraint, (found.options or {}).get("hashes", {})]))
"""


def from_mapping(files):
    def read(source: str) -> bytes:
        if source not in files:
            raise FetchError(source, "404")
        content = files[source]
        return content if isinstance(content, bytes) else content.encode()
    return read


def read_one(text: str | bytes):
    return read_requirements("/r.txt", from_mapping({"/r.txt": text}))


def ask_pip(path) -> list[tuple[str, bool, set[str]]]:
    done = subprocess.run([sys.executable, "-c", ASK, str(path)], capture_output=True, text=True, check=True)
    return [(text, constraint, {f"{kind}:{digest}" for kind, digests in hashes.items() for digest in digests})
            for text, constraint, hashes in map(json.loads, done.stdout.splitlines())]


def compact(text: str) -> str:
    return re.sub(r"\s|[\"']", "", text)


@pytest.mark.parametrize("files", [
    FILES,
    {"requirements.txt": "a==1 \\\n  --hash=sha256:" + A + "\\\n\nb==2 # x\\\nc==3\n\\\nd==4\\"},
    {"requirements.txt": "a==1 \\\n# comment\nb==2\n#x\n   # y\nc==3#not-a-comment\n".replace("#not-a-comment", "")},
    {"requirements.txt": "  a==1\t# tab\r\nb==2\r\n-c c.txt\r\n", "c.txt": "x==1\n-r r.txt\n", "r.txt": "y==1\n"},
], ids=["deployment", "continued", "commented", "line ends"])
def test_lines_are_what_pip_reads(tmp_path, files):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text.encode())
    found = read_requirements(str(tmp_path / "requirements.txt"), lambda path: open(path, "rb").read())
    ours = [(compact(str(line.requirement)), line.constraint, set(line.hashes)) for line in found.lines]
    assert ours == [(compact(str(Requirement(text))), constraint, hashes)
                    for text, constraint, hashes in ask_pip(tmp_path / "requirements.txt")]


def test_pins_are_the_exact_versions_of_what_applies():
    found = read_requirements("/d/requirements.txt", from_mapping({f"/d/{name}": text for name, text in FILES.items()}))
    pins = pins_of(found, environments(["3.11"], ["manylinux_2_28_x86_64", "win_amd64"]))
    assert {name: set(some) for name, some in pins.versions.items()} == {
        "zope-suite": {"5.10"}, "foo": {"1.0"}, "winonly": {"2.0"}, "hashed": {"1.5"}, "several": {"1.2"},
            "arbitrary": {"1.0-x"},
        "more": {"1"}, "deeper": {"2.0.0"}, "last": {"3"}, "bare": {"9"}, "constrained": {"4.0"}}
    assert pins.hashes == {("hashed", "1.5"): {f"sha256:{A}", f"sha256:{B}"}}
    assert pins.origins["foo", "1.0"] == {"/d/requirements.txt", "/d/sub/more.txt"}
    assert pins.notes == ("/d/requirements.txt: not pinned to one version and left out: loose>=1.0, wild==1.*",)
    assert pins.problems == ()


@pytest.mark.parametrize("line, version", [
    ("x===1.0", "1.0"), ("x==1.0", "1.0"), ("x===2004d", "2004d"), ("x>=1,==1.5,<2", "1.5"), ("x==1.0+local", "1.0+local"),
    ("x==1,==2", None), ("x===aaa2,===1", None), ("x==1.0,==1", "1"), ("x==1,==1.*", "1"),
    ("x==1.*", None), ("x<=1.0", None), ("x>=1.0", None), ("x~=1.0", None), ("x!=1.0", None), ("x", None)])
def test_which_requirements_allow_one_version_alone(line, version):
    assert exact(Requirement(line)) == version


@pytest.mark.parametrize("number, told", [
    (1, "p0>=1"), (5, "p0>=1, p1>=1, p2>=1, p3>=1, p4>=1"), (6, "p0>=1, p1>=1, p2>=1, p3>=1, p4>=1 and 1 more"),
    (9, "p0>=1, p1>=1, p2>=1, p3>=1, p4>=1 and 4 more")])
def test_five_requirements_that_pin_nothing_are_told_by_name(number, told):
    pins = pins_of(read_one("".join(f"p{n}>=1\n" for n in range(number))), [LINUX])
    assert pins.notes == (f"/r.txt: not pinned to one version and left out: {told}",)


def test_a_constraint_pins_what_another_line_requires_without_a_version():
    files = {"/r.txt": "a\nb>=1\n-c /c.txt\n", "/c.txt": "a==1\nb>=2\nunused>=1\n"}
    pins = pins_of(read_requirements("/r.txt", from_mapping(files)), [LINUX])
    assert pins.versions == {"a": {"1"}}
    assert pins.notes == ("/r.txt: not pinned to one version and left out: b>=1",)


def test_a_file_that_is_both_required_and_a_constraint_counts_as_both():
    files = {"/r.txt": "-c /x.txt\n-r /x.txt\n-c /x.txt\n-r /x.txt\n", "/x.txt": "a>=1\n"}
    found = read_requirements("/r.txt", from_mapping(files))
    assert [(str(line.requirement), line.constraint) for line in found.lines] == [("a>=1", True), ("a>=1", False)]


def test_hashes_on_one_line_count_for_all_spellings_of_the_version():
    pins = pins_of(read_one(
        f"a==1.0 --hash=sha256:{A}\na==1\nb==1 --hash=sha256:{A}\nb==2\nA==1.0.0 --hash=sha256:{B}\n"), [LINUX])
    both = {f"sha256:{A}", f"sha256:{B}"}
    assert pins.hashes == {("a", "1.0"): both, ("a", "1"): both, ("a", "1.0.0"): both, ("b", "1"): {f"sha256:{A}"}}


@pytest.mark.parametrize("limit, text, why", [
    ("_MAX_LENGTH", "a==1\n" + "b" * 17 + "==1\n", None),
    ("_MAX_LENGTH", "a==1\n" + "b" * 18 + "==1\n", "line 2: longer than 20 characters"),
    ("_MAX_REQUIREMENTS", "a==1\n" * 20, None), ("_MAX_REQUIREMENTS", "a==1\n" * 21, "/r.txt: more than 20 requirements"),
    ("MAX_TOTAL_BYTES", "a" * 17 + "==1", None), ("MAX_TOTAL_BYTES", "a" * 18 + "==1", "/r.txt: includes more than")])
def test_limits_hold_to_the_number(monkeypatch, limit, text, why):
    monkeypatch.setattr(included_files if limit == "MAX_TOTAL_BYTES" else requirements, limit, 20)
    if why is None:
        read_one(text)
        return
    with pytest.raises(InvalidPins, match=re.escape(why)):
        read_one(text)


@pytest.mark.parametrize("name", [f"foo-1.0{suffix}" for suffix in (
    ".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".TAR.GZ")])
def test_archives_are_paths(name):
    [note] = pins_of(read_one(f"{name}\n"), [LINUX]).notes
    assert note == f"/r.txt, line 1: {name} is a path or URL, not a release, and left out"


@pytest.mark.parametrize("line, why", [
    (f"a==1 --hash=sha384:{A}{A[:32]}", None), (f"a==1 --hash=sha512:{A}{A.upper()}", None),
    ("a==1 --hash=sha256:" + "g" * 64, "not a hex digest"), ("a==1 --hash=sha256:", "not a hex digest"),
    ("a==1 --hash=sha512", "not a hex digest"), ("a==1 --hash", "--hash has no value"), ("a==1 --hash=", "--hash has no value"),
    ("-c", "-c has no value"), ("--requirement", "--requirement has no value")])
def test_hashes_and_values_of_options(line, why):
    if why is None:
        [(digest,)] = pins_of(read_one(line), [LINUX]).hashes.values()
        assert digest == line.partition("--hash=")[2].lower()
        return
    with pytest.raises(InvalidPins, match=rf"^/r\.txt, line 1: .*{why}$"):
        read_one(line)


@pytest.mark.parametrize("line, note", [
    ("-e .", "/r.txt, line 2: . is editable"), ("--editable=git+https://u:p@example.com/x.git#egg=x", "editable"),
    ("-e./src", "./src is editable"),
    ("./dist/foo-1.0.tar.gz", "path or URL"), ("https://u:p@example.com/foo-1.0.zip ; python_version > '3'",
    "https://example.com/foo-1.0.zip is a path or URL"),
    ("foo-1.0-py3-none-any.whl", "path or URL"), ("foo @ https://example.com/foo.zip", "foo comes from a URL"),
    ("/srv/foo", "path or URL")])
def test_what_comes_from_no_index_is_left_out_and_said(line, note):
    pins = pins_of(read_one(f"a==1\n{line}\n"), [LINUX])
    assert pins.versions == {"a": {"1"}}
    assert len(pins.notes) == 1
    assert note in pins.notes[0]
    assert "u:p" not in pins.notes[0]


@pytest.mark.parametrize("line, why", [
    ("foo bar", "'foo bar' is not a requirement"), ("==1.0", "not a requirement"),
    ("foo==1 --hash=sha256:abc", "--hash=sha256:abc"),
    ("-r", "-r has no value"), ("foo==1 --hash 'x", "a quote"),
    ("foo==1; python_version", "not a requirement"),
    ("_==1", "not a requirement"),
    ("a" * 300 + "==1", "is not the name of a project"),
    ("-r nothere.txt", "can't read a file that it includes: /nothere.txt: 404"),
    ("-c r.txt", "includes itself")])
def test_bad_syntax_is_one_line_that_names_file_and_line(line, why):
    with pytest.raises(InvalidPins, match=rf"^/r\.txt[^\n]*{re.escape(why)}[^\n]*$") as caught:
        read_one(f"a==1\n\n{line}\n")
    assert "line 3" in str(caught.value) or "includes" in why


def test_environment_variables_are_not_sent_away(monkeypatch):
    monkeypatch.setenv("SECRET", "hush")
    asked = []

    def read(source: str) -> bytes:
        asked.append(source)
        return b"-r https://example.com/${SECRET}.txt\n" if len(asked) == 1 else b"a==1\n"

    read_requirements("https://example.com/r.txt", read)
    assert asked == ["https://example.com/r.txt", "https://example.com/${SECRET}.txt"]


def test_names_in_a_file_from_the_network_stay_there():
    files = {"https://u:p@example.com/d/r.txt": "-r /top.txt\n-c ../c.txt\n", "https://u:p@example.com/top.txt": "top==1\n",
             "https://u:p@example.com/c.txt": "c==1\n"}
    pins = pins_of(read_requirements("https://u:p@example.com/d/r.txt", from_mapping(files)), [LINUX])
    assert set(pins.versions) == {"top", "c"}
    assert pins.origins["c", "1"] == {"https://example.com/c.txt"}
    for bad, why in ((b"-r file:///etc/passwd\n", "can't name a local one"), (b"-r http://[x\n", "not a valid URL")):
        with pytest.raises(InvalidPins, match=why):
            read_requirements("https://example.com/r.txt", lambda _, content=bad: content)


def test_files_that_name_each_other_twice_at_each_step_end_soon():
    files = {f"/{n}": f"-r {n + 1}\n-r {n + 1}\n-r x/../{n + 1}\n" for n in range(50)} | {"/50": "a==1\n"}
    assert pins_of(read_requirements("/0", from_mapping(files)), [LINUX]).versions == {"a": {"1"}}


@given(st.from_regex(exact_requirement._LINE, fullmatch=True))
def test_the_usual_line_means_what_packaging_reads_in_it(text):
    try:
        wanted = Requirement(text)
    except ValueError:
        wanted = None
    found = requirements._Reader("/a", lambda name: b"", str)._requirement(text, "here") if wanted is not None else None
    assert str(found) == str(wanted)
    assert wanted is None or (found.name, str(found.specifier), set(found.extras), found.marker, requirements.exact(found)) == (
        wanted.name, str(wanted.specifier), wanted.extras, wanted.marker, requirements.exact(wanted))


def test_a_usual_line_is_no_object_of_packaging():
    lines = read_requirements("/a", lambda name: b"a==1.0\nb.c-d_e==2.0rc1.post2.dev3\nf == 1.0\n\tg==1\n").lines
    assert [type(line.requirement) is Requirement for line in lines] == [False, False, True, False]


@pytest.mark.heavy
def test_thousands_of_files_are_read_and_more_refused():
    files = {f"/{n}": f"p{n}==1\n-r {n + 1}\n" for n in range(MAX_FILES)} | {f"/{MAX_FILES - 1}": "last==1\n"}
    assert len(read_requirements("/0", from_mapping(files)).lines) == MAX_FILES
    files[f"/{MAX_FILES - 1}"] = "-r more\n"
    with pytest.raises(InvalidPins, match=f"includes more than {MAX_FILES} files"):
        read_requirements("/0", from_mapping(files | {"/more": ""}))


@pytest.mark.parametrize("line, note", [
    ("-e ./packages/b ; sys_platform == 'linux'", "./packages/b is editable"), ("-e .[dev]", "is editable"),
    ("-e file:///${PROJECT_ROOT}/#egg=x", "is editable"), ("-e", "is editable"),
    ("-egit+https://example.com/x#egg=x", "is editable"),
    ("libs/mypkg", "a path or URL"), ("libs\\mypkg", "a path or URL"),
    ("./libs/mypkg[a] ; python_version > '3'", "a path or URL"),
    ("~/mypkg", "a path or URL"), ("git@example.com:a/b.git", "a URL"),
    ("git+ssh://git@example.com/a.git@v1#egg=a", "a path or URL"),
    ("mypkg @ file:///x/y z", "mypkg comes from a URL"), ("mypkg@./libs/x", "mypkg comes from a URL"),
    ("mypkg[a, b] @ {root:uri}/../x ; python_version > '3'", "mypkg comes from a URL"),
    ("mypkg @ ${PROJECT_ROOT}/x", "mypkg comes from a URL"), ("foo==${VERSION}", "an environment variable"),
    ("--nothing", "unknown option --nothing; ignored"), ("--exclude-newer 2024-01-01", "unknown option --exclude-newer"),
    ("-b constraints.txt", "unknown option -b"), ("foo==1.0 --hash=md5:abc", "--hash=md5:abc"),
    ("foo==1.0 --nothing=x", "unknown option --nothing"),
    ("--no-require-hashes", None), ("six==1.0;", None), ("six==1.0 ;  # via x", None), ("six (==1.0)", None),
    ("six==1.0 --no-deps", None),
    ("--only-binary=:all:", None), ("--only-binary :all: --no-index", None), ("six==2004d", None),
    ("six ; python_version < '3'", None)])
def test_lines_that_tools_write_leave_the_rest_of_the_file_as_it_is(line, note):
    found = read_one(f"before==1.0\n{line}\nafter==2.0\n")
    pins = pins_of(found, [LINUX])
    assert pins.versions.items() >= {"before": {"1.0"}, "after": {"2.0"}}.items()
    assert len(pins.notes) == (note is not None), pins.notes
    assert note is None or ("line 2: " in pins.notes[0] and note in pins.notes[0])
    assert not any(word in flatten_requirements(found) for word in ("mypkg", "nothing", "VERSION"))


@pytest.mark.parametrize("content, versions", [
    ("foo==1.0\n".encode("utf-16"), {"foo"}), (b"\xfe\xff" + "foo==1.0\n".encode("utf-16-be"), {"foo"}),
    ("foo==1.0\n".encode("utf-32"), {"foo"}), ("foo==1.0\n".encode("utf-8-sig"), {"foo"}),
    ("\n# coding: ascii\nfoo==1.0  # \xe9\n".encode("utf-8-sig"), {"foo"}),
    ("# -*- coding: latin-1 -*-\nfoo==1.0  # \xe9\n".encode("latin-1"), {"foo"}),
    ("# x\n# vim: set coding=cp1252:\nfoo==1.0  # \xe9\n".encode("cp1252"), {"foo"}),
    ("foo==1.0\x0cbar==1.0\u2028baz==1.0\x85b==1\n".encode(), {"foo", "bar", "baz", "b"})])
def test_encodings_and_line_ends_are_those_of_pip(tmp_path, content, versions):
    (tmp_path / "r.txt").write_bytes(content)
    assert {compact(line).partition("==")[0] for line, _, _ in ask_pip(tmp_path / "r.txt")} == versions
    assert set(pins_of(read_requirements("/r.txt", lambda _: content), [LINUX]).versions) == versions


@pytest.mark.parametrize("coding", ["nothing", "zlib", "rot13", "idna", "punycode", "base64", "utf-16"])
def test_what_is_no_encoding_of_a_file_is_one_line(coding):
    with pytest.raises(InvalidPins, match=r"^/r\.txt.*(unknown encoding|text)[^\n]*$"):
        read_requirements("/r.txt", lambda _: f"# coding: {coding}\nfoo==1.0  # \xe9\n".encode("latin-1"))


@pytest.mark.parametrize("marker", ["os_name == 'a\\n--index-url https://example.com/\\n'", "os_name == '${SECRET}'",
                                    "os_name == ' #'", "os_name == 'x' or os_name == '\\\\'"])
def test_no_marker_of_a_lock_file_brings_an_option_into_the_flattened_file(marker):
    text = f"""lock-version = "1.0"
[[packages]]
name = "foo"
version = "1.0"
marker = "{marker}"
sdist = {{ name = "foo-1.0.tar.gz", url = "https://example.com/f", hashes = {{ sha256 = "{A}" }} }}
[[packages]]
name = "bar"
version = "1.0"
sdist = {{ name = "bar-1.0.tar.gz", url = "https://example.com/b", hashes = {{ sha256 = "{A}" }} }}
"""
    flat = flatten_requirements(lock(text)[0])
    assert "example.com" not in flat
    assert "$" not in flat
    assert "#" not in flat
    assert set(pins_of(read_one(flat), [LINUX]).versions) >= {"bar"}
    assert all(re.fullmatch(r"(bar|foo)==1\.0 \\|    --hash=sha256:a{64}", line) for line in flat.splitlines())


PIECES = st.sampled_from([b"foo", b"==1.0", b"\n", b"\n", b" ", b";", b"--hash=sha256:", b"-r ", b"-e ", b"-c x", b"\\\n",
    b"#", b"'", b'"',
                          b"[", b"]", b"@", b"${X}", b"# coding: utf-16\n", b"\xff\xfe", b"\x00", b"\xef\xbb\xbf", b"/",
                          b"(", b"===", b",",
                          b"python_version", b" and ", b"1" * 5000, b"\xe2\x80\xa8", b"--x", b"a" * 300])


@settings(max_examples=150)
@given(st.lists(PIECES | st.binary(max_size=3), max_size=20).map(b"".join))
def test_any_bytes_are_read_or_refused_with_one_line(content):
    try:
        found = read_requirements("/r.txt", lambda name: content if name == "/r.txt" else b"x==1\n")
        pins = pins_of(found, [LINUX])
        text = flatten_requirements(found)
    except InvalidPins as error:
        assert len(str(error).splitlines()) == 1
        return
    assert all(len(note.splitlines()) == 1 for note in pins.notes)
    again = pins_of(read_one(text), [LINUX])
    assert {name: some for name, some in pins.versions.items() if name in again.versions} == again.versions


def test_the_flattened_file_is_one_that_pip_reads_the_same_way(tmp_path):
    text = flatten_requirements(read_one("--index-url https://index.example.com/\nfoo[x]==1.0 ; python_version > '3'\n"
                            f"bar==2 --hash=sha256:{A}\nloose>1\n-e .\n"))
    assert "example.com" not in text
    (tmp_path / "flat.txt").write_text(text)
    assert [(compact(line), constraint, hashes) for line, constraint, hashes in ask_pip(tmp_path / "flat.txt")] == [
        ("foo[x]==1.0;python_version>3", False, set()), ("bar==2", False, {f"sha256:{A}"}), ("loose>1", False, set())]


def test_a_file_with_constraints_is_flattened_into_constraints():
    found = read_requirements("/d/requirements.txt", from_mapping({f"/d/{name}": text for name, text in FILES.items()}))
    text = flatten_requirements(found)
    assert text.startswith("# For pip's --constraint")
    assert not any(word in text for word in ("example.com", "-r ", "-c ", "[tests", "\nbare\n"))
    both = environments(["2.7", "3.11"], ["win_amd64", "manylinux_2_28_x86_64"])
    again, first = pins_of(read_one(text), both), pins_of(found, both)
    assert (again.versions, again.hashes) == (first.versions, first.hashes)


LOCK = f"""\
lock-version = "1.0"
created-by = "a tool"
extras = ["tests"]
dependency-groups = ["docs"]
default-groups = ["main"]

[[packages]]
name = "foo"
version = "1.0"
index = "https://index.example.com/simple"
sdist = {{ url = "https://files.example.com/foo-1.0.tar.gz", hashes = {{ sha256 = "{A}" }} }}
[[packages.wheels]]
url = "https://files.example.com/foo-1.0-py3-none-any.whl"
hashes = {{ sha256 = "{B}", blake2b = "00" }}

[[packages]]
name = "winonly"
version = "2.0"
marker = "sys_platform == 'win32'"
wheels = [{{ name = "winonly-2.0-py3-none-any.whl", url = "https://files.example.com/w", hashes = {{ sha256 = "{A}" }} }}]

[[packages]]
name = "tested"
version = "3.0"
marker = "'tests' in extras or 'docs' in dependency_groups"
sdist = {{ name = "tested-3.0.tar.gz", url = "https://files.example.com/t", hashes = {{ sha256 = "{A}" }} }}

[[packages]]
name = "checkout"
[packages.vcs]
type = "git"
url = "https://example.com/x.git"
commit-id = "1"
"""


def test_hashes_say_which_files_a_pin_allows():
    pins = pins_of(read_one(f"foo==1.0 --hash=sha256:{A} --hash=sha512:{B * 2}\nbar==1.0\n"), [LINUX])
    assert pins.allows("foo", "1.0.0", {"sha256": A.upper(), "md5": "0"})
    assert pins.allows("foo", "1.0", {"sha512": B * 2})
    assert not pins.allows("foo", "1.0", {"sha256": B})
    assert pins.allows("bar", "1.0", {"sha256": B})


def lock(text: str, *where: Environment):
    found = read_pylock("/pylock.toml", lambda _: text.encode(), where or (LINUX,))
    return found, pins_of(found, where or (LINUX,))


def test_a_lock_file_pins_its_packages_with_their_hashes():
    pylock = pytest.importorskip("packaging.pylock", reason="this release of packaging knows no lock files")
    from pypimirror.metadata.bounded_toml import loads
    pylock.Pylock.from_dict(loads(LOCK))  # it is one, by the standard's own reader
    found, pins = lock(LOCK)
    assert pins.versions == {"foo": {"1.0"}, "tested": {"3.0"}}
    assert pins.hashes["foo", "1.0"] == {f"sha256:{A}", f"sha256:{B}"}
    assert pins.notes == ("/pylock.toml: checkout does not come from an index and is left out",)
    assert set(lock(LOCK, LINUX, Environment("3.11", "win_amd64"))[1].versions) == {"foo", "tested", "winonly"}
    text = flatten_requirements(found)
    assert "example.com" not in text
    again = pins_of(read_one(text), [LINUX])
    assert (again.versions, again.hashes) == (pins.versions, pins.hashes)


def test_a_marker_or_version_that_is_not_understood_leaves_nothing_out():
    text = """lock-version = '1.0'
[[packages]]
name = 'old'
version = '2004d'
marker = 'nothing we know'
wheels = [{}]
[[packages]]
name = 'odd'
version = '1.0'
marker = 5
wheels = [{}]
"""
    found, pins = lock(text)
    assert pins.versions == {"old": {"2004d"}, "odd": {"1.0"}}
    assert pins_of(read_one(flatten_requirements(found)), [LINUX]).versions == pins.versions


@pytest.mark.parametrize("text, why", [
    ("", "not a lock file of version 1"), ("x = ", "end of document"), ("x = 1\n=", "line 2"),
    ("lock-version = '2.0'\npackages = []", "version 1"), ("a = " + "[" * 5000, "nested"),
    ("lock-version = '1.0'\n[[packages]]\nname = '-'", "missing or invalid name"),
    ("lock-version = '1.0'\n[packages]\n", "version 1"), ("lock-version = '1.0'\n[[packages]]\nversion = '1'",
    "package 1: missing or invalid name"),
    ("lock-version = '1.0'\n[[packages]]\nname = 'a'\nversion = 1", "package 1: '1' is not a version"),
    ("<html>", "a web page")])
def test_what_is_no_lock_file_is_refused_with_one_line(text, why):
    with pytest.raises(InvalidPins, match=rf"^/pylock\.toml[^\n]*{why}[^\n]*$"):
        lock(text)


WORDS = st.sampled_from(["foo", "==", "1.0", "-r b", "-c b", "--hash=", "sha256:" + A, "\\\n", "\n", "\n", " ", ";",
    "python_version", "<", "'3'", "#", "[x]", "-e", "--pre",
                         "-i", "=", "'", "@", "https://example.com/x", "\r", "\0", "é", "\u2028", "--"])


@settings(max_examples=150)
@given(st.lists(WORDS | st.text(max_size=3), max_size=25).map("".join), st.lists(WORDS, max_size=10).map(" ".join))
def test_any_text_is_read_or_refused_with_one_line(first, second):
    read = from_mapping({"/a": first.encode("utf-8", "replace"), "/b": second.encode()})
    try:
        found = read_requirements("/a", read)
        pins = pins_of(found, [LINUX])
        again = pins_of(read_one(flatten_requirements(found)), [LINUX])
    except InvalidPins as error:
        assert len(str(error).splitlines()) == 1
        return
    assert all(len(line.splitlines()) == 1 for line in pins.notes)
    assert (again.versions, again.hashes) == (pins.versions, pins.hashes)


@settings(max_examples=150)
@given(st.lists(st.sampled_from(LOCK.splitlines()) | st.sampled_from(["name = 1", "wheels = 1", "sdist = []", "hashes = 1",
    "marker = 5", "marker = '('", "packages = 1"]),
                max_size=25).map(lambda lines: "lock-version = '1.0'\n" + "\n".join(lines)))
def test_any_text_of_a_lock_file_is_read_or_refused_with_one_line(text):
    try:
        lock(text)
    except InvalidPins as error:
        assert len(str(error).splitlines()) == 1
