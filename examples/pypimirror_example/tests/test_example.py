"""The components of the plugin, as its ZCML and a configuration make them."""

from pathlib import Path

import pytest
from zope.interface.verify import verifyObject

from pypimirror import cli
from pypimirror.errors import ConfigurationError, StorageError
from pypimirror.events import RunFinished
from pypimirror.interfaces import IClient, IFetcher, IFilter, IIndexWriter, IObserver, IWebServer
from pypimirror.mirror import Mirror
from pypimirror.model import File, Project, Stored
from pypimirror.zcml import registry
from pypimirror.zcml.plugins import read

URL = "https://files.example.com/"
SIGNED = File("one-2.tar.gz", f"{URL}one-2.tar.gz", provenance=f"{URL}one-2.provenance")
UNSIGNED = File("one-1.tar.gz", f"{URL}one-1.tar.gz")


def mirror(folder: Path, plugin: str = "pypimirror_example", **keys: object) -> Mirror:
    """Return a mirror with the plugin and these keys in its configuration."""
    config = folder / "mirror.cfg"
    keys = {"mirror_file_path": folder / "mirror", "package_matches": "*", "zcml": plugin, **keys}
    config.write_text("[pypimirror]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()))
    return Mirror(read(str(config)))


@pytest.mark.parametrize(("interface", "name"), [
    (IFilter, "provenance"), (IIndexWriter, "checksums"), (IFetcher, "with-headers"), (IObserver, "history"), (IClient, "pdm"),
    (IWebServer, "caddy")])
def test_every_component_keeps_its_contract(tmp_path, interface, name):
    made = mirror(tmp_path)
    assert verifyObject(interface, registry.chosen(made.registry, (made.settings,), interface, name, "name"))


@pytest.mark.parametrize(("globs", "kept"), [
    ("", (UNSIGNED, SIGNED)), ("other", (UNSIGNED, SIGNED)), ("other on*", (SIGNED,))])
def test_files_without_provenance_are_left_out_where_it_is_required(tmp_path, globs, kept):
    assert mirror(tmp_path, provenance_required=globs).selection.select(Project("one", (UNSIGNED, SIGNED))).files == kept


def test_the_strict_policy_requires_it_everywhere(tmp_path):
    selected = mirror(tmp_path, "pypimirror_example:strict.zcml").selection.select(Project("one", (UNSIGNED, SIGNED)))
    assert selected.files == (SIGNED,)
    assert [(each.file, each.reason, each.filter) for each in selected.left_out] \
        == [(UNSIGNED, "it has no provenance", "provenance")]


def test_checksums_are_lines_for_sha256sum(tmp_path):
    writer = mirror(tmp_path, index_formats="checksums", checksums_filename="SUMS").writers[0]
    project = Project("one", (UNSIGNED._replace(stored=Stored("ab" * 32, 5)),))
    assert list(writer.pages(project, 1)) == [("one/SUMS", b"ab" * 32 + b"  one-1.tar.gz\n")]


@pytest.mark.parametrize(("key", "value", "message"), [
    ("checksums_filename", "../SUMS", "checksums_filename = '../SUMS': must be a file name without folders"),
    ("request_headers", "X-Contact", "request_headers = 'X-Contact': must be lines such as"),
])
def test_wrong_values_name_the_key(tmp_path, key, value, message):
    with pytest.raises(ConfigurationError) as refused:
        mirror(tmp_path, **{key: value})
    assert message in str(refused.value)


def test_the_history_has_a_line_a_run(tmp_path):
    observer = mirror(tmp_path, history_filename="history").observers["history"]
    for status in (0, 1):
        observer.notify(RunFinished(status, 1.5, {"stored": 3, "removed": 0}))
    lines = (tmp_path / "history").read_text().splitlines()
    assert [line.partition(" ")[2] for line in lines] == ["status 0, 3 stored, 0 removed", "status 1, 3 stored, 0 removed"]


def test_pdm_and_caddy_get_their_files(tmp_path, capsys):
    mirror(tmp_path, base_url="https://pypi.example.com")
    for arguments, expected in ((["client", "pdm"], 'url = "https://pypi.example.com/simple/"\n'),
                                (["webserver", "caddy"], f"    root * {tmp_path}/mirror\n")):
        assert cli.main(None, [str(tmp_path / "mirror.cfg"), *arguments]) == 0
        assert expected in capsys.readouterr().out


def test_a_history_that_cant_be_written_is_named(tmp_path):
    observer = mirror(tmp_path, history_filename="none/history").observers["history"]
    with pytest.raises(StorageError, match="none/history: No such file or directory"):
        observer.notify(RunFinished(0, 1.5, {"stored": 3, "removed": 0}))
