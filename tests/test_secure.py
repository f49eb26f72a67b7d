"""TLS, client certificates, proxies and credentials, against real servers on loopback."""

from __future__ import annotations

import http.client
import http.server
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from pypimirror import secret
from support.certificates import SecureUpstream, authority
from support.credentials import basic, guard, in_netrc
from support.mirror import Mirrored
from support.servers import answered_by
from support.upstream import Upstream, wheel

SECRET = "s3cret-w0rd"
pytestmark = pytest.mark.usefixtures("each_fetcher")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return authority(tmp_path_factory.mktemp("certificates"))


@contextmanager
def secure(folder: Path, tmp_path: Path, **options: Any) -> Iterator[tuple[Mirrored, SecureUpstream]]:
    """A mirror, not yet synced, of an upstream behind TLS."""
    with SecureUpstream(folder, **options) as upstream:
        upstream.add("one", wheel("one", "1"))
        yield Mirrored(tmp_path / "mirror", upstream.url), upstream


def test_tls_is_verified_by_the_bundle_that_the_configuration_names(
        folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with secure(folder, tmp_path) as (mirrored, _):
        assert mirrored.run("sync") == 1
        assert "certificate verify failed" in capsys.readouterr().err
        mirrored.settings["ca_bundle"] = folder / "ca.pem"
        assert mirrored.run("sync") == 0
        assert mirrored.files("one")


def test_nothing_in_the_environment_turns_verification_off(
        folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PYTHONHTTPSVERIFY", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "" if name != "PYTHONHTTPSVERIFY" else "0")
    with secure(folder, tmp_path) as (mirrored, _):
        assert mirrored.run("sync") == 1


def test_the_configurations_bundle_wins_over_the_environments(
        folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder / "client.pem"))
    with secure(folder, tmp_path) as (mirrored, _):
        mirrored.settings["ca_bundle"] = folder / "ca.pem"
        assert mirrored.run("sync") == 0


def test_a_certificate_for_another_host_is_refused(
        folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with secure(folder, tmp_path, name="other-server") as (mirrored, _):
        mirrored.settings["ca_bundle"] = folder / "ca.pem"
        assert mirrored.run("sync") == 1
        assert "127.0.0.1" in capsys.readouterr().err


def test_a_certificate_with_a_common_name_alone_is_refused_each_time(
        folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with secure(folder, tmp_path, name="localhost") as (mirrored, upstream):
        mirrored.settings |= {"ca_bundle": folder / "ca.pem", "retries": 2,
                              "index_url": upstream.url.replace("127.0.0.1", "localhost")}
        for _ in range(2):
            assert mirrored.run("sync") == 1
            assert "certificate verify failed" in capsys.readouterr().err
        assert not list(mirrored.root.glob("one/*"))


def test_config_and_log_say_what_transfers_run_on_without_the_passwords(
        mirrored: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path, folder: Path) -> None:
    upstream.add("one", wheel("one", "1"))
    mirrored.settings |= {"ca_bundle": folder / "ca.pem"}
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("https_proxy", f"http://me:{SECRET}@127.0.0.1:9")
    assert mirrored.run("config") == 0
    told = capsys.readouterr().out
    name = mirrored.settings["fetcher"]
    assert f"\nfetcher {name}: {name}" in told and "SSL" in told
    assert f"CA bundle: {folder / 'ca.pem'} (from ca_bundle)" in told
    assert "127.0.0.1:9 (from https_proxy)" in told and SECRET not in told
    mirrored.settings |= {"proxy": f"http://me:{SECRET}@127.0.0.1:9"}
    assert mirrored.run("sync", "-c") == 0
    told = capsys.readouterr().err
    assert f"fetcher {name}: " in told and "CA bundle: " in told and SECRET not in told
    assert "proxy: http://127.0.0.1:9 (from proxy)" in told


@pytest.mark.parametrize("certificate", ["both.pem", "client.pem client.key"])
def test_a_client_certificate_is_shown_where_it_is_asked_for(folder: Path, tmp_path: Path, certificate: str) -> None:
    with secure(folder, tmp_path, asks=True) as (mirrored, _):
        mirrored.settings["ca_bundle"] = folder / "ca.pem"
        assert mirrored.run("sync") == 1
        mirrored.settings["client_cert"] = " ".join(str(folder / name) for name in certificate.split())
        assert mirrored.run("sync") == 0
        assert mirrored.untrue() == []


@pytest.mark.parametrize(("key", "value", "told"), [
    ("ca_bundle", "nowhere.pem", "No such file or directory"), ("ca_bundle", "ca.key", "no certificates in PEM"),
    ("client_cert", "nowhere.pem", "No such file or directory"), ("client_cert", "client.pem", "no matching key"),
    ("client_cert", "client.pem locked.key", "without a password"), ("client_cert", "client.pem server.key", "no matching key"),
    ("client_cert", "a b c", "a file, or two"), ("proxy", "localhost:8080", "a URL that starts with")])
def test_certificates_that_are_none_are_told_before_anything_is_touched(
        folder: Path, tmp_path: Path, key: str, value: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with secure(folder, tmp_path) as (mirrored, upstream):
        mirrored.settings[key] = value if key == "proxy" else " ".join(str(folder / name) for name in value.split())
        assert mirrored.run("sync") == 2
        line = capsys.readouterr().err
        assert key in line and told in line and line.count("\n") == 1
        assert upstream.asked() == []
        assert not mirrored.root.exists()


def test_a_redirect_from_tls_to_none_is_not_followed(
        folder: Path, tmp_path: Path, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    with secure(folder, tmp_path) as (mirrored, secured):
        mirrored.settings["ca_bundle"] = folder / "ca.pem"
        upstream.add("one", wheel("one", "1"))
        secured.answers["/simple/one/"] = (302, {"Location": f"{upstream.url}one/"}, b"")
        assert mirrored.run("sync") == 1
        assert "redirect from HTTPS" in capsys.readouterr().err
        assert upstream.asked() == []


# --- proxies

@contextmanager
def proxy(word: str = "") -> Iterator[tuple[str, list[str]]]:
    """A real proxy for http; with ``word``, one that asks for a user called ``me``. Gives its URL and what it was asked for."""
    asked: list[str] = []
    expected = f"Basic {basic('me', word)}"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if word and self.headers.get("Proxy-Authorization") != expected:
                self.send_error(407)
                return
            parts = urlsplit(self.path)
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
            connection.request("GET", parts.path, headers={"Accept": self.headers.get("Accept", "*/*")})
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            self.send_response(answer.status)
            for name in ("Content-Type", "ETag"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    with answered_by(Handler) as address:
        yield address.replace("//", f"//me:{word}@") if word else address, asked


def test_a_proxy_is_asked_and_no_proxy_is_heeded(
        mirrored: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    upstream.add("one", wheel("one", "1"))
    with proxy() as (url, asked):
        mirrored.settings["proxy"] = url
        assert mirrored.run("sync") == 0
        assert f"{upstream.url}one/" in asked
        assert len(asked) == len(upstream.asked())
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        del asked[:]
        assert mirrored.run("-I") == 0
        assert asked == []


# --- credentials

def everything_said(mirrored: Mirrored, process: subprocess.CompletedProcess[str]) -> str:
    """Give all that is written anywhere: output, log, report, figures, pages, the state, the trash."""
    texts = [process.stdout, process.stderr]
    for folder in (mirrored.root, *mirrored.config.parent.glob("*.json"), *mirrored.config.parent.glob("*.prom")):
        texts += [path.read_bytes().decode("latin-1") for path in (folder, *folder.rglob("*")) if path.is_file()]
    assert any("SQLite format" in text for text in texts)
    return "\n".join(texts)


def ran(mirrored: Mirrored, capfd: pytest.CaptureFixture[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in this process, which knows no secret of an earlier run then, as one of its own would not."""
    secret._known.clear()
    secret._pattern = None
    capfd.readouterr()
    status = mirrored.run(*arguments)
    return subprocess.CompletedProcess(arguments, status, *capfd.readouterr())


def forms(password: str, user: str = "me") -> list[str]:
    """Give a password as it is and in the forms in which it travels."""
    return [password, quote(password, safe=""), basic(user, password)]


@pytest.fixture
def telling(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    """A mirror with report and figures, of an upstream that asks for a password."""
    guard(upstream, "me", SECRET)
    upstream.add("one", wheel("one", "1"))
    upstream.add("two", wheel("two", "1"))
    mirrored.settings |= {"report_filename": "report.json", "metrics_filename": "figures.prom", "verbose": "True"}
    return mirrored


@pytest.mark.parametrize("where", ["index_url", "netrc"])
def test_credentials_are_used_and_never_shown(
        telling: Mirrored, upstream: Upstream, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str]) -> None:
    if where == "netrc":
        in_netrc(tmp_path, monkeypatch, "me", SECRET)
    else:
        telling.settings["index_url"] = upstream.url.replace("//", f"//me:{SECRET}@")
    assert telling.command("sync").returncode == 0
    upstream.answers["/simple/two/"] = (500, {}, b"")
    upstream.answers["/files/one/one-2-py3-none-any.whl"] = (500, {}, b"")
    upstream.add("one", wheel("one", "2"))
    upstream.touch("two")
    process = telling.command("sync", "-c")
    assert process.returncode == 1
    said = everything_said(telling, process) + "".join(
        ran(telling, capfd, *verb.split()).stdout for verb in ("config", "status --json"))
    assert f"{upstream.host}/simple/two/: status 500" in said
    assert SECRET not in said
    upstream.answers["/simple/"] = (500, {}, b"")
    assert SECRET not in everything_said(telling, ran(telling, capfd, "sync"))


@pytest.mark.parametrize("where", ["index_url", "netrc"])
def test_no_verb_says_or_writes_credentials(
        mirrored: Mirrored, upstream: Upstream, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str]) -> None:
    password = "s3/cret:w@rd"
    guard(upstream, "me", password)
    upstream.add("one", wheel("one", "1"))
    upstream.add("two", wheel("two", "1"))
    upstream.answers["/versions.cfg"] = (200, {}, b"[versions]\ntwo = 1\n")
    address = upstream.host.replace("//", f"//me:{quote(password, safe='')}@")
    if where == "netrc":
        in_netrc(tmp_path, monkeypatch, "me", password)
        address = upstream.host
    mirrored.settings |= {"index_url": f"{address}/simple/", "versions": f"{address}/versions.cfg",
                          "report_filename": "report.json", "metrics_filename": "figures.prom"}
    assert mirrored.command("sync", "-v").returncode == 0
    upstream.answers["/simple/one/"] = (500, {}, b"")
    upstream.answers["/versions.cfg"] = (404, {}, b"")
    said = ""
    for verb in ("-I -v -c", "plan -v", "plan --json", "status", "status --json", "verify -v", "config", "trash list",
                 "webserver nginx", "webserver apache", "client pip", "client uv", "client buildout"):
        process = ran(mirrored, capfd, *verb.split())
        assert "Traceback" not in process.stderr
        said += everything_said(mirrored, process)
    assert "/simple/one/: status 500" in said and "/versions.cfg: status 404" in said
    for form in forms(password):
        assert form not in said


def test_wrong_credentials_are_told_without_them(telling: Mirrored, upstream: Upstream) -> None:
    telling.settings["index_url"] = upstream.url.replace("//", "//me:wr0ng-word@")
    process = telling.command("sync")
    assert process.returncode == 1
    assert process.stderr == f"pypimirror: {upstream.url}: status 401\n"
    assert "wr0ng-word" not in everything_said(telling, process)


@pytest.mark.heavy
def test_credentials_of_a_proxy_are_never_shown(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"))
    environ = {"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"}
    with proxy(SECRET) as (url, asked):
        mirrored.settings["proxy"] = url
        process = mirrored.command("sync", env=environ)
        assert process.returncode == 0
        assert asked
        mirrored.settings["proxy"] = url.replace(SECRET, "wr0ng-word")
        wrong = mirrored.command("-I", env=environ)
    assert wrong.returncode == 1
    gone = mirrored.command("-I", env=environ)
    assert gone.returncode == 1
    for each in (process, wrong, gone):
        assert SECRET not in everything_said(mirrored, each)
        assert "wr0ng-word" not in everything_said(mirrored, each)
    assert "wr0ng-word" not in mirrored.command("config").stdout


def test_credentials_do_not_follow_to_another_host(telling: Mirrored, upstream: Upstream) -> None:
    """Another port is another host."""
    sent: list[Any] = []
    with Upstream() as elsewhere:
        elsewhere.answers["/x.whl"] = lambda handler: (sent.append(handler.headers.get("Authorization")),
                                                       handler.reply(200, {}, wheel("one", "1")[1]))
        upstream.answers[f"/files/one/{wheel('one', '1')[0]}"] = (302, {"Location": f"{elsewhere.host}/x.whl"}, b"")
        upstream.projects["two"][wheel("two", "1")[0]].facts["url"] = f"{elsewhere.host}/x.whl"
        telling.settings["index_url"] = upstream.url.replace("//", f"//me:{SECRET}@")
        telling.command("sync")
    assert sent and set(sent) == {None}


def test_the_process_list_shows_no_credentials(telling: Mirrored, upstream: Upstream) -> None:
    telling.settings["index_url"] = upstream.url.replace("//", f"//me:{SECRET}@")
    over = threading.Event()
    upstream.answers["/simple/"] = lambda handler: over.wait(30)
    with subprocess.Popen([sys.executable, "-m", "pypimirror", telling.write(), "sync"], stderr=subprocess.DEVNULL) as process:
        try:
            while not upstream.requests and process.poll() is None:
                time.sleep(0.01)
            shown = Path(f"/proc/{process.pid}/cmdline").read_bytes()
            environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        finally:
            over.set()
            process.kill()
    assert b"pypimirror" in shown
    assert SECRET.encode() not in shown + environment


def test_pages_with_external_files_show_no_credentials(telling: Mirrored, upstream: Upstream) -> None:
    telling.settings |= {"index_url": upstream.url.replace("//", f"//me:{SECRET}@"), "external_links": "True"}
    upstream.json = False
    process = telling.command("sync")
    assert process.returncode == 0
    assert SECRET not in everything_said(telling, process)
    assert json.loads((telling.root / "one/index.v1_json").read_text())["files"]
