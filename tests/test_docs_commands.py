"""Every page of the documentation is followed, command by command, or says why not.

Commands of this program, pip, rsync, mkdir and rm run as the page has them; ``support.walk`` names those that do not. Each page
begins with a copy of one mirror in ``/srv/pypi`` and its configuration. A new page with commands needs an entry in ``PAGES``.
"""

from __future__ import annotations

import copy
import gzip
import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from pypimirror.model import NOTHING
from support import old_mirrors, osv, wheelhouse
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel
from support.walk import ELSEWHERE, FOREIGN, Walk, page_path, steps

_LOG = '192.0.2.1 - - [01/Mar/2026:10:17:01 +0000] "GET /simple/{}/ HTTP/1.1" 404 10 "-" "pip/26"\n'
#: In distributions of the upstream: what is needed to build an sdist, and projects that pages name.
_PROJECTS = ("zope.schema", "zc.lockfile", "iniconfig", "Products.CMFPlone", "collective.easyform", "demo", "pypimirror-client")


class Scene(NamedTuple):
    """What a page needs in addition to the mirror."""

    #: Called before a command that begins in this way, in the first case before the first command.
    before: Mapping[str, Callable[[Walk], object]] = NOTHING
    #: Statuses other than 0, by the beginning of the command.
    statuses: Mapping[str, int] = NOTHING
    #: Whether the configurations of the page are saved.
    saves: bool = False


def _pins(walk: Walk, index: str = "https://pypi.example.com") -> None:
    """Write the files of a project that pin what the mirror has."""
    name, body = wheel("iniconfig", "3.20")
    Path("requirements.txt").write_text("iniconfig==3.20\nzope.interface==8.0\n")
    Path("client").mkdir()
    for path in ("buildout.cfg", "client/buildout.cfg"):
        Path(path).write_text(f"[buildout]\nindex = {index}/simple/\nparts =\n[versions]\niniconfig = 3.20\n")
    Path("uv.lock").write_text(f"""version = 1
requires-python = ">=3.10"

[[package]]
name = "app"
version = "0"
source = {{ virtual = "." }}
dependencies = [{{ name = "iniconfig" }}]

[[package]]
name = "iniconfig"
version = "3.20"
source = {{ registry = "{index}/simple/" }}
wheels = [{{ url = "{index}/iniconfig/{name}", hash = "sha256:{hashlib.sha256(body).hexdigest()}", size = {len(body)} }}]
""")


def _to_serve(walk: Walk) -> None:
    """Configure the mirror for ``serve``, and write files of a project that use it there."""
    _pins(walk, walk.url)
    walk.configure(base_url=walk.url, versions="client/buildout.cfg", python_versions="3.11", platforms="manylinux_2_28_x86_64")
    walk.run("pypimirror pypimirror.cfg sync")


def _served(walk: Walk) -> None:
    _to_serve(walk)
    walk.run("pypimirror pypimirror.cfg serve")


def _advisories(walk: Walk) -> None:
    _pins(walk)
    path = osv.write_directory(walk.folder / "osv", osv.document("PYSEC-2026-1", "demo", introduced="0", fixed="3.20"))
    (walk.folder / "var/log/nginx/access.log").write_text(_LOG.format("zope.missing"))
    walk.configure(advisories=path, decisions="decisions.toml", min_age="7d")
    walk.run("pypimirror pypimirror.cfg sync")


def _old(place: str, config: str = "") -> Callable[[Walk], None]:
    """Return a function that makes a mirror of z3c.pypimirror in the place of the shared one."""

    def make(walk: Walk) -> None:
        shutil.rmtree(walk.mirror)
        old_mirrors.folders(Path(walk.moved(place)), {"iniconfig": [sdist("iniconfig", "3.20")]})
        walk.configure(**({"mirror_file_path": walk.moved(place)} if config else {}))
        if config:
            shutil.copy(walk.config, walk.moved(config))

    return make


def _own_tree(walk: Walk) -> None:
    shutil.rmtree(walk.mirror)
    old_mirrors.folders(walk.mirror, {"iniconfig": [sdist("iniconfig", "3.20")]})


