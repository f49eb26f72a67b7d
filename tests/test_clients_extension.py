"""The buildout extension: a buildout that lists it asks its index and nothing else, whatever pip was told."""

import inspect
import os
from collections import defaultdict
from types import SimpleNamespace

import pytest
import zc.buildout

import pypimirror_client
from pypimirror.clients import confinement
from pypimirror.clients.files import EXTENSION
from pypimirror_client import DISTRIBUTION, confine, load
from support import clients, published_tree, servers, wheelhouse


def test_pip_is_told_of_the_index_alone():
    environ = {"PATH": "/bin", "PIP_INDEX_URL": "http://a.example.com", "PIP_EXTRA_INDEX_URL": "http://b.example.com",
               "PIP_FIND_LINKS": "/links", "pip_pypi-url": "http://c.example.com", "PIP_NO_INDEX": "1", "PIP_CERT": "/ca.pem"}
    confine(environ, "https://pypi.example.com/")
    assert environ == {"PATH": "/bin", "PIP_CERT": "/ca.pem", "PIP_INDEX_URL": "https://pypi.example.com/",
                       "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def test_an_index_without_tls_is_trusted_beside_others():
    environ = {"PIP_TRUSTED_HOST": "a.example.com"}
    for _ in range(2):
        confine(environ, "http://user:secret@pypi.example.com:8080/")
    assert environ["PIP_TRUSTED_HOST"] == "a.example.com pypi.example.com:8080"


def test_a_directory_is_an_index_too(tmp_path):
    environ = {}
    confine(environ, str(tmp_path))
    assert environ["PIP_INDEX_URL"] == tmp_path.as_uri()


def test_a_buildout_that_does_not_list_it_is_left_alone(monkeypatch):
    monkeypatch.setattr(os, "environ", {})
    load({"buildout": {"extensions": "mr.developer", "index": "http://pypi.example.com"}})
    assert os.environ == {}


def test_client_cfg_lists_it():
    assert EXTENSION == DISTRIBUTION


def test_doctor_proves_with_the_same_environment():
    assert inspect.getsource(confinement.confine) == inspect.getsource(confine)
    assert confinement._ELSEWHERE == pypimirror_client._ELSEWHERE


@pytest.mark.parametrize("spelling", ["pypimirror-client", "mr.developer\n PyPIMirror_Client"])
def test_a_buildout_that_lists_it_must_have_an_index(spelling):
    with pytest.raises(zc.buildout.UserError, match="needs the option index"):
        load({"buildout": {"extensions": spelling}})


@pytest.fixture
def projects(buildouts):
    """What the mirror has: the extension, what zc.buildout and builds require, and projects that need to be built."""
    found = defaultdict(list)
    wanted = set(map(published_tree.normalize, wheelhouse.ENVIRONMENT))
    for path in [*buildouts.client().glob("*.whl"), *wheelhouse.FOLDER.glob("*.whl")]:
        name = path.name.partition("-")[0].replace("_", ".")
        if published_tree.normalize(name) in {*wanted, EXTENSION}:
            found[name].append(published_tree.existing(path))
    return {**found, "demo.recipe": [published_tree.recipe("demo.recipe", "1.0", ["demo.source", "demo.develop"])],
            "demo.source": [published_tree.sdist("demo.source", "2.0", build_with="demo.maker")],
            "demo.maker": [published_tree.backend("demo.maker")]}


@pytest.fixture
def site(projects, tmp_path):
    """A buildout that needs an sdist and a develop egg built, and servers of the mirror and of what is no mirror."""
    published_tree.publish(tmp_path / "mirror", projects)
    folder = tmp_path / "buildout"
    (folder / "develop").mkdir(parents=True)
    for name, content in published_tree.source("demo.develop", "3.0", build_with="demo.maker").items():
        (folder / "develop" / name).write_bytes(content)
    home = tmp_path / "home"
    with servers.serve(tmp_path / "mirror", tmp_path / "log") as address, servers.elsewhere() as (other, asked):
        environ = clients.environment(home, http_proxy=other, https_proxy=other, PIP_RETRIES="0")
        yield SimpleNamespace(address=address, other=other, asked=asked, folder=folder, home=home, environ=environ)


def run(buildouts, site, client):
    """Run the buildout with this client.cfg; gives versions by name."""
    (site.folder / "client.cfg").write_text(client)
    versions = "".join(f"{name} = {version}\n" for name, version in wheelhouse.pins("6").items())
    text = ("[buildout]\nextends = client.cfg\nparts = part\ndevelop = develop\n"
            f"[part]\nrecipe = demo.recipe\n[versions]\n{versions}")
    return clients.run_buildout(text, site.folder, site.environ, buildouts.environment("6") / "bin" / "python")


def test_a_buildout_asks_the_mirror_and_nothing_else(buildouts, site):
    (site.home / ".config" / "pip").mkdir(parents=True)
    (site.home / ".config" / "pip" / "pip.conf").write_text(f"[global]\nextra-index-url = {site.other}/configured/\n")
    site.environ.update(PIP_EXTRA_INDEX_URL=f"{site.other}/extra/", PIP_FIND_LINKS=f"{site.other}/links/")
    client = clients.render("buildout", f"{site.address}/")
    assert run(buildouts, site, client) == {"demo-recipe": "1.0", "demo-source": "2.0", "demo-develop": "3.0"}
    assert site.asked == []


@pytest.mark.heavy
def test_without_the_extension_the_same_buildout_asks_elsewhere(buildouts, site):
    run(buildouts, site, f"[buildout]\nindex = {site.address}/\n")
    assert any(line.startswith("CONNECT ") for line in site.asked)
