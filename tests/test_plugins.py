"""Plugins: found by the key or when installed, with keys of their own; the example of one, in a real buildout too."""

from __future__ import annotations

import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pypimirror import cli
from pypimirror.errors import ConfigurationError
from pypimirror.mirror import Mirror
from pypimirror.zcml import registry
from pypimirror.zcml.builtin import NAMESPACE
from pypimirror.zcml.plugins import read
from support import product_wheel, wheelhouse
from support.buildouts import Buildout, Buildouts
from support.mirror import Mirrored
from support.upstream import Upstream, sdist

Captured = pytest.CaptureFixture[str]

EXAMPLE = wheelhouse.CHECKOUT / "examples" / "pypimirror_example"
_ZCML = EXAMPLE / "src" / "pypimirror_example" / "configure.zcml"


@pytest.fixture
def example(mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> Mirrored:
    """A mirror that names the example of a plugin."""
    monkeypatch.syspath_prepend(EXAMPLE / "src")
    mirrored.settings["zcml"] = "pypimirror_example"
    return mirrored


@pytest.fixture
def installed(mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Mirrored:
    """A mirror whose configuration names no plugin, where the example is installed."""
    register(tmp_path / "site", "pypimirror_example")
    monkeypatch.syspath_prepend(EXAMPLE / "src")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return mirrored


def register(folder: Path, value: str) -> None:
    """Have a distribution with an entry point for plugins lie in a folder."""
    info = folder / "something-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: something\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[pypimirror.plugins]\nany = {value}\n")


def zcml(folder: Path, *directives: str, name: str = "site.zcml") -> Path:
    """Write a file of ZCML, its directives from line 2 on."""
    path = folder / name
    path.write_text(f'<configure xmlns="http://namespaces.zope.org/zope" xmlns:pypimirror="{NAMESPACE}">\n'
                    + "\n".join(directives) + "\n</configure>\n")
    return path


def refusal(mirrored: Mirrored, capsys: Captured) -> str:
    """Give the one line that a configuration is refused with."""
    assert mirrored.run("sync") == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert not mirrored.root.exists()
    return printed.err.removeprefix("pypimirror: ").rstrip("\n")


# --- finding them


@pytest.mark.parametrize(("value", "message"), [
    ("no.such.plugin", "zcml: no.such.plugin:configure.zcml: ModuleNotFoundError: No module named 'no'"),
    ("pypimirror:none.zcml", "zcml: pypimirror:none.zcml: can't be read: No such file or directory"),
    ("{folder}/none.zcml", "zcml: {folder}/none.zcml: can't be read: No such file or directory"),
    ("none.zcml", "zcml: {folder}/none.zcml: can't be read: No such file or directory"),
    ("pypimirror_example:", "{config}: zcml = 'pypimirror_example:': must be packages such as"),
    ("../plugin", "{config}: zcml = '../plugin': must be packages such as"),
])
def test_a_plugin_that_cant_be_found_is_named(mirrored: Mirrored, capsys: Captured, value: str, message: str) -> None:
    names = {"folder": mirrored.config.parent, "config": mirrored.config}
    mirrored.settings["zcml"] = value.format(**names)
    assert refusal(mirrored, capsys).startswith(message.format(**names))


def test_an_entry_point_that_names_no_plugin_is_named(mirrored: Mirrored, capsys: Captured, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    register(tmp_path / "site", "my.package:")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert refusal(mirrored, capsys).startswith("entry point 'any' in pypimirror.plugins: 'my.package:': must name packages")


def test_an_installed_plugin_that_fails_is_named(mirrored: Mirrored, capsys: Captured, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    register(tmp_path / "site", "no_such_package")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert refusal(mirrored, capsys) == ("entry point 'any' in pypimirror.plugins: no_such_package:configure.zcml: "
                                         "ModuleNotFoundError: No module named 'no_such_package'; is its distribution "
                                         "installed? In a buildout, eggs names it")


@pytest.mark.parametrize("found", ["example", "installed"])
def test_config_shows_keys_and_components_with_where_they_come_from(request: pytest.FixtureRequest, capsys: Captured,
                                                                    found: str) -> None:
    mirrored: Mirrored = request.getfixturevalue(found)
    mirrored.settings["provenance_required"] = "one"
    assert mirrored.run("config") == 0
    shown = capsys.readouterr().out
    assert f"provenance_required = one    # {mirrored.config} [DEFAULT]\n" in shown
    assert "checksums_filename = SHA256SUMS    # default\n" in shown
    line = next(number for number, text in enumerate(_ZCML.read_text().splitlines(), 1) if "<pypimirror:filter" in text)
    assert f"Filter 'provenance': pypimirror_example.provenance.Provenance    # {_ZCML}:{line}\n" in shown
    assert re.search(rf"Setting 'history_filename': A file that .*    # {_ZCML}:\d+\n", shown)


def test_a_named_policy_overrides_an_installed_plugin_and_a_file_of_the_site_overrides_both(installed: Mirrored) -> None:
    def used() -> str:
        return type(Mirror(read(installed.write())).observers["history"]).__name__

    assert used() == "History"
    other = '<pypimirror:observer name="history" factory="pypimirror.report.log.Log" />'
    installed.settings["zcml"] = zcml(installed.config.parent, other)
    assert used() == "Log"
    filters = Mirror(read(installed.write())).registry
    assert "pypimirror_example.provenance.Provenance" in {registry.origin_of(each) for each in filters.registeredAdapters()}
    installed.settings["zcml"] = "pypimirror_example:strict.zcml"
    names = {registry.origin_of(each) for each in Mirror(read(installed.write())).registry.registeredAdapters()}
    assert "pypimirror_example.provenance.ProvenanceOfAll" in names
    assert "pypimirror_example.provenance.Provenance" not in names


def test_without_plugins_nothing_is_loaded_to_read_a_configuration(mirrored: Mirrored) -> None:
    code = (f"import sys; from pypimirror.zcml.plugins import read; read({mirrored.write()!r})\n"
            "print([name for name in ('importlib.metadata', 'zope.configuration', 'zope.schema') if name in sys.modules])")
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True,
                          env={"PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("found", ["example", "installed", "mirrored"])
def test_zcml_is_loaded_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, found: str) -> None:
    mirrored: Mirrored = request.getfixturevalue(found)
    calls, load = [], registry.load
    monkeypatch.setattr(registry, "load", lambda *plugins: calls.append(plugins) or load(*plugins))
    mirror = Mirror(read(mirrored.write()))
    mirror.check()
    assert mirror.fetcher is mirror.fetcher
    assert len(calls) == 1


# --- their keys


def test_keys_have_values_though_no_configuration_mentions_them(installed: Mirrored) -> None:
    settings = Mirror(read(installed.write())).settings
    assert (settings["checksums_filename"], settings["history_filename"]) == ("SHA256SUMS", None)
    assert settings["provenance_required"] == ()
    assert settings.origin("checksums_filename") == "default"


def test_a_mirror_that_travels_takes_its_plugins_along(example: Mirrored) -> None:
    example.settings |= {"history_filename": "history", "request_headers": "X-Contact: me", "fetcher": "with-headers"}
    mirror = Mirror(read(example.write()))
    arrived = pickle.loads(pickle.dumps(mirror))
    assert dict(arrived.settings) == dict(mirror.settings)
    assert arrived.settings["history_filename"] == str(example.config.parent / "history")
    assert type(arrived.limiter.fetcher).__name__ == "HeadersFetcher"


def test_an_unknown_key_is_refused_with_the_nearest_of_ours_and_theirs(example: Mirrored, capsys: Captured) -> None:
    example.settings["provenance_require"] = "one"
    assert refusal(example, capsys) \
        == f"{example.config}: unknown key 'provenance_require'; did you mean 'provenance_required'?"


def test_a_key_without_its_plugin_is_unknown(mirrored: Mirrored, capsys: Captured) -> None:
    mirrored.settings["provenance_required"] = "one"
    assert "unknown key 'provenance_required'" in refusal(mirrored, capsys)


def test_a_wrong_value_names_file_and_key(example: Mirrored, capsys: Captured) -> None:
    example.settings["checksums_filename"] = "a/b"
    assert refusal(example, capsys).startswith(f"{example.config}: checksums_filename = 'a/b': must be a file name without")


@pytest.mark.parametrize(("directive", "message"), [
    ('name="workers" help="x"', "2: setting 'workers': is a key of the mirror's own"),
    ('name="a-b" help="x"', "2: Invalid value for 'name'"),
    ('name="a"', "2: Missing parameter: 'help'"),
    ('name="a" help="x" type="colour"', "2: setting 'a': type 'colour' is neither one of text, boolean, "),
    ('name="a" help="x" type="no.such.kind"', "2: ImportError: "),
    ('name="a" help="x" type="pypimirror.names.SUFFIXES"',
     "2: setting 'a': type 'pypimirror.names.SUFFIXES' is not a function"),
    ('name="a" help="x" type="integer" default="many"', "2: setting 'a': default 'many': must be a whole number"),
    ('name="a" help="x" affects="weather"', "2: Invalid value for 'affects'"),
])
def test_a_wrong_declaration_is_refused_with_its_place(mirrored: Mirrored, capsys: Captured, directive: str,
                                                       message: str) -> None:
    path = zcml(mirrored.config.parent, f"<pypimirror:setting {directive} />")
    mirrored.settings["zcml"] = path
    assert refusal(mirrored, capsys).startswith(f"{path}:{message}")


def test_two_plugins_that_declare_one_key_conflict(example: Mirrored, capsys: Captured) -> None:
    one = zcml(example.config.parent, '<pypimirror:setting name="colour" help="x" />', name="one.zcml")
    two = zcml(example.config.parent, '<pypimirror:setting name="colour" help="y" />', name="two.zcml")
    example.settings["zcml"] = f"{one} {two}"
    assert refusal(example, capsys) == f"setting 'colour' is claimed by {one}:2 and {two}:2"


@pytest.mark.parametrize("found", ["example", "installed"])
def test_the_example_configuration_has_their_keys_and_works(request: pytest.FixtureRequest, capsys: Captured,
                                                            found: str) -> None:
    mirrored: Mirrored = request.getfixturevalue(found)
    assert mirrored.run("config", "--example") == 0
    text = capsys.readouterr().out
    assert "\n# --- pypimirror_example ---\n" in text
    assert "\n#checksums_filename = SHA256SUMS\n" in text
    assert "\n# A file that gets a line about every run.\n#history_filename =\n" in text
    mirrored.config.write_text(text.replace("#zcml =", f"zcml = {mirrored.settings.get('zcml', '')}")
                               .replace("#history_filename =", "history_filename = history"))
    assert read(str(mirrored.config))["history_filename"] == str(mirrored.config.parent / "history")


def test_the_example_configuration_goes_into_a_file_that_the_shell_made_empty(mirrored: Mirrored, capsys: Captured) -> None:
    mirrored.config.write_text("")
    assert cli.main(None, [str(mirrored.config), "config", "--example"]) == 0
    assert "\nmirror_file_path = mirror\n" in capsys.readouterr().out


# --- what they do to the tree


def test_a_changed_key_of_a_plugin_changes_the_tree_in_the_next_run(example: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", sdist("one", "1"))
    upstream.add("one", sdist("one", "2"))
    upstream.projects["one"]["one-2.tar.gz"].beside[".provenance"] = b"{}"
    upstream.add("two", sdist("two", "1"))
    example.settings["index_formats"] = "html json checksums"
    assert example.run("sync") == 0
    assert example.files("one") == ["one-1.tar.gz", "one-2.tar.gz"]
    before = example.tree()
    upstream.asked()
    example.settings["provenance_required"] = "one"
    assert example.run("-U") == 0
    assert example.files("one") == ["one-2.tar.gz"]
    assert "one/one-1.tar.gz" not in example.paths()
    assert [path for path in upstream.asked() if path.startswith("/files/")] == []
    assert {path: page for path, page in example.tree().items() if path.startswith("two/")} \
        == {path: page for path, page in before.items() if path.startswith("two/")}
    example.settings["checksums_filename"] = "SUMS"
    assert example.run("-U") == 0
    assert {"one/SUMS", "two/SUMS"} <= set(example.paths())
    assert not [path for path in example.paths() if path.endswith("SHA256SUMS")]
    example.settings |= {"provenance_required": None, "checksums_filename": None}
    assert example.run("-U") == 0
    assert sorted(set(example.tree()) ^ set(before)) == []


def test_a_plugin_that_comes_or_goes_changes_the_tree_in_the_next_run(example: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", sdist("one", "1"))
    upstream.add("one", sdist("one", "2"))
    upstream.projects["one"]["one-2.tar.gz"].beside[".provenance"] = b"{}"
    del example.settings["zcml"]
    for plugin, files in ((None, 2), ("pypimirror_example", 2), ("pypimirror_example:strict.zcml", 1), (None, 2)):
        example.settings["zcml"] = plugin
        assert example.run("-U") == 0
        assert len(example.files("one")) == files, plugin


def test_a_run_fetches_through_the_plugin_and_tells_it_the_end(example: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", sdist("one", "1"))
    example.settings |= {"fetcher": "with-headers", "request_headers": "X-Contact: admin@example.com",
                         "history_filename": "history"}
    heard = []

    def answer(handler) -> None:
        heard.append(handler.headers["X-Contact"])
        handler.reply(*upstream.respond(handler.path, handler.headers))

    upstream.answers["/files/one/one-1.tar.gz"] = upstream.answers["/simple/one/"] = answer
    assert example.run("sync") == 0
    assert heard == ["admin@example.com"] * 2
    assert re.fullmatch(r"\S+ status 0, 1 stored, 0 removed\n", (example.config.parent / "history").read_text())


def test_plan_says_that_the_plugin_leaves_a_file_out(example: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    upstream.add("one", sdist("one", "1"))
    example.settings["provenance_required"] = "*"
    assert example.run("plan", "--json") == 0
    assert "it has no provenance" in capsys.readouterr().out


# --- the example itself


def test_the_examples_own_tests_pass() -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(EXAMPLE / "src"), *sys.path])}
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLE / "tests")], env=environ,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout


PART = """
[pypimirror]
recipe = z3c.recipe.pypimirror
eggs = pypimirror_example
package-matches = *
"""


@pytest.fixture(scope="module")
def distributed(buildouts: Buildouts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example's wheel in ``wheels``, and ``eggs`` that it may be put among."""
    folder = tmp_path_factory.mktemp("example")
    source = shutil.copytree(EXAMPLE, folder / "source", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"))
    product_wheel.wheel(source, folder / "wheels", buildouts.environment("6") / "bin" / "python", buildouts.environ())
    shutil.copytree(buildouts.eggs("6"), folder / "eggs", ignore=shutil.ignore_patterns("pypimirror_example*"))
    return folder


@pytest.fixture
def buildout(buildouts: Buildouts, distributed: Path) -> Buildout:
    """A buildout that can install the example."""
    made = buildouts.new()
    made.find_links.append(str(distributed / "wheels"))
    made.eggs = distributed / "eggs"
    return made


def script(buildout: Buildout, *arguments: str, status: int = 0) -> str:
    """Run the part's script; give what it printed."""
    done = subprocess.run([str(buildout.folder / "bin" / "pypimirror"), *arguments], env=buildout.environ, cwd="/",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == status, done.stdout
    return done.stdout


@pytest.mark.heavy
def test_a_real_buildout_uses_the_plugin(buildout: Buildout, upstream: Upstream) -> None:
    upstream.add("one", sdist("one", "1"))
    upstream.add("one", sdist("one", "2"))
    upstream.projects["one"]["one-2.tar.gz"].beside[".provenance"] = b"{}"
    buildout.write(PART + f"""
index-url = {upstream.url}
index-formats = html json checksums
provenance-required = one
fetcher = with-headers
request-headers =
    X-Contact: admin@example.com
    X-Purpose: mirror
history-filename = var/history
""")
    buildout.run()
    written = buildout.read("parts/pypimirror/pypimirror.cfg")
    assert f"history_filename = {buildout.folder}/var/history\n" in written
    assert "request_headers =\n    X-Contact: admin@example.com\n    X-Purpose: mirror\n" in written
    heard = []

    def answer(handler) -> None:
        heard.append((handler.headers["X-Contact"], handler.headers["X-Purpose"]))
        handler.reply(*upstream.respond(handler.path, handler.headers))

    upstream.answers["/simple/one/"] = answer
    (buildout.folder / "var").mkdir()
    assert script(buildout, "sync") == ""
    root = buildout.folder / "var" / "pypimirror"
    assert sorted(path.name for path in root.glob("one/*")) == ["SHA256SUMS", "index.html", "index.v1_json", "one-2.tar.gz",
                                                              "one-2.tar.gz.provenance"]
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=root / "one", check=True, stdout=subprocess.DEVNULL)
    assert heard == [("admin@example.com", "mirror")]
    assert "1 stored" in buildout.read("var/history")
    assert re.search(r"Filter 'provenance': pypimirror_example\.provenance\.Provenance    # /.*configure\.zcml:\d+",
                     script(buildout, "config"))
    assert "Updating pypimirror." in buildout.run()
    assert buildout.read("parts/pypimirror/pypimirror.cfg") == written


@pytest.mark.heavy
def test_zcml_in_the_part_has_the_last_word_and_goes_with_it(buildout: Buildout) -> None:
    buildout.write(PART + """
zcml = pypimirror_example:strict.zcml
zcml-additional =
    <pypimirror:filter name="provenance" factory="pypimirror_example.provenance.Provenance" />
    <pypimirror:setting name="colour" type="path" help="A key of this site's." />
    <pypimirror:setting name="owned" type="site_types.existing" help="A file, read by a type of its own." />
    <pypimirror:setting name="usual" type="site_types.existing" default="here.txt" help="The same with a default." />
colour = red
owned = here.txt
base-url = https://pypi.example.com
webserver = caddy nginx
""")
    buildout.environ = {**buildout.environ, "PYTHONPATH": str(buildout.folder / "lib")}
    (buildout.folder / "lib").mkdir()
    (buildout.folder / "here.txt").write_text("here")
    (buildout.folder / "lib" / "site_types.py").write_text(
        "import os\n\n\ndef existing(text, folder):\n    path = os.path.join(folder, text)\n"
        "    if not os.path.isfile(path):\n        raise ValueError('a file in ' + folder)\n    return path\n")
    buildout.run()
    written = buildout.read("parts/pypimirror/pypimirror.cfg")
    added = buildout.folder / "parts" / "pypimirror" / "additional.zcml"
    assert f"zcml =\n    pypimirror_example:strict.zcml\n    {added}\n" in written
    assert f"colour = {buildout.folder}/red\n" in written
    assert f"relative_to = {buildout.folder}\n" in written
    for key in ("owned", "usual"):
        assert re.search(rf"^{key} = {buildout.folder}/here\.txt    # ", script(buildout, "config"), re.MULTILINE)
    assert f"root * {buildout.folder}/var/pypimirror\n" in buildout.read("parts/pypimirror/Caddyfile")
    assert 'url = "https://pypi.example.com/simple/"' in buildout.read("parts/pypimirror/pdm.toml")
    assert "server_name" in buildout.read("parts/pypimirror/nginx.conf")
    assert re.search(rf"Filter 'provenance': .*\.Provenance    # {added}:\d+", script(buildout, "config"))
    buildout.write("")
    buildout.run()
    assert not added.parent.exists()


def test_a_whole_file_of_zcml_stays_as_it_is_and_paths_are_relative_where_wished(buildout: Buildout) -> None:
    zcml(buildout.folder, '<pypimirror:observer name="quiet" factory="pypimirror.report.log.Log" />')
    buildout.write(PART + """
relative-paths = true
zcml = site.zcml
zcml-additional =
    <configure xmlns="http://namespaces.zope.org/zope">
      <include package="pypimirror_example" file="strict.zcml" />
    </configure>
""")
    buildout.run()
    assert "zcml =\n    ../../site.zcml\n    additional.zcml\n" in buildout.read("parts/pypimirror/pypimirror.cfg")
    assert buildout.read("parts/pypimirror/additional.zcml").startswith('<configure xmlns="http://namespaces.zope.org/zope">\n')
    shown = script(buildout, "config")
    assert "ProvenanceOfAll" in shown
    assert "Observer 'quiet'" in shown


@pytest.mark.parametrize(("lines", "message"), [
    ("provenance-require = one", "unknown option 'provenance-require'; did you mean 'provenance-required'?"),
    ("checksums-filename = a/b", "checksums-filename = a/b: must be a file name without folders"),
    ("zcml = no_such_package", "zcml: no_such_package:configure.zcml: ModuleNotFoundError: No module named 'no_such_package'; "
                               "is its distribution installed? In a buildout, eggs names it"),
    ("zcml-additional = <pypimirror:filtr />", f"Unknown directive {NAMESPACE} filtr"),
    ("zcml-additional = <pypimirror:filter", "zcml-additional, line 1: not well-formed (invalid token)"),
    ("zcml-additional =\n    <pypimirror:observer name='a' factory='pypimirror.report.log.Log' />\n"
     "    <pypimirror:observer name='b' factory='pypimirror.report.log.Log' />\n    <pypimirror:filtr name='c' />",
     f"zcml-additional, line 3: Unknown directive {NAMESPACE} filtr; did you mean 'filter'?"),
    ("filters = provenance team-approved", "filters = team-approved: unknown; available: allow, compatibility, "),
    ("index-formats = html checksum", "index-formats = checksum: unknown; available: browse, checksums, full, html, json, "
                                      "legacy-json; did you mean 'checksums'?"),
    ("webserver = httpd", "webserver = httpd: unknown; available: apache, caddy, nginx; no installed plugin declares it; "
                          "is one missing in eggs?"),
    ("fetcher = with-header", "fetcher = with-header: unknown; available: pycurl, requests, with-headers; did you mean"),
    ("mirror-file-path = shelf://x", "mirror-file-path = shelf://x: unknown; available: file, s3; no installed"),
    ("colour = red", "unknown option 'colour'; no installed plugin declares it; is one missing in eggs?"),
    ("webserver = caddy", "caddy needs a base_url"),
])
def test_buildout_refuses_what_is_wrong_and_leaves_nothing(buildout: Buildout, lines: str, message: str) -> None:
    buildout.write(PART + lines)
    output = buildout.run(status=1)
    assert re.search(rf"^Error: \[pypimirror\] .*{re.escape(message)}", output, re.MULTILINE), output
    assert not list(buildout.folder.glob("parts/pypimirror/*"))
    assert not (buildout.folder / "bin" / "pypimirror").exists()


def test_the_guide_shows_the_code_of_the_example() -> None:
    guide = wheelhouse.CHECKOUT / "docs" / "plugins.rst"
    shown = {(guide.parent / path).resolve() for path in
             re.findall(r"^\.\. literalinclude:: (\S+)$", guide.read_text(encoding="utf-8"), re.MULTILINE)}
    package = EXAMPLE / "src" / "pypimirror_example"
    expected = {*package.glob("*.py"), *package.glob("*.zcml"), EXAMPLE / "setup.py"} - {package / "__init__.py"}
    assert expected <= shown
    assert [path for path in shown if not path.is_file()] == []


def test_pickled_settings_keep_no_registry(example: Mirrored) -> None:
    settings = read(example.write())
    assert settings.registry is not None
    assert pickle.loads(pickle.dumps(settings)).registry is None


def test_a_plugin_that_exits_when_it_is_imported_is_refused(
        example: Mirrored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "exits_at_import.py").write_text("raise SystemExit('needs \x1b[31m another Python')")
    monkeypatch.syspath_prepend(tmp_path)
    example.settings["zcml"] = "exits_at_import"
    assert example.run("sync") == 2
    printed = capsys.readouterr().err
    assert "exits_at_import" in printed and "SystemExit: needs \\x1b[31m another Python" in printed
    assert printed.count("\n") == 1


def test_nobody_needs_a_mirror_to_be_told_of_a_broken_plugin(example: Mirrored) -> None:
    example.settings["zcml"] = "no_such_package"
    with pytest.raises(ConfigurationError, match="no_such_package"):
        read(example.write())