def _bandersnatch(walk: Walk) -> None:
    shutil.rmtree(walk.mirror)
    old_mirrors.packages(walk.mirror, {"iniconfig": [sdist("iniconfig", "3.20")]})
    (walk.folder / "etc/bandersnatch.conf").write_text(
        f"[mirror]\ndirectory = {walk.mirror}\nmaster = {walk.upstream.host}\nworkers = 3\n"
        "[plugins]\nenabled = allowlist_project\n[allowlist]\npackages = iniconfig\n")


def _installed(walk: Walk) -> None:
    """Have the configuration in ``/etc/pypimirror``, and what a site without buildout has."""
    for place in ("etc/pypimirror", "opt/pypimirror/bin", "usr/local/bin", "var/pypimirror"):
        (walk.folder / place).mkdir(parents=True)
    shutil.copy(walk.config, walk.folder / "etc/pypimirror")
    (walk.folder / "etc/nginx/sites-enabled/pypimirror").touch()
    (walk.folder / "usr/local/bin/pypimirror").touch()


def _move(walk: Walk) -> None:
    walk.configure(mirror_file_path=walk.folder / "newhost/srv/pypi")


def _without_state(walk: Walk) -> None:
    shutil.rmtree(walk.mirror / ".pypimirror")
    walk.configure()


def _withdraw(walk: Walk) -> None:
    walk.upstream.remove("zope.interface")
    walk.run("pypimirror pypimirror.cfg sync")
    walk.run("pypimirror pypimirror.cfg sync")


def _to_trash(walk: Walk) -> None:
    walk.configure(filename_excludes="*.tar.gz")
    walk.run("pypimirror pypimirror.cfg sync")
    walk.configure()


def _logs(walk: Walk) -> None:
    folder = walk.folder / "var/log/nginx"
    (folder / "access.log").write_text(_LOG.format("zope.missing"))
    (folder / "access.log.2.gz").write_bytes(gzip.compress(_LOG.format("zope.other").encode()))


#: Followed by a test of its own.
_COMPANY = "company-mirror.rst"
#: How each page is followed; or why it is not, with the test that does in its place.
PAGES: dict[str, Scene | str] = {
    "README.rst": Scene(),
    "adopting.rst": Scene({"pypimirror pypimirror.cfg adopt /srv/old": _old("/srv/old-mirror"),
                           "pypimirror pypimirror.cfg adopt /srv/pypi": _own_tree}),
    "advisories.rst": Scene({"": _advisories}),
    "air-gapped.rst": Scene({"": _pins}, saves=True),
    "bundles.rst": "two mirrors: tests/test_bundles_documented.py",
    "clients.rst": Scene({"": _pins}),
    "command-line.rst": Scene(),
    _COMPANY: Scene(saves=True),
    "comparison.rst": Scene(),
    "country-mirror.rst": Scene(saves=True),
    "decisions.rst": Scene({"": _advisories}),
    "doctor.rst": Scene({"": _served}),
    "dropping.rst": Scene({"": _installed}),
    "firewall.rst": Scene(),
    "from-bandersnatch.rst": Scene({"": _bandersnatch}),
    "from-z3c.pypimirror.rst": Scene({"": _old("/home/pypimirror/pacotes", "/home/pypimirror/pypimirror.cfg")}),
    "getting-started.rst": Scene(saves=True),
    "incident.rst": "with the output of each command: tests/test_incident.py",
    "indexes.rst": Scene(),
    "monitoring.rst": Scene({"": _installed}),
    "moving.rst": Scene({"pypimirror pypimirror.cfg plan": _move, "pypimirror pypimirror.cfg adopt": _without_state}),
    "plone-deployment.rst": Scene({"": _to_serve}),
    "plugins.rst": Scene(),
    "removing.rst": Scene(saves=True),
    "sbom.rst": "with the output of each command: tests/test_sbom_documented.py",
    "scheduling.rst": Scene(),
    "snapshots.rst": Scene({"pypimirror pypimirror.cfg snapshot promote tested-2026-04":
                            lambda walk: walk.run("pypimirror pypimirror.cfg snapshot create tested-2026-04")}),
    "status.rst": Scene(),
    "trash.rst": Scene({"": _withdraw, "pypimirror pypimirror.cfg trash restore zope_interface-8.0.tar.gz": _to_trash}),
    "verifying.rst": Scene(),
    "web-servers.rst": Scene({"": _logs}),
}
RUN = [page for page, scene in PAGES.items() if isinstance(scene, Scene) and page != _COMPANY]


