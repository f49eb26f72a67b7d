"""Any order of events: whatever upstream, the configuration and those who kill runs do, what is promised holds after each run.

A small sample of sequences, the same ones each time; ``PYPIMIRROR_SEQUENCES=1000`` in the environment asks for that many, drawn
anew, each twice as long. ``docs/reliability.rst`` has the figures.
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import io
import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from pypimirror.metadata.filenames import parse
from pypimirror.sync import run as run_module
from support import interruptions, old_mirrors, osv
from support.mirror import Mirrored
from support.stale_upstream import FAULTS, FILE_FAULTS, Shifting
from support.upstream import normal, sdist, wheel

SEQUENCES = int(os.environ.get("PYPIMIRROR_SEQUENCES") or 0)
NAMES = ("app", "lib", "Other.One")
VERSIONS = ("1.0", "2.0", "3.0a1")
#: What releases require; pins and ``dependencies`` follow it.
REQUIRES = {("app", "1.0"): ("lib",), ("app", "2.0"): ("lib>=2.0", "other-one"), ("lib", "2.0"): ("other.one",)}
REQUIRED = frozenset({"lib", "other-one"})
#: An upload that min_age holds back for as long as these tests will be run.
NEW, OLD = "2090-01-01T00:00:00Z", "2020-01-01T00:00:00Z"
DISPLAYS = {"app": ("app", "App"), "lib": ("lib", "LIB"), "other-one": ("Other.One", "other_one")}
#: Keys and the values that they move between; None is the default.
CHOICES = {
    "package_matches": ("*", "*p* lib", "app lib", "other.one", None),
    "package_excludes": (None, None, "lib"),
    "filename_excludes": (None, "*-2.0*"),
    "latest_releases": (None, "1"),
    "prereleases": (None, "False"),
    "yanked": (None, "hide"),
    "package_types": (None, "wheel"),
    "min_age": (None, "7d"),
    "dependencies": (None, "True"),
    "index_formats": (None, "html json"),
}
_SERIALS = re.compile(rb'"_last-serial":\d+,?|<!--SERIAL \d+-->')
#: Upload times that upstream does not give: those of adopted files are not those of their download.
_OWN_TIMES = re.compile(rb',"upload-time":"[^"]*","_upload-time-source":"[a-z-]+"')
_name, _version = st.sampled_from(NAMES), st.sampled_from(VERSIONS)
#: How many steps of each kind were taken.
TALLY: Counter[str] = Counter()


@cache
def distribution(name: str, version: str, is_wheel: bool, edition: int) -> tuple[str, bytes]:
    """Make one file of a release; other editions have the same name and other content."""
    if is_wheel:
        return wheel(name, version, REQUIRES.get((name, version), ()), body=f"edition = {edition}\n")
    filename, body = sdist(name, version)
    return filename, body + bytes(edition)  # zeros behind a gzip member are padding


class AnyOrder(RuleBasedStateMachine):
    """One mirror and its upstream."""

    upstream: Shifting

    def __init__(self) -> None:
        super().__init__()
        # Neither speed nor durability of a disk is tried here.
        self._place = tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.folder = Path(self._place.name)
        self.mirrored = Mirrored(self.folder / "mirror", self.upstream.url)
        self.pins: dict[str, str] = {}
        self.mirrored.settings |= {"retain_days": 0, "build_requirements": "False", "min_free": 0, "workers": 1}
        #: Files that stay though upstream does not list them, and the hashes of those that were adopted.
        self.kept: set[tuple[str, str]] = set()
        self.adopted: dict[tuple[str, str], str] = {}
        #: The kind of advisory about releases.
        self.advised: dict[tuple[str, str], str] = {}
        #: What snapshots held when they were made, by name.
        self.snapshots: dict[str, dict[str, bytes]] = {}
        #: A mirror that is filled by bundles alone.
        self.far = Mirrored(self.folder / "far", "")
        self.far.config = self.folder / "far.cfg"
        #: What decides on all pages; whether the last run about everything succeeded, and none was disturbed since.
        self.formats: tuple[Any, ...] = ()
        self.is_finished = False
        #: Decisions in force.
        self.decided: dict[tuple[str, str], str] = {}
        self.last = 0
        self.serial = 0

    def teardown(self) -> None:
        try:
            if self.serial:
                self.settle()
        finally:
            self._place.cleanup()

    # --- what upstream does

    @initialize(form=st.sampled_from(("json", "json", "json", "plain", "html")), matches=st.sampled_from(("*", "app lib")))
    def begin(self, form: str, matches: str) -> None:
        self.upstream.reset(form)
        self.mirrored.settings["package_matches"] = matches
        for name in NAMES:
            self.upstream.put(name, distribution(name, "1.0", True, 0), upload_time=OLD)

    @rule(name=_name, version=_version, is_wheel=st.booleans(), edition=st.integers(0, 1), uploaded=st.sampled_from((OLD, NEW)))
    def add(self, name: str, version: str, is_wheel: bool, edition: int, uploaded: str) -> None:
        self.count("add or replace")
        self.upstream.put(name, distribution(name, version, is_wheel, edition), upload_time=uploaded)

    @rule(name=_name, number=st.integers(0, 5), how=st.sampled_from(("remove", "yank", "unyank")))
    def one_file(self, name: str, number: int, how: str) -> None:
        files = self.upstream.projects.get(normal(name))
        if files:
            self.count(how)
            filename = sorted(files)[number % len(files)]
            if how == "remove":
                self.upstream.take(normal(name), filename)
            else:
                self.upstream.yank(normal(name), filename, "broken" if how == "yank" else False)

    @rule(name=_name, how=st.sampled_from(("drop", "quarantine", "lift", "rename")), number=st.integers(0, 1))
    def one_project(self, name: str, how: str, number: int) -> None:
        name = normal(name)
        if name in self.upstream.projects:
            self.count(how)
            if how == "drop":
                self.upstream.take(name)
            elif how == "rename":
                self.upstream.rename(name, DISPLAYS[name][number])
            else:
                self.upstream.quarantine(name, how == "quarantine")

    # --- how it answers

    @rule(name=_name, back=st.integers(1, 4))
    def old_page(self, name: str, back: int) -> None:
        past = self.upstream.past.get(normal(name))
        if past:
            self.count("page from before")
            self.upstream.old_pages[normal(name)] = past[-min(back, len(past))]

    @rule(name=_name)
    def fresh_page(self, name: str) -> None:
        self.upstream.old_pages.pop(normal(name), None)

    @rule(back=st.integers(0, 4))
    def old_list(self, back: int) -> None:
        past = self.upstream.past_lists
        self.count("list from before")
        self.upstream.old_list = past[-min(back, len(past))] if back and past else None

    @rule(path=st.sampled_from(("", "app/", "lib/", "other-one/")), fault=st.sampled_from(FAULTS))
    def once(self, path: str, fault: str) -> None:
        if fault == "untimed" and not (self.mirrored.root / path / "index.v1_json").exists():
            return  # of the first page there is no earlier one to compare it with
        self.count(f"once {fault}")
        self.upstream.once[f"/simple/{path}"] = fault

    @rule(name=_name, number=st.integers(0, 5), fault=st.sampled_from(FILE_FAULTS), metadata=st.booleans())
    def file_once(self, name: str, number: int, fault: str, metadata: bool) -> None:
        files = self.upstream.projects.get(normal(name))
        if files:
            self.count(f"file once {fault}")
            filename = sorted(files)[number % len(files)]
            self.upstream.once[f"/files/{normal(name)}/{filename}{'.metadata' * metadata}"] = fault

    @rule(what=st.sampled_from(("same", "no list serials", "no page serials")), on=st.booleans())
    def serials(self, what: str, on: bool) -> None:
        self.count("serials")
        (self.upstream.wrong.add if on else self.upstream.wrong.discard)(what)

    @rule()
    def sane(self) -> None:
        self.upstream.be_sane()

    # --- what the configuration says

    @rule(choice=st.sampled_from([(key, value) for key, values in CHOICES.items() for value in values]))
    def configure(self, choice: tuple[str, Any]) -> None:
        key, value = choice
        if key == "package_matches" and value is None and not self.pins:
            return
        self.count("configure")
        self.mirrored.settings[key] = value

    @rule(pins=st.dictionaries(_name, _version, max_size=2))
    def pin(self, pins: dict[str, str]) -> None:
        if not pins and self.mirrored.settings["package_matches"] is None:
            self.mirrored.settings["package_matches"] = "*"
        self.count("pin")
        self.pins = {normal(name): version for name, version in pins.items()}
        path = self.folder / "versions.cfg"
        path.write_text("[versions]\n" + "".join(f"{name} = {version}\n" for name, version in pins.items()))
        self.mirrored.settings["versions"] = path if pins else None

    # --- what advisories tell

    @rule(told=st.dictionaries(st.tuples(_name, _version), st.sampled_from(("MAL", "PYSEC", "low")), max_size=3))
    def advise(self, told: dict[tuple[str, str], str]) -> None:
        """Other advisories than before: malicious releases, vulnerable ones with and without a severity that counts."""
        self.count("advise")
        self.advised = {(normal(name), version): kind for (name, version), kind in told.items()}
        documents = [osv.document(f"{'MAL' if kind == 'MAL' else 'PYSEC'}-{name}-{version}", name, versions=[version],
                                  severity=osv.LOW if kind == "low" else osv.CRITICAL)
                     for (name, version), kind in self.advised.items()]
        self.mirrored.settings["advisories"] = osv.write_directory(self.folder / "osv", *documents)

    @rule(how=st.sampled_from(("report", "mark", "hide")))
    def treat_vulnerable(self, how: str) -> None:
        self.count("vulnerable")
        self.mirrored.settings["vulnerable"] = how

    # --- what the site decides

    @rule(made=st.dictionaries(st.tuples(_name, _version), st.tuples(st.sampled_from(("allow", "deny")), st.booleans()),
                               max_size=3))
    def decide(self, made: dict[tuple[str, str], tuple[str, bool]]) -> None:
        """Other decisions than before, in force or expired."""
        self.count("decide")
        self.decided = {(normal(name), version): verb for (name, version), (verb, in_force) in made.items() if in_force}
        path = self.folder / "decisions.toml"
        path.write_text("".join(
            f'[[{verb}]]\nrelease = "{name}=={version}"\nwhy = "test"\nuntil = {2090 if in_force else 2020}-01-01\n'
            for (name, version), (verb, in_force) in made.items()))
        self.mirrored.settings["decisions"] = path

    # --- what is run

    @rule(arguments=st.sampled_from((("-U",), ("-U",), ("-U",), ("-U", "--allow-deletions"), ("-I",), ("-i",))))
    def sync(self, arguments: tuple[str, ...]) -> None:
        fault = self.upstream.once.get("/simple/", "")
        status = self.mirrored.run(*arguments, "-q")
        # A run that can't have the list applies no configuration.
        is_cut_off = status == 1 and fault.isdecimal() and "/simple/" not in self.upstream.once
        self.ran(" ".join(arguments), status, whole="-i" not in arguments and not is_cut_off)

    @rule(name=_name)
    def sync_one(self, name: str) -> None:
        if self.is_wanted(normal(name), followed=False):
            self.ran("sync NAME", self.mirrored.run("sync", name, "-q"), whole=False)

    @rule(way=st.sampled_from(sorted(interruptions.WAYS)), number=st.integers(1, 80), after=st.booleans(),
          arguments=st.sampled_from((("-U",), ("-U", "--allow-deletions"), ("-I",))))
    def disturbed_sync(self, way: str, number: int, after: bool, arguments: tuple[str, ...]) -> None:
        status = interruptions.WAYS[way](partial(self.mirrored.run, *arguments, "-q"), number, after)
        assert status in (0, 1, 4, 130, interruptions.KILLED), status
        self.ran(f"{way}: {'hit' if status in (130, interruptions.KILLED) else 'went on or ended'}", status, whole=False)

    @rule()
    def plan(self) -> None:
        """Show that a plan changes nothing."""
        self.count("run: plan")
        before = self.mirrored.tree()
        with contextlib.redirect_stdout(io.StringIO()):
            assert self.mirrored.run("plan", "--json", "-q") in (0, 1, 4)
        assert self.mirrored.tree() == before

    @rule(name=_name)
    def restore(self, name: str) -> None:
        waiting = {path.name for path in (self.folder / "mirror/.pypimirror/trash").glob(f"*/{normal(name)}/*")
                   if path.suffix in (".whl", ".gz")}
        if waiting:
            self.kept |= {(normal(name), filename) for filename in waiting}
            self.ran("restore", self.mirrored.run("trash", "restore", name, "-q"), whole=False)

    @rule(name=_name, version=st.sampled_from(("0.1", "1.0", "2.0")))
    def adopt(self, name: str, version: str) -> None:
        filename, body = distribution(name, version, False, 0)
        tree = self.folder / "old"
        shutil.rmtree(tree, ignore_errors=True)
        old_mirrors.folders(tree, {normal(name): [(filename, body)]})
        self.kept.add((normal(name), filename))
        self.adopted[normal(name), filename] = hashlib.sha256(body).hexdigest()
        self.ran("adopt", self.mirrored.run("adopt", str(tree), "-q"), whole=False)

    # --- what is taken from the mirror

    @rule(name=st.sampled_from(("one", "two")), how=st.sampled_from(("create", "create", "promote", "delete")),
          number=st.integers(0, 30), after=st.booleans())
    def snapshot(self, name: str, how: str, number: int, after: bool) -> None:
        """Create, promote or delete one. number: of the change on disk at which it is killed, 0 for none."""
        if (name in self.snapshots) is (how == "create"):
            return
        run = partial(self.mirrored.run, "snapshot", how, name, "-q")
        status = interruptions.killed(run, number, after, interruptions.BY_SYSTEM_CALLS) if number else run()
        # Nothing is made of a mirror that is new or in the middle of a run.
        assert status in (0, interruptions.KILLED) or (status == 1 and how == "create"), status
        self.count(f"run: snapshot {how}{' killed' * (status == interruptions.KILLED)}{' refused' * (status == 1)}")
        target = "production" if how == "promote" else name
        there = (self.mirrored.root / "snapshots" / target / "snapshot.json").exists()
        if how == "delete":
            assert not there or status
            if not there:
                self.snapshots.pop(name)
        elif how == "create" and there:
            self.snapshots[name] = self.snapshotted(name)
            shown = Mirrored(self.mirrored.root / "snapshots" / name / "simple", "")
            assert not (untrue := shown.untrue()), untrue
            assert self.offered(shown) == self.offered()
            if self.is_finished and self.formats == self.page_settings():
                assert all(shown.read(path) == self.mirrored.read(path) for path in shown.paths() if "v1_json" in path)
        elif how == "promote" and there:
            one, other = self.snapshotted(target), self.snapshots[name]
            assert one == other or (status and one == self.snapshots.get(target))
            self.snapshots[target] = one
        self.holds()

    def snapshotted(self, name: str) -> dict[str, bytes]:
        """Give the files of the index of a snapshot by path."""
        return Mirrored(self.mirrored.root / "snapshots" / name / "simple", "").tree()

    @rule(way=st.sampled_from(("", "", *sorted(interruptions.WAYS))), number=st.integers(1, 60), after=st.booleans(),
          full=st.integers(0, 5))
    def carry(self, way: str, number: int, after: bool, full: int) -> None:
        """Carry a bundle to the other mirror, which is equal then. way: how the import is disturbed at first."""
        if self.formats != self.page_settings():
            return  # the pages are not those of the configuration
        bundle = self.folder / "bundles" / str(self.serial)
        status = self.mirrored.run("export", str(bundle), "-q", *["--full"] * (not full))
        if status == 1 and not self.is_finished:
            self.count("run: export refused")
            return
        assert status == 0, status
        self.far.settings = {"mirror_file_path": self.far.root, "min_free": 0, "index_formats": self.formats[0]}
        load = partial(self.far.run, "import", str(bundle), "--allow-deletions", "-q")
        if way:
            status = interruptions.WAYS[way](load, number, after)
            assert status in (0, 1, 130, interruptions.KILLED), status
            assert not self.far.untrue()
        assert load() == 0
        assert not self.far.untrue()
        here, there = published(self.mirrored), published(self.far)
        assert here == there, sorted(path for path in {*here, *there} if here.get(path) != there.get(path))
        assert self.far.run("verify", "-q") == 0
        self.count(f"run: export, import{' ' * bool(way)}{way}")
        self.holds()

    @rule(chance=st.integers(0, 5))
    def lose_the_state(self, chance: int) -> None:
        if chance:
            return  # once in a while
        self.count("state lost")
        self.is_finished = False
        for path in (self.folder / "mirror/.pypimirror").glob("state.sqlite*"):
            path.unlink()

    # --- what must hold

    def count(self, what: str) -> None:
        TALLY[what] += 1

    def ran(self, what: str, status: int, whole: bool) -> None:
        """Show what must hold after any run. whole: whether it came to its end and was about everything."""
        self.count(f"run: {what}")
        self.serial += 1
        self.last = status
        assert status in (0, 1, 4, 130, interruptions.KILLED), status
        if self.formats != (pages := self.page_settings()):
            self.formats = pages if whole and status == 0 else ()
        self.is_finished = status == 0 and (whole or self.is_finished)
        self.holds()
        if whole:
            self.nothing_else(status)

    def page_settings(self) -> tuple[Any, ...]:
        """Give what decides on pages: formats, and marks of advisories."""
        return self.mirrored.settings.get("index_formats"), self.mirrored.settings.get("vulnerable"), repr(self.advised)

    def holds(self) -> None:
        """Show what pages and snapshots promise."""
        untrue = self.mirrored.untrue()
        assert not untrue, untrue
        for (name, filename), sha256 in self.offered().items():
            true = self.upstream.ever.get((name, filename), set()) | {self.adopted.get((name, filename), "")}
            assert sha256 in true, (name, filename)
        for name, held in self.snapshots.items():
            assert self.snapshotted(name) == held, name

    def offered(self, mirrored: Mirrored | None = None) -> dict[tuple[str, str], str]:
        """Give the hashes that pages tell by project and file, those of this mirror unless another one is named."""
        root = (mirrored or self.mirrored).root
        pages = {page.parent.name: json.loads(page.read_bytes()) for page in root.glob("*/index.v1_json")}
        return {(name, file["filename"]): file["hashes"]["sha256"] for name, page in pages.items() for file in page["files"]}

    def is_wanted(self, name: str, followed: bool = True) -> bool:
        """Whether the configuration asks for a project. followed: whether because another one requires it, too."""
        settings = self.mirrored.settings
        if name == settings.get("package_excludes"):
            return False
        patterns = [normal(pattern) for pattern in (settings["package_matches"] or "").split()]
        allowed = {allowed for (allowed, _), verb in self.decided.items() if verb == "allow"}
        return (name in self.pins or name in allowed or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
                or (followed and bool(settings.get("dependencies")) and name in REQUIRED))

    def nothing_else(self, status: int) -> None:
        """Show that nothing is offered that was not asked for. Of a project that failed what was there may stay."""
        # Where upstream has none of the exact names, these may be misspelt: what was there before stays.
        if status != 1 or "*" in str(self.mirrored.settings["package_matches"]):
            assert all(self.is_wanted(name) for name, _ in self.offered())
        # Malicious releases are out whatever failed and whatever was held back.
        malicious = {(name, filename) for name, filename in self.offered()
                     if self.advised.get((name, str(parse(filename, name).version))) == "MAL"}
        assert not malicious, malicious
        if status:
            return
        settings = self.mirrored.settings
        for name, filename in self.offered():
            assert self.decided.get((name, str(parse(filename, name).version))) != "deny", filename
            if name in self.pins:
                continue
            if settings.get("filename_excludes"):
                assert not fnmatch.fnmatchcase(filename, settings["filename_excludes"])
            if settings.get("package_types"):
                assert filename.endswith(".whl")

    @rule()
    def settle(self) -> None:
        """Upstream is sane again: one update makes the mirror what a fresh one is, and the next one finds nothing to do."""
        self.upstream.be_sane()
        self.ran("settle", status := self.mirrored.run("-U", "--allow-deletions", "-q"), whole=True)
        place = self.folder / "fresh"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        fresh = Mirrored(place / "mirror", self.upstream.url)
        fresh.settings |= self.mirrored.settings | {"mirror_file_path": fresh.root}
        expected = fresh.run("-I", "-q")
        extra = {tuple(path.split("/")) for path in {*published(self.mirrored)} - {*fresh.paths()}
                 if path.endswith((".whl", ".gz"))}
        stays = {one for one in extra if one in self.kept or self.is_pinned(*one)}
        missed = {name for name in self.pins if not any(
            self.is_pinned(name, path.split("/")[1]) for path in fresh.paths()
            if path.startswith(f"{name}/") and path.endswith((".whl", ".gz")))}
        # What was pinned before stays until what is pinned now is there.
        unexplained = {(name, filename) for name, filename in extra - stays if name not in missed}
        # So does what it requires.
        assert not unexplained or (missed and self.mirrored.settings.get("dependencies")), unexplained
        if extra and (self.mirrored.settings.get("latest_releases") or self.mirrored.settings.get("dependencies")):
            pass  # files that stay count among the latest releases, and have requirements
        elif extra:
            self.same_but_for(extra, fresh)
        elif not self.has_displays():
            # Nothing tells how a project is registered by now.
            one, two = distributions(self.mirrored), distributions(fresh)
            assert one == two, sorted(path for path in {*one, *two} if one.get(path) != two.get(path))
            assert status == expected
        else:
            here, there = level(self.mirrored), level(fresh)
            differs = {path: (here.get(path), there.get(path)) for path in {*here, *there} if here.get(path) != there.get(path)}
            assert not differs, "\n".join(f"{path}:\n  {one!r}\n  {two!r}" for path, (one, two) in sorted(differs.items()))
            assert status == expected
        self.upstream.asked()
        again = self.mirrored.run("-U", "-q")
        asked = self.upstream.asked()
        if self.upstream.projects or not self.offered() or "*" not in str(self.mirrored.settings["package_matches"]):
            assert again == status or (again, status) == (0, 1), (again, status)
        else:
            # An empty list counts where it is allowed, while it is unchanged; exact names need none.
            assert again in (status, 0, 4)
        assert not [path for path in asked if path.startswith("/files/") and not path.endswith(".metadata")]
        if self.upstream.form == "json" and status == 0 and "*" in str(self.mirrored.settings["package_matches"]):
            # The serial of a single project may be a constant: its page is read, and those of projects that are not listed.
            assert (asked[:1] if len(self.upstream.projects) == 1 else asked) == ["/simple/"]
        with contextlib.redirect_stdout(io.StringIO()) as told:
            verified = self.mirrored.run("verify")
        assert verified == 0, told.getvalue()

    def same_but_for(self, extra: set[tuple[str, str]], fresh: Mirrored) -> None:
        """Show that the mirror is what a fresh one is but for files that stay, and what pages tell of these."""
        names = {name for name, _ in extra}
        files = {f"{name}/{filename}" for name, filename in extra}
        one, two = distributions(self.mirrored), distributions(fresh)
        # Pins in some forms name the files that are here.
        differs = {path for path in {*one, *two} if one.get(path) != two.get(path) and not path.startswith("pins/")}
        assert not {path for path in differs if path.removesuffix(".metadata") not in files
                    and not (path.split("/")[0] in names and path.endswith("json"))}
        for name in names:
            here, there = ([file for file in json.loads(pages.get(f"{name}/index.v1_json", b'{"files":[]}'))["files"]
                            if (name, file["filename"]) not in extra] for pages in (one, two))
            assert here == there, name
        projects = [{normal(project["name"]) for project in json.loads(mirrored.read("index.v1_json"))["projects"]} - names
                    for mirrored in (self.mirrored, fresh)]
        assert projects[0] == projects[1]

    def has_displays(self) -> bool:
        """Whether upstream's list is read, and has the registered name of a selected project."""
        names = [name for name in self.upstream.projects if self.is_wanted(name)]
        return "*" in str(self.mirrored.settings["package_matches"]) and any(
            self.upstream.displays[name] != name for name in names)

    def is_pinned(self, name: str, filename: str) -> bool:
        return name in self.pins and str(parse(filename, name).version) == self.pins[name]


