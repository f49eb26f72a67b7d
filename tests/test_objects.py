"""Mirrors in an object store, by the command line: what only they have. What they share with others is in the tests marked
``bucket`` and ``storages``.

A sample of kills; ``PYPIMIRROR_KILLS=60`` in the environment asks for more.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from pypimirror import cli
from pypimirror.http.content_types import REVALIDATED
from support import clients
from support.mirror import Mirrored
from support.object_store import PREFIX, SECRET, MirroredInBucket, Store, ask
from support.servers import free_port, nginx_with
from support.upstream import Upstream, sdist, wheel

Captured = pytest.CaptureFixture[str]
DOCS = Path(__file__).parent.parent / "docs"
KILLS = int(os.environ.get("PYPIMIRROR_KILLS", "2")) // 2
LARGE = os.urandom(9 << 20).hex()


@pytest.fixture
def kept(store: Store, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MirroredInBucket:
    """A mirror in a bucket, not yet synced."""
    for name, value in store.environ.items():
        monkeypatch.setenv(name, value)
    return MirroredInBucket(tmp_path / "mirror", upstream.url, store)


def populate(upstream: Upstream, count: int = 8) -> None:
    for number in range(count):
        upstream.add(f"Some.Project{number}", wheel(f"Some.Project{number}", "1"), sdist(f"Some.Project{number}", "1"))


def leveled(tree: dict[str, bytes]) -> dict[str, bytes]:
    """Give a tree, our serials apart."""
    serial = re.compile(rb'(?<=<!--SERIAL )\d+|(?<="_last-serial":)\d+')
    return {path: serial.sub(b"0", body) if path.endswith(("html", "json")) else body for path, body in tree.items()}


def listings(asked: list[str]) -> list[str]:
    return [request for request in asked if re.search(r"[?&](list-type|uploads|prefix)", request)]


@pytest.mark.heavy
def test_no_run_but_the_first_lists_anything(kept: MirroredInBucket, upstream: Upstream, store: Store) -> None:
    if store.name != "moto":
        pytest.skip("only moto tells what it was asked for")

    def asked_by(*arguments: str) -> list[str]:
        """Give what a run asked of the store, without what the tests ask."""
        kept.push()
        store.asked()
        assert cli.main(None, [kept.write(), *arguments]) == 0
        found = store.asked()
        kept.pull()
        return found

    populate(upstream, 5)
    first = asked_by("sync")
    # Whether there is anything yet, and, since there is no state, what, pin files among it.
    assert len(listings(first)) == 3 and "max-keys=" in listings(first)[0]
    idle = asked_by("sync")
    assert listings(idle) == []
    upstream.add("Some.Project1", wheel("Some.Project1", "2"))
    upstream.remove("Some.Project2")
    changed = asked_by("sync")
    # The folder of what goes, since all of it goes.
    assert ["prefix=pypi/some-project2/" in listing for listing in listings(changed)] == [True]
    assert "Some.Project2/index.html" not in kept.paths()
    # What a run costs is a matter of what changed: ten times as many projects cost nothing more.
    for number in range(50):
        upstream.add(f"other{number}", wheel(f"other{number}", "1"))
    asked_by("sync")
    assert asked_by("sync") == idle
    upstream.add("Some.Project3", wheel("Some.Project3", "2"))
    upstream.remove("Some.Project4")
    assert len(asked_by("sync")) == pytest.approx(len(changed), abs=3)


@pytest.mark.parametrize("number", range(KILLS))
@pytest.mark.heavy
def test_a_killed_run_leaves_every_page_true_and_the_next_one_finishes(
        kept: MirroredInBucket, upstream: Upstream, number: int) -> None:
    chance = random.Random(number)
    populate(upstream)
    upstream.add("large", wheel("large", "1", body=LARGE))
    if number % 2:
        assert kept.run("sync") == 0
        upstream.remove("Some.Project2")
        upstream.remove("Some.Project3", sdist("Some.Project3", "1")[0])
        upstream.add("large", wheel("large", "2", body=LARGE), sdist("large", "2"))
    upstream.asked()
    process = subprocess.Popen([sys.executable, "-m", "pypimirror", kept.write(), "sync"], stderr=subprocess.DEVNULL)
    while not upstream.requests and process.poll() is None:
        time.sleep(0.001)
    time.sleep(chance.random() * 0.6)
    process.kill()
    assert process.wait() in (-signal.SIGKILL, 0)
    kept.pull()
    assert kept.untrue() == []
    assert kept.run("sync") == 0
    assert kept.untrue() == []
    assert kept.left() == [] and kept.unlike() == []
    assert kept.run("verify") == 0
    upstream.asked()
    assert kept.run("sync") == 0
    assert upstream.asked() == ["/simple/"]


@pytest.mark.heavy
def test_the_state_is_made_anew_from_the_bucket(kept: MirroredInBucket, upstream: Upstream) -> None:
    populate(upstream)
    upstream.add("large", wheel("large", "1", body=LARGE))
    assert kept.run("sync") == 0
    before = kept.tree()
    kept.settings["state_path"] = kept.root.parent / "elsewhere"
    upstream.asked()
    assert kept.run("sync") == 0
    assert not [path for path in upstream.asked() if path.startswith("/files/")]
    assert kept.tree() == before
    assert sorted(os.listdir(kept.root.parent / "elsewhere")) == ["lock", "pypimirror.log", "state.sqlite"]


@pytest.mark.heavy
def test_damage_is_found_and_repaired_and_what_is_right_is_not_downloaded(
        kept: MirroredInBucket, upstream: Upstream, store: Store, capsys: Captured) -> None:
    populate(upstream)
    upstream.add("large", wheel("large", "1", body=LARGE))
    assert kept.run("sync") == 0
    before = kept.tree()
    store.asked()
    assert cli.main(None, [kept.write(), "verify"]) == 0
    assert not [request for request in store.asked() if request.startswith("GET") and request.endswith((".whl", ".gz"))]
    damaged = kept.root / "some-project1" / sdist("Some.Project1", "1")[0]
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    (kept.root / "large" / wheel("large", "1", body=LARGE)[0]).unlink()
    (kept.root / "some-project2/index.html").write_text("defaced")
    capsys.readouterr()
    assert kept.run("verify") == 1
    assert sorted(line.partition(": ")[0] for line in capsys.readouterr().out.splitlines()) == [
        f"large/{wheel('large', '1', body=LARGE)[0]}", f"some-project1/{damaged.name}", "some-project2/index.html"]
    assert kept.run("verify", "--repair") == 0
    assert kept.untrue() == []
    assert kept.run("verify") == 0
    assert {path for path, body in kept.tree().items() if before.get(path) != body} <= {
        path for path in before if path.endswith(("html", "json"))}


@pytest.mark.heavy
def test_files_wait_in_the_trash_and_go_when_they_waited_long_enough(
        kept: MirroredInBucket, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    populate(upstream, 3)
    assert kept.run("sync") == 0
    upstream.remove("Some.Project1")
    assert kept.run("sync") == 0
    own = kept.root / ".pypimirror"
    assert len([*own.glob("trash/*/some-project1/*.whl")]) == 1
    upstream.add("Some.Project1", wheel("Some.Project1", "1"))
    upstream.asked()
    assert kept.run("sync") == 0
    assert not [path for path in upstream.asked() if path.endswith(".whl")]
    assert [path.name for path in own.glob("trash/*/some-project1/*.gz")] == [sdist("Some.Project1", "1")[0]]
    kept.settings["trash_days"] = "0"
    later = time.time() + 86400 * 2
    clock = SimpleNamespace(time=lambda: later)
    for module in ("sync.clock", "maintenance.trash"):
        monkeypatch.setattr(f"pypimirror.{module}.time", clock)
    assert kept.run("sync") == 0
    assert not [*own.glob("trash*")]
    assert kept.untrue() == [] and kept.unlike() == []


def permit(kept: MirroredInBucket, store: Store) -> None:
    """Set the bucket policy of the documentation: anybody may read the mirror."""
    policy = (DOCS / "bucket-policy.json").read_text().replace("pypi-example/pypi", f"{kept.bucket}/{PREFIX}")
    if store.name == "moto":
        store.client.put_bucket_policy(Bucket=kept.bucket, Policy=policy)


@pytest.fixture
def front(kept: MirroredInBucket, store: Store, tmp_path: Path) -> Iterator[str]:
    """The web front of the documentation: nginx before a bucket that anybody may read."""
    permit(kept, store)
    address = f"http://127.0.0.1:{free_port()}"
    text = (DOCS / "bucket-nginx.conf").read_text().replace("http://s3.example.com:9000", store.endpoint)
    text = text.replace("pypi-example/pypi", f"{kept.bucket}/{PREFIX}").replace("127.0.0.1:8080", address.removeprefix("http://"))
    (tmp_path / "nginx").mkdir()
    with nginx_with(text, address, tmp_path / "nginx" / "log"):
        yield address


@pytest.mark.parametrize("client", ["pip", "uv"])
def test_a_bucket_without_a_front_has_upload_times_with_json_under_the_keys_of_folders(
        client: str, kept: MirroredInBucket, upstream: Upstream, store: Store, tmp_path: Path) -> None:
    if not store.folder_keys:
        pytest.skip(f"{store.name} takes no key that ends in a slash")
    kept.settings["folder_key_format"] = "json"
    upstream.add("demo", wheel("demo", "1.0"), upload_time="2020-01-01T00:00:00Z")
    upstream.add("demo", wheel("demo", "2.0"), upload_time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    assert kept.run("sync") == 0
    index = f"{store.endpoint}/{kept.bucket}/{PREFIX}/"
    permit(kept, store)
    status, told, page = ask(f"{index}demo/")
    assert (status, told["Content-Type"]) == (200, "application/vnd.pypi.simple.v1+json")
    assert page == (kept.root / "demo/index.v1_json").read_bytes()
    cooldown = {"pip": ("--uploaded-prior-to", "P1D"), "uv": ("--exclude-newer", "1 day")}[client]
    assert getattr(clients, client)(index, ["demo"], tmp_path, *cooldown) == {"demo": "1.0"}


def test_pip_installs_from_the_bucket_through_a_static_web_front(
        kept: MirroredInBucket, upstream: Upstream, store: Store, front: str, tmp_path: Path) -> None:
    if not store.folder_keys:
        pytest.skip(f"{store.name} takes no key that ends in a slash")
    upstream.add("Zope.One", wheel("Zope.One", "1.0+local"), requires_python=">=3.8")
    upstream.add("two", wheel("two", "2", ("Zope.One>=1",)))
    upstream.add("two", wheel("two", "3"), yanked="no good")
    assert kept.run("sync") == 0
    status, told, page = ask(f"{front}/zope-one/")
    assert (status, told["Content-Type"], told["Cache-Control"]) == (200, "text/html; charset=utf-8", REVALIDATED)
    assert page == (kept.root / "zope-one/index.html").read_bytes()
    assert ask(f"{front}/")[2] == (kept.root / "index.html").read_bytes()
    for path in ("", "zope-one/", "zope-one/?x=1"):
        status, told, other = ask(f"{front}/{path}", "application/vnd.pypi.simple.v1+json, text/html;q=0.1")
        assert (status, told["Content-Type"], told["Vary"]) == (200, "application/vnd.pypi.simple.v1+json", "Accept")
        assert other == (kept.root / path.partition("?")[0] / "index.v1_json").read_bytes()
    assert ask(f"{front}/Zope.One/")[0] == 200
    for hidden in ("/.pypimirror/mirror", "//.pypimirror/mirror", "/%2epypimirror/mirror", "/.pypimirror%2fmirror",
                   "/two/..%2f.pypimirror/mirror", "/two/%2e%2e/.pypimirror/mirror", "/two/../.pypimirror/mirror?x=1"):
        assert ask(front + hidden)[0] == 403
    assert ask(f"{front}/zope-one/?list-type=2&prefix=.pypimirror")[2] == page
    assert ask(f"{front}/two/{wheel('two', '2')[0]}")[1]["Cache-Control"] == REVALIDATED
    target = tmp_path / "installed"
    subprocess.run([sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "-q", "--index-url", f"{front}/",
                    "--target", target, "two"], check=True, env={"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull})
    assert {"two", "zope_one"} <= {path.name for path in target.iterdir()}
    assert [path.name for path in target.glob("two-*")] == ["two-2.dist-info"]


def test_an_older_mirrors_files_are_taken_over_into_the_bucket(
        kept: MirroredInBucket, upstream: Upstream, tmp_path: Path) -> None:
    populate(upstream, 3)
    old = Mirrored(tmp_path / "old" / "mirror", upstream.url)
    old.root.parent.mkdir()
    assert old.run("sync") == 0
    upstream.asked()
    assert kept.run("adopt", str(old.root)) == 0
    assert kept.run("sync") == 0
    assert not [path for path in upstream.asked() if path.startswith("/files/") and not path.endswith(".metadata")]
    assert leveled(kept.tree()) == leveled(old.tree())


@pytest.mark.heavy
def test_credentials_are_never_shown(kept: MirroredInBucket, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    populate(upstream, 1)
    told = ""
    for change in ({}, {"AWS_ACCESS_KEY_ID": "notakeyoftheirs"}, {"AWS_ENDPOINT_URL": f"http://user:{SECRET}@127.0.0.1:9"}):
        done = kept.command("sync", "-v", "-c", env={**os.environ, **change})
        told += done.stdout + done.stderr
    for verb in (("config",), ("status",)):
        done = kept.command(*verb)
        told += done.stdout + done.stderr
    assert "s3://" in told
    assert SECRET not in told and "Traceback" not in told


def one_line(captured: Captured) -> str:
    (line,) = captured.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize("verb", ["sync", "plan", "status", "verify", "config"])
def test_a_state_without_a_place_is_told_in_one_line(kept: MirroredInBucket, capsys: Captured, verb: str) -> None:
    kept.settings["state_path"] = None
    assert cli.main(None, [kept.write(), verb]) == 2
    assert one_line(capsys).endswith(f"mirror_file_path = s3://{kept.bucket}/{PREFIX}: state, lock and log can't be stored "
                                     "there; set state_path to a directory on a local disk")


@pytest.mark.parametrize(("words", "line"), [
    (("serve",), "serve needs a directory"), (("webserver", "nginx"), "web servers need a directory"),
    (("webserver", "apache"), "web servers need a directory"), (("client", "pip"), "clients need a base_url"),
    (("client", "buildout"), "clients need a base_url")])
def test_what_needs_a_directory_says_so_in_one_line(
        kept: MirroredInBucket, capsys: Captured, words: tuple[str, ...], line: str) -> None:
    assert cli.main(None, [kept.write(), *words]) == 2
    told = one_line(capsys)
    assert line in told and f"s3://{kept.bucket}/{PREFIX}" in told


def test_an_index_in_an_object_store_is_none_that_can_be_mirrored(kept: MirroredInBucket, capsys: Captured) -> None:
    kept.settings["index_url"] = "s3://bucket/index"
    assert cli.main(None, [kept.write(), "sync"]) == 2
    assert "index_url = 's3': unknown scheme; available: file, " in one_line(capsys)


def test_a_missing_library_ends_with_2_and_touches_nothing(
        kept: MirroredInBucket, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert cli.main(None, [kept.write(), "sync"]) == 2
    assert "it comes with z3c.recipe.pypimirror[objectstore]" in one_line(capsys)
    assert not kept.root.exists() and kept.keys() == {}
