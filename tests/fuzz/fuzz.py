"""Feeds what reads other people's text with what a fuzzer makes up, guided by which code it reaches.

Needs atheris (``pip install atheris``) and runs on demand::

    python tests/fuzz/fuzz.py TARGET [FOLDER] [-max_total_time=300] [-max_len=4096]

TARGET is one of TARGETS below; FOLDER keeps the corpus. The other options are those of libFuzzer. Anything but an error of our
own ends it with a traceback and leaves the input in a file.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "src"), str(Path(__file__).resolve().parents[1])]

with atheris.instrument_imports(include=["pypimirror", "packaging", "email", "json", "zipfile", "tarfile", "tomllib"]):
    from zc.buildout import UserError

    from pypimirror.errors import InvalidPage, MirrorError
    from pypimirror.filters.metadata import fields
    from pypimirror.metadata.archives import wheel_metadata
    from pypimirror.metadata.bounded_toml import loads
    from pypimirror.metadata.errors import InvalidContent
    from pypimirror.names import is_distribution, is_project
    from pypimirror.pins import dependencies
    from pypimirror.pins.environments import environments
    from pypimirror.pins.extends_chain import Chain
    from pypimirror.pins.flat_versions import flatten
    from pypimirror.pins.pylock import read_pylock
    from pypimirror.pins.requirements import pins_of, read_requirements
    from pypimirror.pins.sdist import read_sdist
    from pypimirror.pins.versions import read_versions
    from pypimirror.recipe import crontab
    from pypimirror.upstream.html_page import HtmlParser
    from pypimirror.upstream.json_page import JsonParser
    from pypimirror.upstream.scan import scan

URL = "https://pypi.example.com/simple/bad/"
LINUX = environments(("3.11",), ("manylinux_2_28_x86_64",))
MARK = "[pypimirror] in /srv/site"


def page(parser: HtmlParser | JsonParser, body: bytes) -> None:
    try:
        project, problems = parser.project(body, "bad", URL)
    except InvalidPage:
        return
    for file in project.files:
        assert is_distribution(file.filename)
        assert file.url.startswith(("http://", "https://")) and "@" not in file.url.split("/")[2]
        for text in (file.requires_python, file.upload_time, file.yanked):
            assert not isinstance(text, str) or text.isprintable()
    json.dumps([project.extra, project.meta, dict(project.status)], allow_nan=False)
    assert len(problems) <= 21


def listing(parser: HtmlParser | JsonParser, body: bytes) -> None:
    """A list in blocks holds what the same list in one block does."""
    size = body[0] % 32 + 1 if body else 1
    found = []
    for step in (size, len(body) or 1):
        reader = parser.listing(lambda name: True)
        try:
            for start in range(0, len(body), step):
                reader.write(body[start:start + step])
            found.append(reader.finish())
        except InvalidPage:
            found.append(None)
    assert found[0] == found[1], found
    assert found[0] is None or all(map(is_project, found[0].projects))


def external(body: bytes) -> None:
    for file in scan(body.decode("utf-8", "replace"), URL, "bad", URL, lambda files: files):
        assert is_distribution(file.filename)


def versions(body: bytes) -> None:
    chain = Chain("/a", lambda name: body)
    pins = read_versions(chain, LINUX)
    again = read_versions(Chain("/flat", lambda name: flatten(chain, LINUX).encode()), LINUX)
    assert again.problems == () and all(len(line.splitlines()) == 1 for line in (*pins.problems, *pins.notes))


def requirements(body: bytes) -> None:
    pins_of(read_requirements("/a", lambda name: body), LINUX)


def pylock(body: bytes) -> None:
    pins_of(read_pylock("/pylock.toml", lambda name: body, LINUX), LINUX)


def table(body: bytes) -> None:
    """Whatever a crontab holds, our block goes in and out, and nothing else is touched."""
    begin, end = crontab._borders(MARK)
    try:
        head, found, tail = crontab._parts(body, begin, end)
        assert found or (head, tail) == (body, b"")
        if head and not head.endswith(b"\n"):
            head += b"\n"
        assert crontab._parts(head + begin + b"x\n" + end + tail, begin, end) == (head, True, tail)
    except UserError:
        assert begin[:-1] in body


def sdist(body: bytes) -> None:
    for name in ("bad-1.0.tar.gz", "bad-1.0.zip"):
        read_sdist(io.BytesIO(body), name)


def wheel(body: bytes) -> None:
    try:
        wheel_metadata(io.BytesIO(body))
    except InvalidContent:
        return


def toml(body: bytes) -> None:
    assert isinstance(loads(body), dict)


def metadata(body: bytes) -> None:
    fields(body)
    dependencies._requires_dist(body)


TARGETS: dict[str, Callable[[bytes], object]] = {
    "html-page": lambda body: page(HtmlParser(), body), "json-page": lambda body: page(JsonParser(), body),
    "html-list": lambda body: listing(HtmlParser(), body), "json-list": lambda body: listing(JsonParser(), body),
    "external-page": external, "versions": versions, "requirements": requirements, "pylock": pylock, "crontab": table,
    "sdist": sdist, "wheel": wheel, "metadata": metadata, "toml": toml}


def seeds(folder: Path, target: str) -> None:
    """Give the fuzzer something right to begin with."""
    from upstream import metadata as core_metadata
    from upstream import sdist as good_sdist
    from upstream import wheel as good_wheel

    entry = {"filename": "bad-1.0.zip", "url": "../../x/bad-1.0.zip", "hashes": {"sha256": "a" * 64}, "size": 7, "yanked": "no",
             "requires-python": ">=3.8", "core-metadata": {"sha256": "b" * 64}, "upload-time": "2020-01-01T00:00:00Z",
             "provenance": "https://pypi.example.com/p", "gpg-sig": True}
    meta = {"api-version": "1.4", "_last-serial": 7}
    html_page = (f'<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.4"><base href="/x/"></head><a '
                 f'href="bad-1.0.zip#sha256={"a" * 64}" data-yanked="&lt;" data-requires-python=">=3" rel=download>bad</a>')
    texts = {
        "html-page": html_page, "external-page": html_page, "html-list": "<html><a href='bad/'>Bad</a>\n<!-- x --></html>",
        "json-page": json.dumps({"meta": meta, "name": "bad", "files": [entry], "project-status": {"status": "archived"}}),
        "json-list": json.dumps({"meta": meta, "projects": [{"name": "bad", "_last-serial": 7}, {"name": "x", "y": {}}]}),
        "versions": "[buildout]\nversions = v\n[v]\n<= w\nfoo = 1.0\nbar += 2\n[v:python_version < '3.11']\n"
                    "x = ${w:x}\n[w]\nx = 1\n",
        "requirements": f"foo==1.0 ; python_version < '3' \\\n  --hash=sha256:{'a' * 64}\n-r other.txt # no\n"
                        "bar[x]===2\n-e .\n",
        "pylock": "lock-version = '1.0'\n[[packages]]\nname = 'foo'\nversion = '1'\nmarker = 'os_name == \"nt\"'\n"
                  f"sdist = {{hashes = {{sha256 = '{'a' * 64}'}}}}\n",
        "crontab": f"MAILTO=x\n# BEGIN {MARK}\n1 2 * * * true\n# END {MARK}\n\n",
        "metadata": core_metadata("bad", "1.0", ("foo (>1)",)) + "Dynamic: License\n\nwords\n"}
    texts["toml"] = texts["pylock"] + "[a.'b.c']\nd = [1.5, {e.f = \"\"\"g\"\"\"}] # h\n"
    bodies = {name: [text.encode()] for name, text in texts.items()}
    bodies |= {"sdist": [good_sdist("bad", "1.0")[1], good_wheel("bad", "1.0")[1]], "wheel": [good_wheel("bad", "1.0")[1]]}
    for number, body in enumerate(bodies[target]):
        (folder / f"seed-{number}").write_bytes(body)


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: fuzz.py TARGET [FOLDER] [-max_total_time=SECONDS]; TARGET is one of: {' '.join(TARGETS)}")
    target = sys.argv.pop(1)
    folders = [word for word in sys.argv[1:] if not word.startswith("-")]
    if folders:
        Path(folders[0]).mkdir(parents=True, exist_ok=True)
        seeds(Path(folders[0]), target)

    def once(body: bytes) -> None:
        try:
            TARGETS[target](body)
        except MirrorError as error:
            assert len(str(error).splitlines()) == 1, str(error)

    atheris.Setup(sys.argv, once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