def test_every_page_with_commands_is_followed_or_says_why_not() -> None:
    pages = ["README.rst", *sorted(path.name for path in wheelhouse.CHECKOUT.glob("docs/*.rst"))]
    assert sorted(PAGES) == sorted(page for page in pages if re.search(r"^ *\$ ", page_path(page).read_text(encoding="utf-8"),
                                                                     re.MULTILINE))
    reasons = [scene for scene in PAGES.values() if isinstance(scene, str)]
    for reason in (*reasons, *FOREIGN.values(), *ELSEWHERE.values()):
        for path in re.findall(r"tests/\S+\.py", reason):
            assert (wheelhouse.CHECKOUT / path).is_file(), reason
    assert all("tests/" in reason for reason in reasons)


def test_no_command_escapes_the_steps_of_its_page() -> None:
    for page in PAGES:
        commands = [step.text for step in steps(page) if not step.is_configuration]
        assert commands == re.findall(r"^ *\$ (.*)$", page_path(page).read_text(encoding="utf-8"), re.MULTILINE), page


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Upstream, Path]]:
    """An upstream, and a mirror of it."""
    folder = tmp_path_factory.mktemp("shared")
    with Upstream() as upstream:
        upstream.add("zope.interface", wheel("zope.interface", "8.0"), sdist("zope.interface", "8.0"))
        upstream.add("setuptools", wheel("setuptools", "80.0"))
        upstream.add("wheel", wheel("wheel", "0.45"))
        for name in _PROJECTS:
            upstream.add(name, wheel(name, "3.20"))
        mirrored = Mirrored(folder / "mirror", upstream.url)
        mirrored.settings["base_url"] = "https://pypi.example.com"
        assert mirrored.run("sync") == 0
        yield upstream, folder / "mirror"


@pytest.fixture
def walk(shared: tuple[Upstream, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
         capsys: pytest.CaptureFixture[str]) -> Iterator[Walk]:
    upstream, mirror = shared
    shutil.copytree(mirror, tmp_path / "srv/pypi")
    facts = {name: copy.copy(getattr(upstream, name)) for name in ("projects", "project_serials", "serial")}
    walk = Walk(tmp_path, upstream, monkeypatch, capsys)
    walk.configure()
    yield walk
    walk.close()
    vars(upstream).update(facts)


def follow(walk: Walk, page: str) -> None:
    scene = PAGES[page]
    assert isinstance(scene, Scene)
    if "" in scene.before:
        scene.before[""](walk)
    for step in steps(page):
        if step.is_configuration:
            if scene.saves:
                walk.save(step.text)
            continue
        for beginning, prepare in scene.before.items():
            if beginning and step.text.startswith(beginning) and step.text not in walk.done[:-1]:
                prepare(walk)
        statuses = [status for beginning, status in scene.statuses.items() if step.text.startswith(beginning)]
        walk.run(step.text.replace(" NAME", " zope.interface"), *statuses[:1])
    assert walk.done, page


@pytest.mark.parametrize("page", RUN)
def test_each_command_of_a_page_works(walk: Walk, page: str) -> None:
    if "rsync" in page_path(page).read_text(encoding="utf-8") and not shutil.which("rsync"):
        pytest.skip("rsync is not installed")
    follow(walk, page)


def test_at_the_end_the_company_has_its_mirror(walk: Walk) -> None:
    follow(walk, _COMPANY)
    assert (walk.mirror / "zope-interface" / "zope_interface-8.0-py3-none-any.whl").is_file()
    assert (walk.mirror / "setuptools").is_dir(), "what builds the sdist is not there"
    assert "https://pypi.example.com/simple/" in Path("pip.conf").read_text()
    assert "https://pypi.example.com/simple/" in Path("uv.toml").read_text()
    assert list(walk.folder.glob("etc/systemd/system/pypimirror*.timer"))
    site = (walk.folder / "etc/nginx/sites-enabled/pypimirror").read_text()
    assert "listen 443 ssl http2;" in site and f'root "{walk.mirror}";' in site
