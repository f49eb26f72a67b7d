"""The clients' configuration files, used as they are by real clients."""

import configparser

import pytest

from pypimirror.clients.files import Buildout, Pip, Uv, index_url
from pypimirror.errors import ConfigurationError
from support import clients, published_tree, servers

try:
    import tomllib
except ImportError:  # Python 3.10
    tomllib = None


FILENAMES = {"pip": Pip.filename, "uv": Uv.filename, "buildout": Buildout.filename}


def render(client, settings):
    return clients.render(client, index_url(settings))


def settings(base_url=None, path="/srv/pypi"):
    return {"base_url": base_url, "mirror_file_path": path}


def test_pip_trusts_a_mirror_that_is_http_and_only_such_a_one():
    for url, trusted in (("http://pypi.example.com:8080", "pypi.example.com:8080"), ("https://pypi.example.com", None),
                         ("http://user:secret@pypi.example.com/simple", "pypi.example.com")):
        parser = configparser.RawConfigParser()
        parser.read_string(render("pip", settings(url)))
        assert parser["global"]["index-url"] == f"{url.removesuffix('/simple')}/simple/"
        assert parser["global"].get("trusted-host") == trusted


@pytest.mark.skipif(tomllib is None, reason="no TOML reader before Python 3.11")
def test_uv_gets_the_mirror_in_place_of_pypi():
    for url, insecure in (("http://pypi.example.com:8080", ["pypi.example.com:8080"]), ("https://pypi.example.com", None)):
        read = tomllib.loads(render("uv", settings(url)))
        assert read["index"] == [{"name": "mirror", "url": f"{url}/simple/", "default": True}]
        assert read.get("allow-insecure-host") == insecure


def test_a_bucket_and_a_directory_have_no_simple():
    assert index_url({"mirror_file_path": "s3://bucket/pypi", "base_url": "https://pypi.example.com"}) == "https://pypi.example.com/"
    assert index_url({"mirror_file_path": "/srv/pypi", "base_url": ""}) == "file:///srv/pypi/"
    assert index_url({"mirror_file_path": "/srv/pypi", "base_url": "https://a.example.com"}) == "https://a.example.com/simple/"


def test_buildout_keeps_to_the_host_and_loads_the_extension():
    text = render("buildout", settings("https://pypi.example.com/simple"))
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    assert dict(parser["buildout"]) == {"index": "https://pypi.example.com/simple/", "find-links": "",
                                        "allow-hosts": "pypi.example.com", "extensions +": "pypimirror-client"}


def test_without_an_address_clients_use_the_directory():
    assert "index-url = file:///srv/my%20pypi/\n" in render("pip", settings(path="/srv/my pypi"))
    assert "allow-hosts" not in render("buildout", settings())


def test_a_mirror_that_clients_can_not_reach_is_one_clear_line():
    with pytest.raises(ConfigurationError, match="mirror_file_path = 's3://bucket': clients need a base_url"):
        render("pip", settings(path="s3://bucket"))


@pytest.fixture
def root(tmp_path):
    published_tree.publish(tmp_path / "mirror", {
        "Demo": [published_tree.sdist("Demo", "1.0", ["other"], build_with="maker")],
        "maker": [published_tree.backend("maker")], "other": [published_tree.wheel("other", "2.0")]})
    return tmp_path / "mirror"


@pytest.mark.parametrize("base_url", ["http://pypi.example.com", None])
@pytest.mark.parametrize("client", ["pip", "uv"])
def test_real_clients_take_the_file_as_it_is(client, base_url, root, tmp_path):
    with servers.serve(root, tmp_path / "log") as address:
        file = tmp_path / FILENAMES[client]
        file.write_text(render(client, settings(base_url, str(root))))
        # As a proxy, the server answers for every http host. pip trusts loopback addresses in any case, this host only if told.
        named = {"PIP_CONFIG_FILE": str(file), "UV_CONFIG_FILE": str(file), "http_proxy": address}
        environ = clients.environment(tmp_path / "home", **named)
        target = tmp_path / "target"
        run = clients.run_pip if client == "pip" else clients.run_uv
        run(["--target", target, "demo"], tmp_path, environ)
    assert clients.installed(target) == {"demo": "1.0", "other": "2.0"}
