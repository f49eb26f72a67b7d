"""Names that clients ask for and the mirror does not have: seen by serve, read from access logs, told by status."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from pypimirror.errors import ConfigurationError
from pypimirror.serve.missing_projects import MissingProjects, missing_in_log, project_of_path, read_record
from support import servers
from support.mirror import Mirrored
from support.servers import ask
from support.upstream import Upstream, sdist


@pytest.mark.parametrize(("path", "name"), [
    ("/zope.interface/", "zope-interface"), ("/simple/Zope_Interface/", "zope-interface"),
    ("/simple/zope.interface", "zope-interface"),
    ("/pypi/Zope.Interface/json", "zope-interface"), ("//simple//one//", "one"), ("/favicon.ico", None), ("/robots.txt", None),
    ("/", None), ("/simple/", "simple"), ("/one/one-1.tar.gz", None), ("/simple/one/one-1.tar.gz", None), ("/a b/", None),
    ("/../", None), ("/simple/\u00e4/", None), ("/pypi/one/1.0/json", None), ("/packages/one/one-1.tar.gz", None)])
def test_a_path_tells_whose_page_was_meant(path: str, name: str | None) -> None:
    assert project_of_path(path) == name


def test_as_many_names_are_kept_as_there_is_room_for(tmp_path: Path) -> None:
    missed = MissingProjects(most=10)
    for number in range(1000):
        missed.note(f"name-{number}")
        missed.note("always")
    names = {one.project: one.requests for one in missed.names()}
    assert len(names) == 10
    assert names["always"] == 1000
    assert missed.names()[0].project == "always"


def test_a_record_outlives_its_server(tmp_path: Path) -> None:
    filename = str(tmp_path / "missed.json")
    first = MissingProjects(filename)
    first.note("one", 1000.0)
    first.note("two", 2000.0)
    first.note("one", 3000.0)
    first.save()
    second = MissingProjects(filename)
    second.note("one", 2500.0)
    assert [tuple(one) for one in second.names()] == [("one", 3, 3000.0), ("two", 1, 2000.0)]
    assert os.listdir(tmp_path) == ["missed.json"]


@pytest.mark.parametrize("content", [
    "", "{", "[1]", "[[1]]", '{"a": 1}', '[["a", "b", 1]]', '[["a", Infinity, 1]]', '[["a", NaN, 1]]', '[["a", 1e400, 1]]',
    '[["a", 1, Infinity]]', '[["a", 1, NaN]]', '[["a", 1, 1e300]]', '[["a", 1, -1]]', '[["a", 0, 1]]', '[["a", true, 1]]',
    '[["..", 1, 1]]', '[["a\\u001b", 1, 1]]', '[[1, 1, 1]]', f'[["a", {10 ** 30}, 1]]', "[" * 100_000],
    ids=lambda content: content[:20])
def test_a_record_that_is_none_counts_for_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "missed.json").write_text(content)
    assert read_record(str(tmp_path / "missed.json")) == []


def test_a_record_that_cannot_be_written_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missed = MissingProjects(str(tmp_path / "nowhere" / "missed.json"))
    for name in ("one", "two", "three"):
        missed.note(name)
        missed.save()
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert str(tmp_path / "nowhere" / "missed.json") in told[0]
    assert len(missed.names()) == 3


def line(path: str, status: int = 404, method: str = "GET", before: str = "", after: str = "") -> str:
    return f'{before}127.0.0.1 - - [22/Nov/2026:20:27:59 +0100] "{method} {path} HTTP/1.1" {status} 196{after}\n'


def test_lines_of_every_usual_format_are_read(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(
        line("/simple/common/") + line("/simple/combined/", after=' "-" "pip/25.0 {\\"a\\": 1}"')
        + line("/simple/vhost/", before="pypi.example.com:80 ") + line("/simple/query/?a=1")
        + line("/simple/head/", method="HEAD") + line("/here/", 200)
        + line("/moved/", 301) + line("/post/", method="POST") + line("/%7a%6fpe.one/")
        + line("/simple/\\x22quoted/") + "garbage\n" + line("/bad/").replace("Nov", "XXX") + "\n")
    found = dict(missing_in_log(str(log)))
    assert list(found) == ["common", "combined", "vhost", "query", "head", "zope-one"]
    assert found["common"] == 1795375679.0
    packed = tmp_path / "access.log.1.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    assert dict(missing_in_log(str(packed))) == found
    assert dict(missing_in_log(str(log), "/mirror")) == {}
    log.write_text(line("/mirror/simple/one/") + line("/mirrors/simple/two/"))
    assert list(dict(missing_in_log(str(log), "/mirror"))) == ["one"]


def test_a_log_that_never_ends_is_refused_and_endless_lines_are_left_out(tmp_path: Path) -> None:
    for name in ("/dev/zero", "/dev/null", str(tmp_path)):
        with pytest.raises(ConfigurationError, match="not a regular file"):
            list(missing_in_log(name))
    log = tmp_path / "access.log"
    log.write_text("x" * (1 << 16) + line("/simple/in-a-long-line/") + line("/simple/one/") + "x" * (3 << 16))
    assert list(dict(missing_in_log(str(log)))) == ["one"]


def test_a_fifo_is_read_to_its_end(tmp_path: Path) -> None:
    """A shell gives one in place of ``<(zcat access.log.*.gz)``."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_text, args=(line("/simple/one/"),))
    writer.start()
    assert list(dict(missing_in_log(str(fifo)))) == ["one"]
    writer.join()