def distributions(mirrored: Mirrored) -> dict[str, bytes]:
    """Give the distributions, what lies beside them, and the pages that don't tell a name as registered, by path."""
    return {path: body for path, body in level(mirrored).items() if "/" in path and not path.endswith("html")}


def level(mirrored: Mirrored) -> dict[str, bytes]:
    """Give the tree without our serials and upload times."""
    return {path: _OWN_TIMES.sub(b"", _SERIALS.sub(b"", body)) if path.endswith(("html", "json")) else body
            for path, body in published(mirrored).items()}


def published(mirrored: Mirrored) -> dict[str, bytes]:
    """Give the tree without its snapshots."""
    return {path: body for path, body in mirrored.tree().items() if not path.startswith("snapshots/")}


@pytest.fixture(scope="module")
def shifting() -> Iterator[Shifting]:
    with Shifting() as started:
        yield started
    print(f"\n{sum(TALLY.values())} steps\n" + "\n".join(f"{count:7} {what}" for what, count in sorted(TALLY.items())))


@pytest.mark.heavy
def test_what_is_promised_holds_in_any_order_of_events(shifting: Shifting) -> None:
    AnyOrder.upstream = shifting
    case = AnyOrder.TestCase
    case.settings = settings(
        max_examples=SEQUENCES or 12, stateful_step_count=50 if SEQUENCES else 25, derandomize=not SEQUENCES, deadline=None,
        database=None, suppress_health_check=list(HealthCheck), print_blob=False)
    with mock.patch.object(run_module, "LAG", 0):
        case().runTest()
