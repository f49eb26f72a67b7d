"""Real clients install from a published tree behind every server, whether it knows of the mirror or not."""

import tempfile
from pathlib import Path

import pytest

import clients
import servers
import tree

PROJECTS = {
    "Demo.Recipe": [tree.recipe("Demo.Recipe", "1.0", ["needs_built", "Needs.Wheel>=1"])],
    "needs_built": [tree.sdist("needs_built", "2.0"), tree.sdist("needs_built", "1.0")],
    "Needs.Wheel": [tree.wheel("Needs.Wheel", "1.5"), tree.wheel("Needs.Wheel", "9.0", requires_python=">=4")],
}
INSTALLED = {"demo-recipe": "1.0", "needs-built": "2.0", "needs-wheel": "1.5"}
SERVERS = ("serve", "apache", "nginx", "bare_python", "bare_apache", "bare_nginx")
FULL = SERVERS[:3]


@pytest.fixture(scope="module")
def root():
    """A mirror in a place that the web servers' own users may enter."""
    with tempfile.TemporaryDirectory(prefix="pypimirror-") as folder:
        Path(folder).chmod(0o755)
        tree.publish(Path(folder, "mirror"), PROJECTS)
        yield Path(folder, "mirror")


@pytest.fixture(scope="module", params=SERVERS)
def site(request, root, tmp_path_factory):
    """The name and the address of a server of the tree."""
    log = tmp_path_factory.mktemp(request.param) / "log"
    with getattr(servers, request.param)(root, log) as address:
        yield request.param, address


def indexes(site):
    name, address = site
    return [f"{address}/", f"{address}/simple/", address] if name in FULL else [f"{address}/"]


def test_pip_installs(site, tmp_path):
    for number, index in enumerate(indexes(site)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert clients.pip(index, ["demo_recipe"], folder) == INSTALLED


def test_uv_installs(site, tmp_path):
    for number, index in enumerate(indexes(site)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert clients.uv(index, ["DEMO.RECIPE"], folder) == INSTALLED


def test_buildout_installs(site, tmp_path):
    for number, index in enumerate(indexes(site)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert clients.buildout(index, "Demo.Recipe", folder) == INSTALLED


@pytest.mark.parametrize("client", [clients.pip, clients.uv])
def test_upload_times_hold_releases_back_where_the_server_knows_json(site, client, tmp_path):
    if site[0] not in FULL:
        pytest.skip("a bare server has no JSON")
    option = "--uploaded-prior-to" if client is clients.pip else "--exclude-newer"
    index = f"{site[1]}/simple/"
    after, before = tmp_path / "after", tmp_path / "before"
    after.mkdir()
    before.mkdir()
    assert client(index, ["needs.wheel"], after, option, "2021-01-01T00:00:00Z") == {"needs-wheel": "1.5"}
    with pytest.raises(AssertionError, match=r"(?i)no matching distribution|no solution found"):
        client(index, ["needs.wheel"], before, option, "2019-01-01T00:00:00Z")
