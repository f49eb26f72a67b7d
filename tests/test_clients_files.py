"""The clients' configuration files, used as they are by real clients."""

import configparser
import json
import sys

import pytest

from pypimirror.clients.files import index_url
from pypimirror.errors import ConfigurationError
from support import clients, program_versions, programs, published_tree, servers

try:
    import tomllib
except ImportError:  # Python 3.10
    tomllib = None


FILENAMES = {name: client.filename for name, client in clients.CLIENTS.items()}


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


@pytest.mark.skipif(tomllib is None, reason="no TOML reader before Python 3.11")
def test_tables_for_the_files_of_projects():
    for url, insecure in (("http://pypi.example.com", {"verify_ssl": False}), ("https://pypi.example.com", {})):
        index = f"{url}/simple/"
        assert tomllib.loads(render("poetry", settings(url))) == {
            "tool": {"poetry": {"source": [{"name": "mirror", "url": index, "priority": "primary"}]}}}
        assert tomllib.loads(render("pdm", settings(url))) == {"pypi": {"url": index, **insecure}}
        # The format of pixi's documentation (The pypi-options table).
        assert tomllib.loads(render("pixi", settings(url))) == {"pypi-options": {"index-url": index}}
        lines = [line for line in render("conda-lock", settings(url)).splitlines() if not line.startswith("#")]
        assert lines == ["dependencies: []", "pip-repositories:", f'  - "{index}"', "allow-pypi-requests: false"]


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
@pytest.mark.heavy
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


PROJECT = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.10,<4"\ndependencies = ["demo"]\n'


@pytest.mark.parametrize("program", programs.chosen("pdm"))
def test_pdm_trusts_a_mirror_that_is_http(program, root, tmp_path):
    pdm = programs.on_demand(program) / "pdm"
    with servers.serve(root, tmp_path / "log") as address:
        environ = clients.environment(tmp_path / "home", http_proxy=address, PDM_CHECK_UPDATE="0",
                                      PDM_CACHE_DIR=str(tmp_path / "cache"))
        program_versions.note("pdm", clients.run([pdm, "--version"], tmp_path, environ))
        (tmp_path / "pyproject.toml").write_text(f"{PROJECT}[tool.pdm]\ndistribution = false\n")
        (tmp_path / "pdm.toml").write_text(render("pdm", settings("http://pypi.example.com")))
        clients.run([pdm, "lock"], tmp_path, environ)
        clients.run([pdm, "sync"], tmp_path, environ)
    (packages,) = (tmp_path / ".venv").glob("lib/python*/site-packages")
    assert clients.installed(packages).items() >= {"demo": "1.0", "other": "2.0"}.items()


@pytest.mark.parametrize("program", programs.chosen("poetry"))
def test_poetry_keeps_the_versions_of_a_lock_file_that_names_no_mirror(program, tmp_path):
    """The lock of another index; its mirror has a newer release, which ``poetry lock`` does not take."""
    poetry = programs.on_demand(program) / "poetry"
    environ = clients.environment(tmp_path / "home", POETRY_VIRTUALENVS_IN_PROJECT="true", POETRY_NO_INTERACTION="1",
                                  POETRY_CACHE_DIR=str(tmp_path / "cache"), POETRY_KEYRING_ENABLED="false")
    program_versions.note("poetry", clients.run([poetry, "--version"], tmp_path, environ).replace(")", ""))
    project, demo = tmp_path / "pyproject.toml", published_tree.wheel("demo", "1.0")
    locks = []
    for number, files in enumerate([[demo], [demo, published_tree.wheel("demo", "2.0")]]):
        published_tree.publish(tmp_path / f"index{number}", {"demo": files})
        with servers.serve(tmp_path / f"index{number}", tmp_path / f"log{number}") as address:
            project.write_text(PROJECT + clients.render("poetry", f"{address}/simple/"))
            clients.run([poetry, "lock"], tmp_path, environ)
            locks.append((tmp_path / "poetry.lock").read_text())
            clients.run([poetry, "install", "--no-root"], tmp_path, environ)
            assert list(tmp_path.glob(".venv/lib/*/site-packages/demo-1.0.dist-info"))
            assert f'url = "{address}/simple"' in locks[-1]
    assert locks[0] != locks[1] and all(published_tree.sha256(demo.content) in lock for lock in locks)


#: Answers for conda, which solves the packages of channels: what it would install, one Python and one pip.
_CONDA = """#!{python}
import json, sys
def package(name, version, *depends):
    base = "https://conda.example.com/x"
    file = f"{{name}}-{{version}}-0.conda"
    return {{"name": name, "version": version, "build": "0", "build_string": "0", "build_number": 0, "depends": depends,
            "channel": f"{{base}}/linux-64", "base_url": base, "platform": "linux-64", "subdir": "linux-64", "constrains": [],
            "dist_name": f"{{name}}-{{version}}-0", "fn": file, "url": f"{{base}}/linux-64/{{file}}", "md5": "0" * 32,
            "sha256": "0" * 64}}
plan = [package("python", "3.11.0"), package("pip", "26.0", "python")]
answer = {{"actions": {{"FETCH": plan, "LINK": plan}}, "success": True}}
print("conda 24.1.0" if "--version" in sys.argv else json.dumps(answer))
"""


@pytest.mark.parametrize("program", programs.chosen("conda-lock"))
def test_conda_lock_locks_packages_of_the_mirror(program, tmp_path):
    folder = programs.on_demand(program)
    published_tree.publish(tmp_path / "mirror", {"demo": [published_tree.wheel("demo", "1.0", ["other"])],
                                                 "other": [published_tree.wheel("other", "2.0")]})
    (tmp_path / "conda").write_text(_CONDA.format(python=sys.executable))
    (tmp_path / "conda").chmod(0o755)
    # Names of PyPI by those of conda, which it would download.
    (tmp_path / "lookup.json").write_text(json.dumps({}))
    (tmp_path / "environment.yml").write_text(
        "channels: [https://conda.example.com/x]\nplatforms: [linux-64]\ndependencies:\n- python=3.11\n- pip:\n  - demo\n")
    environ = clients.environment(tmp_path / "home")
    program_versions.note("conda-lock", clients.run([folder / "conda-lock", "--version"], tmp_path, environ))
    with servers.serve(tmp_path / "mirror", tmp_path / "log") as address:
        (tmp_path / "mirror.yml").write_text(clients.render("conda-lock", f"{address}/simple/"))
        clients.run([folder / "conda-lock", "lock", "--conda", tmp_path / "conda", "--without-cuda",
                     "--pypi_to_conda_lookup_file", (tmp_path / "lookup.json").as_uri(),
                     "-f", "environment.yml", "-f", "mirror.yml"], tmp_path, environ)
    lock = (tmp_path / "conda-lock.yml").read_text()
    for url in ("demo/demo-1.0-py3-none-any.whl", "other/other-2.0-py3-none-any.whl"):
        assert f"{address}/simple/{url}" in lock
