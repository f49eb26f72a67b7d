"""Secrets can't be printed, and nothing that is printed holds one."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from pypimirror import secret
from pypimirror.errors import ConfigurationError, FetchError
from pypimirror.http.configured_url import configured_url, hidden
from pypimirror.http.urls import strip_credentials
from pypimirror.secret import Secret, SecretURL, redact
from pypimirror.zcml.plugins import read
from support.credentials import guard
from support.mirror import Mirrored
from support.upstream import Upstream, wheel

#: Passwords with characters that are special in URLs, and whether a URL with one as it is has one meaning only.
UNESCAPED = {"pa#sSw0rd9": False, "pa/sSw0rd9": False, "pa?sSw0rd9": False, "pa[sSw0rd9": True, "pa]sSw0rd9": True,
             "pa@sSw0rd9": True, "pa%sSw0rd9": True, "pa:sSw0rd9": True, "pa\\sSw0rd9": True, "pa%zzSw0rd9": True,
             "pa sSw0rd9": False, "#sSw0rd9xx": False, "/sSw0rd9xx": False, "12/sSw0rd9": False, "pa\"sSw0rd9": True,
             "pa|sSw0rd9": True, "p\u00e4sSw0rd9": True, "pa^`{}sSw0rd9": True, "a@b/sSw0rd9": False}
LEFT = ("sSw0rd9", "psSw")


def test_a_secret_has_no_form_that_shows_it() -> None:
    one = Secret("s3cret-word")
    assert {str(one), repr(one), f"{one}", f"{one:>40}", repr([one]), repr({"a": one})} == {
        "***", "[***]", "{'a': ***}"}
    for other in (one, copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert other.reveal() == "s3cret-word" and other == one
    with pytest.raises(TypeError):
        json.dumps(one)


def test_a_url_with_a_password_is_one_without_as_a_text() -> None:
    url = configured_url("https://me:s3cret-word@h.example.com/simple/")
    assert isinstance(url, SecretURL)
    for shown in (str(url), f"{url}", repr(url)[1:-1], json.loads(json.dumps(url)), url + "", "".join([url])):
        assert shown == "https://h.example.com/simple/"
    assert pickle.loads(pickle.dumps(url)).reveal() == "https://me:s3cret-word@h.example.com/simple/"


@pytest.mark.parametrize("word", ["s3cret-word", "p/w#[]?@ %x", "a\"b'c<d>&e", "\u00e4\u20acxyz", "abc"])
def test_each_form_of_a_secret_is_removed(word: str) -> None:
    SecretURL("https://h/", f"me:{quote(word, safe='')}")
    forms = [word, quote(word), quote(word, safe=""), quote(word, safe="").lower(), repr(word), json.dumps(word), word.upper(),
             base64.b64encode(f"me:{word}".encode()).decode()]
    for form in forms:
        text = redact(f"before {form} after")
        assert form not in text and "before" in text and "after" in text


def test_a_password_with_escapes_that_are_not_utf_8_is_removed_as_it_is_written() -> None:
    configured_url("https://user:caf%E9-o-lait@host.example.com/")
    assert secret.printable("failed: caf%E9-o-lait, caf%e9-o-lait") == "failed: ***, ***"


def test_a_short_secret_is_none_inside_of_words() -> None:
    Secret("one")
    assert redact("phone one-1.whl one") == "phone ***-1.whl ***"
    Secret("a")
    assert redact("a mirror") == "a mirror"


@pytest.mark.parametrize("url", ["https://me:word@h/x", "https://me@h/", "HTTPS://a:b@c:d@h/x", "see <https://me:word@h/x>"])
def test_user_and_password_of_any_url_are_removed(url: str) -> None:
    assert "me" not in redact(url) and "word" not in redact(url) and "h/" in redact(url)


@pytest.mark.parametrize("url", ["https://h/x@y", "https://h/a:b@c", "me@example.com", "x @ https://h/"])
def test_other_at_signs_stay(url: str) -> None:
    assert redact(url) == url


@pytest.mark.parametrize("url", ["http://me:pa#ss@h/", "http://me:pa/ss@h/", "http://me:pa?ss@h/", "http://me:p[a@h/",
                                 "http://[me:pa@h"])
def test_a_bare_url_has_no_part_of_a_password(url: str) -> None:
    assert "pa" not in strip_credentials(url) and "ss" not in strip_credentials(url)


def test_an_error_shows_no_secret() -> None:
    Secret("s3cret-word")
    told = str(ConfigurationError("x s3cret-word")) + repr(FetchError("http://h/?s3cret-word", "got S3CRET-WORD"))
    assert "s3cret" not in told and "S3CRET" not in told


@pytest.mark.parametrize("text", ["http://cdn.example.com/gh/user/repo@main/versions.cfg", "https://h.example.com/@x",
                                  "http://h:8080/x", "https://[::1]:80/", "s3://bucket/prefix", "file:///srv/x@y", "file://localhost/x"])
def test_urls_without_credentials_stay_as_they_are(text: str) -> None:
    assert configured_url(text) == text and not isinstance(configured_url(text), SecretURL)


@pytest.mark.parametrize("text", ["http://me:pa#ss@h/", "http://me:pa/ss@h/", "http://me:12/ss@h/", "http://tok/en@h/",
                                  "http://tok?en@h", "http://me:a@b/ss@h/", "http://me:xyzzy",
                                  "http://h:99999/", "http://[x@h]/", "http://@/",
                                  "http:///x", "http://me:xyzzy@[1]/", "http://[::g]:8080/", "http://me:xyzzy@[fe80::1%\x1b]/"])
def test_where_the_host_begins_must_be_clear(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        configured_url(text)
    assert not any(part in str(caught.value) for part in ("pa#", "xyzzy", "ss@", "tok", "12/"))


@pytest.mark.parametrize("text", ["http://me:pa ss@h/", "me:pass@h:80", "x http://a:ss@b@c y", "http://me:ss",
                                  "me:ss@h\nme:ss@h"])
def test_a_text_that_should_have_been_a_url_is_hidden(text: str) -> None:
    assert "ss" not in hidden(text)


@pytest.mark.parametrize("verb", ["sync", "webserver nginx", "config", "plan --json", "status --json"])
@pytest.mark.parametrize("key", ["index_url", "proxy", "base_url", "versions", "requirements", "scheduler", "local_packages"])
def test_a_password_that_is_not_escaped_is_shown_nowhere(
        mirrored: Mirrored, upstream: Upstream, capfd: pytest.CaptureFixture[str], key: str, verb: str) -> None:
    upstream.add("one", wheel("one", "1"))
    host = "127.0.0.1:9" if key != "index_url" else upstream.host.removeprefix("http://")
    # Keys but the first two are read alike: where that takes long, one password shows it.
    alike = verb in ("sync", "plan --json") and key not in ("index_url", "proxy")
    for password in ("pa#sSw0rd9",) if alike else UNESCAPED:
        secret._known.clear()
        secret._pattern = None
        mirrored.settings |= {key: f"http://me:{password}@{host}/simple/", "report_filename": "report.json"}
        status = mirrored.run(*verb.split())
        told = capfd.readouterr()
        written = "".join(path.read_bytes().decode("latin-1") for path in mirrored.config.parent.rglob("*")
                          if path.is_file() and path != mirrored.config)
        assert not any(part in told.out + told.err + written for part in LEFT), password
        assert "Traceback" not in told.err, password
        if key in ("index_url", "proxy"):
            clear = UNESCAPED[password] or (" " in password and key == "proxy")  # of one URL, which needs no blanks around it
            assert (status == 2) is not clear, password
        assert told.err.count("\n") <= 2, password


@pytest.mark.parametrize("password", [word for word, clear in UNESCAPED.items() if clear])
@pytest.mark.usefixtures("each_fetcher")
def test_a_password_that_is_clear_without_escapes_works(mirrored: Mirrored, upstream: Upstream, password: str) -> None:
    guard(upstream, "me", password)
    upstream.add("one", wheel("one", "1"))
    mirrored.settings["index_url"] = upstream.url.replace("//", f"//me:{password}@")
    assert mirrored.run("sync") == 0
    assert mirrored.files("one")


@pytest.mark.parametrize("line", ["http://me:sSw0rd9@h/x", "proxi = http://me:sSw0rd9@h", "[x\nproxy = sSw0rd9@h",
                                  "= http://me:sSw0rd9@h"])
def test_a_line_that_is_none_is_not_quoted(tmp_path: Path, line: str) -> None:
    (tmp_path / "x.cfg").write_text(f"[pypimirror]\nmirror_file_path = m\n{line}\n")
    with pytest.raises(ConfigurationError) as caught:
        read(str(tmp_path / "x.cfg"))
    assert "sSw0rd9" not in str(caught.value) and "x.cfg" in str(caught.value)


def test_the_endpoint_of_an_object_store_shows_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                            capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("boto3")
    mirror = Mirrored(tmp_path / "mirror", "http://127.0.0.1:9/")
    mirror.settings |= {"mirror_file_path": "s3://bucket/prefix", "state_path": tmp_path / "state"}
    for name, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "sSw0rd9-key"}.items():
        monkeypatch.setenv(name, value)
    for password in UNESCAPED:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://me:{password}@127.0.0.1:9")
        assert mirror.run("sync") in (1, 2)
        told = capsys.readouterr().err
        assert not any(part in told for part in LEFT) and "Traceback" not in told and told.count("\n") == 1


def test_a_plugins_exception_shows_no_secret_in_a_traceback_of_the_log(mirrored: Mirrored, upstream: Upstream,
                                                                        tmp_path: Path) -> None:
    import logging

    from pypimirror.report import logfile

    Secret("s3cret-word")
    with logfile.log_to_file(str(tmp_path / "x.log"), False, False):
        try:
            raise RuntimeError("it was s3cret-word\x1b]0;x\x07")
        except RuntimeError:
            logging.getLogger("pypimirror").exception("failed with s3cret-word\nand a line")
    text = (tmp_path / "x.log").read_text()
    assert "Traceback" in text and "RuntimeError: it was ***" in text and "\\nand a line" in text
    assert "s3cret" not in text and "\x1b" not in text and "\x07" not in text


def test_tracebacks_that_reach_standard_error_pass_the_filter() -> None:
    code = ("from pypimirror.report.safe_stream import safe_output\nfrom pypimirror.secret import Secret\nimport traceback\n"
            "Secret('s3cret' + '-word')\nwith safe_output():\n try:\n  raise ValueError('x s3cret' + '-word')\n"
            " except ValueError:\n  traceback.print_exc()\n")
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "ValueError: x ***" in process.stderr


def test_secrets_travel_with_settings_and_are_removed_there_too(mirrored: Mirrored) -> None:
    mirrored.settings["index_url"] = "http://me:s3cret-word@h.example.com/"
    travelled = pickle.dumps(read(mirrored.write()))
    secret._known.clear()
    secret._pattern = None
    assert redact("s3cret-word") == "s3cret-word"
    settings = pickle.loads(travelled)
    assert settings["index_url"][0].reveal() == "http://me:s3cret-word@h.example.com/"
    assert redact("s3cret-word") == "***"


def test_the_report_is_for_its_user_alone(mirrored: Mirrored, upstream: Upstream) -> None:
    mirrored.settings["report_filename"] = "report.json"
    assert mirrored.run("sync") == 0
    assert stat.S_IMODE((mirrored.config.parent / "report.json").stat().st_mode) == 0o600
