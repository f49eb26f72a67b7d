"""Real clients install from a published tree behind every server, whether it knows of the mirror or not."""

import tempfile
from pathlib import Path

import pytest

from support import clients, program_versions, programs, published_tree, servers

PROJECTS = {
    "Demo.Recipe": [published_tree.recipe("Demo.Recipe", "1.0", ["needs_built", "Needs.Wheel>=1"])],
    "needs_built": [published_tree.sdist("needs_built", "2.0"), published_tree.sdist("needs_built", "1.0")],
    "Needs.Wheel": [published_tree.wheel("Needs.Wheel", "1.5"),
                    published_tree.wheel("Needs.Wheel", "9.0", requires_python=">=4")],
    "no.metadata": [published_tree.wheel("no.metadata", "1.0", ["Needs-Wheel"])._replace(metadata=b"")],
}
INSTALLED = {"demo-recipe": "1.0", "needs-built": "2.0", "needs-wheel": "1.5"}
#: The same project for every installer.
SPELLINGS = ("demo_recipe", "DEMO.RECIPE", "Demo-.Recipe", "demo-recipe")
SERVERS = ("serve", "apache", "caddy", "nginx", "bare_python", "bare_apache", "bare_nginx")
FULL = SERVERS[:4]


@pytest.fixture(scope="module")
def root():
    """A mirror in a place that the web servers' own users may enter."""
    with tempfile.TemporaryDirectory(prefix="pypimirror-") as folder:
        Path(folder).chmod(0o755)
        published_tree.publish(Path(folder, "mirror"), PROJECTS)
        yield Path(folder, "mirror")