@pytest.mark.parametrize("name", ["nothing.log", "broken.gz"])
def test_a_log_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.gz").write_bytes(b"\x1f\x8b\x08\x00 cut off")
    with pytest.raises(ConfigurationError, match=name):
        list(missing_in_log(str(tmp_path / name)))


def test_status_tells_what_serve_was_asked_for_in_vain(mirrored: Mirrored, upstream: Upstream, capsys) -> None:
    upstream.add("one", sdist("one", "1"))
    assert mirrored.run("sync") == 0
    command = [sys.executable, "-m", "pypimirror", mirrored.write(), "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().split()[-1].rstrip("/")
        for path in ("/one/", "/two/", "/simple/two/", "/simple/Two", "/pypi/three/json", "/one/none.whl", "/favicon.ico"):
            ask(address, path)
        process.terminate()
        assert process.wait(servers.PATIENCE) == 0
    capsys.readouterr()
    assert mirrored.run("status", "--json") == 0
    told = json.loads(capsys.readouterr().out)["missed"]
    assert [(one["project"], one["requests"]) for one in told] == [("two", 3), ("three", 1)]
    assert mirrored.run("status") == 0
    assert "two: 3 requests" in capsys.readouterr().out
    # What has come since is no longer missed.
    upstream.add("two", sdist("two", "1"))
    assert mirrored.run("-U") == 0
    capsys.readouterr()
    assert mirrored.run("status", "--json") == 0
    assert [one["project"] for one in json.loads(capsys.readouterr().out)["missed"]] == ["three"]


_LOGGED = {
    "apache": 'LogFormat "%v:%p %h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\"" vhost_combined\n'
              "CustomLog {log} vhost_combined\n",
    "nginx": "access_log {log};\n",
}


@pytest.mark.parametrize("server", ["apache", "nginx"])
def test_status_reads_the_logs_of_real_web_servers(server: str, mirrored: Mirrored, upstream: Upstream, tmp_path: Path,
                                                   capsys) -> None:
    upstream.add("one", sdist("one", "1"))
    with tempfile.TemporaryDirectory(prefix="pypimirror-") as folder:
        Path(folder).chmod(0o755)
        mirrored.root = Path(folder, "mirror")
        mirrored.settings |= {"mirror_file_path": mirrored.root, "base_url": f"http://127.0.0.1:{servers.free_port()}/mirror"}
        assert mirrored.run("sync") == 0
        address = mirrored.settings["base_url"]
        log = tmp_path / "access.log"
        capsys.readouterr()
        assert mirrored.run("webserver", server) == 0
        text = capsys.readouterr().out
        logging = _LOGGED[server].replace("{log}", str(log))
        if server == "apache":
            text = logging + text
        else:
            text = text.replace("    autoindex off;\n", f"    autoindex off;\n    {logging}")
        with getattr(servers, f"{server}_with")(text, address, tmp_path / "log"):
            host = address.removesuffix("/mirror")
            for path in ("/mirror/one/", "/mirror/simple/Two.Three/", "/mirror/two-three/", "/mirror/one/none.whl", "/else/"):
                ask(host, path)
        assert mirrored.run("status", "--json", "--access-log", str(log)) == 0
        told = json.loads(capsys.readouterr().out)["missed"]
        assert [(one["project"], one["requests"]) for one in told] == [("two-three", 2)]
        assert mirrored.run("status", "--access-log", str(tmp_path / "none.log")) == 2
        assert str(tmp_path / "none.log") in capsys.readouterr().err