@pytest.fixture(scope="module", autouse=True)
def _versions():
    clients.versions()


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
    for number, (index, name) in enumerate(zip(indexes(site), SPELLINGS, strict=False)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert clients.pip(index, [name], folder) == INSTALLED


def test_uv_installs(site, tmp_path):
    for number, index in enumerate(indexes(site)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert clients.uv(index, [SPELLINGS[number]], folder) == INSTALLED


@pytest.mark.heavy
def test_buildout_installs(site, tmp_path):
    # One address of each server, every address with some server; pip and uv try all of them.
    found = indexes(site)
    assert clients.buildout(found[SERVERS.index(site[0]) % len(found)], "Demo.Recipe", tmp_path) == INSTALLED


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


def hashed(names):
    """Give requirements with the hash of one file each, the newest that can be installed."""
    files = {"demo-recipe": PROJECTS["Demo.Recipe"][0], "needs-built": PROJECTS["needs_built"][0],
             "needs-wheel": PROJECTS["Needs.Wheel"][0]}
    return "".join(f"{name}=={INSTALLED[name]} --hash=sha256:{published_tree.sha256(files[name].content)}\n" for name in names)


@pytest.mark.parametrize("client", [clients.run_pip, clients.run_uv])
def test_hashes_are_required_and_found(site, client, tmp_path):
    index = indexes(site)[0]
    file = tmp_path / "requirements.txt"
    file.write_text(hashed(INSTALLED))
    environ = clients.environment(tmp_path / "home")
    option = "--index-url" if client is clients.run_pip else "--default-index"
    client(["--target", tmp_path / "target", option, index, "--require-hashes", "-r", file], tmp_path, environ)
    assert clients.installed(tmp_path / "target") == INSTALLED
    if site[0] not in ("serve", "bare_python"):
        return  # what an installer does about a wrong hash depends on the kind of page that it reads at most
    file.write_text(hashed(INSTALLED).replace(published_tree.sha256(PROJECTS["needs_built"][0].content), "0" * 64))
    with pytest.raises(AssertionError, match=r"(?i)hash mismatch|do not match the hashes"):
        client(["--target", tmp_path / "other", option, index, "--require-hashes", "-r", file], tmp_path, environ)


def test_pip_downloads(site, tmp_path):
    environ = clients.environment(tmp_path / "home")
    arguments = ["--dest", tmp_path / "files", "--index-url", indexes(site)[0], "Demo_Recipe"]
    clients.run_pip(arguments, tmp_path, environ, "download")
    files = {path.name: path.read_bytes() for path in (tmp_path / "files").iterdir()}
    wanted = [PROJECTS["Demo.Recipe"][0], PROJECTS["needs_built"][0], PROJECTS["Needs.Wheel"][0]]
    assert files == {file.filename: file.content for file in wanted}


def test_pip_reads_metadata_out_of_a_wheel_by_ranges(site, tmp_path):
    environ = clients.environment(tmp_path / "home")
    told = clients.run_pip(["--target", tmp_path / "target", "--index-url", indexes(site)[0], "--use-feature=fast-deps", "-vv",
                            "no-metadata"], tmp_path, environ)
    assert clients.installed(tmp_path / "target") == {"no-metadata": "1.0", "needs-wheel": "1.5"}
    # Python's own server knows no ranges; pip then does without.
    assert "Obtaining dependency information from no-metadata 1.0" in told
    assert ("does not support range requests" in told) == (site[0] == "bare_python")


@pytest.mark.parametrize("client", [clients.pip, clients.uv])
def test_the_directory_is_an_index_itself(root, client, tmp_path):
    assert client(root.as_uri(), ["demo_recipe"], tmp_path) == INSTALLED


@pytest.mark.parametrize("index", ["file://{root}", "file://{root}/"])
@pytest.mark.heavy
def test_the_directory_is_an_index_of_buildout(index, tmp_path):
    # It reads the folders and no pages, so that Requires-Python does not count.
    projects = PROJECTS | {"Needs.Wheel": PROJECTS["Needs.Wheel"][:1]}
    published_tree.publish(tmp_path / "mirror", projects)
    assert clients.buildout(index.format(root=tmp_path / "mirror"), "Demo.Recipe", tmp_path) == INSTALLED


def needs_files_as_they_are(site):
    """Skip a client that unpacks what a server calls encoded, for the one that does so to every .tar.gz."""
    if site[0] == "bare_apache":
        pytest.skip("this client unpacks a .tar.gz that AddEncoding calls encoded; the made site calls none so")


def resolved(target):
    """Give versions by name of what is in a virtual environment that a client made, what was there from the start left out."""
    (folder,) = target.glob("lib/python*/site-packages")
    return {name: version for name, version in clients.installed(folder).items() if name in INSTALLED}


@pytest.mark.parametrize("version", programs.chosen("poetry"))
def test_poetry_locks_and_installs(site, version, tmp_path):
    needs_files_as_they_are(site)
    bin_folder = programs.on_demand(version)
    environ = clients.environment(tmp_path / "home", POETRY_VIRTUALENVS_IN_PROJECT="true", POETRY_NO_INTERACTION="1",
                                  POETRY_CACHE_DIR=str(tmp_path / "cache"), POETRY_KEYRING_ENABLED="false")
    program_versions.note("poetry", clients.run([bin_folder / "poetry", "--version"], tmp_path, environ).replace(")", ""))
    for number, index in enumerate(indexes(site)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "pyproject.toml").write_text(
            '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.10,<4"\ndependencies = ["DEMO_recipe"]\n'
            + clients.render("poetry", index))
        clients.run([bin_folder / "poetry", "lock"], folder, environ)
        locked = (folder / "poetry.lock").read_text()
        for files in PROJECTS.values():
            assert files is PROJECTS["no.metadata"] or published_tree.sha256(files[0].content) in locked
        clients.run([bin_folder / "poetry", "install", "--no-root"], folder, environ)
        assert resolved(folder / ".venv") == INSTALLED


@pytest.mark.parametrize("version", programs.chosen("pdm"))
def test_pdm_locks_and_installs(site, version, tmp_path):
    needs_files_as_they_are(site)
    bin_folder = programs.on_demand(version)
    environ = clients.environment(tmp_path / "home", PDM_CHECK_UPDATE="0", PDM_CACHE_DIR=str(tmp_path / "cache"))
    program_versions.note("pdm", clients.run([bin_folder / "pdm", "--version"], tmp_path, environ))
    for number, index in enumerate(indexes(site)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "pyproject.toml").write_text(
            '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.10,<4"\ndependencies = ["DEMO_recipe"]\n'
            '[tool.pdm]\ndistribution = false\n')
        (folder / "pdm.toml").write_text(clients.render("pdm", index))
        clients.run([bin_folder / "pdm", "lock"], folder, environ)
        locked = (folder / "pdm.lock").read_text()
        for files in PROJECTS.values():
            assert files is PROJECTS["no.metadata"] or published_tree.sha256(files[0].content) in locked
        clients.run([bin_folder / "pdm", "sync"], folder, environ)
        assert resolved(folder / ".venv") == INSTALLED


@pytest.mark.parametrize("version", programs.chosen("pip-tools"))
def test_pip_tools_compile_and_sync(site, version, tmp_path):
    bin_folder = programs.on_demand(version)
    environ = clients.environment(tmp_path / "home", PIP_TOOLS_CACHE_DIR=str(tmp_path / "cache"))
    program_versions.note("pip-tools", clients.run([bin_folder / "pip-compile", "--version"], tmp_path, environ))
    for number, index in enumerate(indexes(site)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "requirements.in").write_text("DEMO_recipe\n")
        clients.run([bin_folder / "pip-compile", "--index-url", index, "--generate-hashes", "requirements.in"], folder, environ)
        compiled = (folder / "requirements.txt").read_text()
        for files in PROJECTS.values():
            assert files is PROJECTS["no.metadata"] or published_tree.sha256(files[0].content) in compiled
        clients.run([version.python, "-m", "venv", folder / ".venv"], folder, environ)
        clients.run([bin_folder / "pip-sync", "--python-executable", folder / ".venv" / "bin" / "python"], folder, environ)
        assert resolved(folder / ".venv") == INSTALLED
