"""The documentation says what the code says, its examples are right, and its links lead somewhere."""

from __future__ import annotations

import configparser
import importlib
import importlib.util
import io
import json
import re
import shlex
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from zc.buildout import buildout as zc_buildout
from zc.buildout import configparser as zc_configparser
from zope.configuration.name import resolve

import pypimirror
from pypimirror import cli, errors
from pypimirror.clients.files import EXTENSION
from pypimirror.interfaces import ISafetyFilter
from pypimirror.mirror import Mirror
from pypimirror.recipe import options
from pypimirror.settings import converters
from pypimirror.settings.keys import KEYS
from pypimirror.verbs import VERBS
from pypimirror.zcml.plugins import read
from support import osv, wheelhouse
from support.buildouts import Buildouts
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

DOCS = wheelhouse.CHECKOUT / "docs"
DOCUMENTS = sorted(DOCS.glob("*.rst"))
PAGES = [*DOCUMENTS, *(wheelhouse.CHECKOUT / name for name in ("README.rst", "CHANGES.rst")),
         *wheelhouse.CHECKOUT.glob("examples/*/README.rst")]
_spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
assert _spec is not None and _spec.loader is not None
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)


#: The options of zc.buildout itself.
BUILDOUT = {*zc_buildout._buildout_default_options, "develop", "extends", "extends-cache", "extensions", "index", "parts"}
_OWN = "{http://namespaces.zope.org/pypimirror}"


class Block(NamedTuple):
    """A block of code in a document."""

    page: Path
    line: int
    #: As ``code-block`` has it, empty for one that follows two colons.
    language: str
    text: str


def blocks() -> Iterator[Block]:
    """Give all blocks of code of all documents."""
    for page in PAGES:
        lines = page.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            found = re.fullmatch(r"( *)(?:\.\. code-block:: (\w+)|(?! *\.\.).*::)", line)
            if not found:
                continue
            inside = []
            for following in lines[number + 1:]:
                if following and len(following) - len(following.lstrip()) <= len(found[1]):
                    break
                inside.append(following)
            yield Block(page, number + 1, found[2] or "", textwrap.dedent("\n".join(inside)).strip("\n") + "\n")


BLOCKS = list(blocks())


def named(found: list[Block]) -> Any:
    return pytest.mark.parametrize("block", found, ids=[f"{block.page.name}:{block.line}" for block in found])


# --- the reference


@pytest.mark.parametrize("document", reference.BLOCKS)
def test_the_reference_is_what_the_code_says_now(document: str) -> None:
    text = (DOCS / document).read_text(encoding="utf-8")
    assert text == reference.renewed(document, text), "run: python docs/reference.py"


def entries(document: str, name: str) -> dict[str, str]:
    """Give the texts of a block of the reference by term."""
    text = (DOCS / document).read_text(encoding="utf-8")
    inside = text.partition(f".. begin: {name}\n")[2].partition(f".. end: {name}\n")[0]
    found = re.findall(r"^(\S.*)\n((?:    .*\n|\n(?=    ))+)", inside, re.MULTILINE)
    return {term.replace("``", ""): " ".join(body.split()) for term, body in found}


def test_every_key_is_documented_with_its_default_and_no_other() -> None:
    found = entries("configuration.rst", "keys")
    assert list(found) == [key.name for key in KEYS]
    for key in KEYS:
        assert found[key.name].endswith(f"Default: ``{key.default}``." if key.default else ("Required.", "Default: empty."))
        assert found[key.name].endswith("Required.") == key.required


def test_every_option_of_the_recipe_is_documented_with_its_default_and_no_other() -> None:
    found = entries("recipe.rst", "options")
    assert list(found) == [option.name for option in options.OPTIONS]
    for option in options.OPTIONS:
        assert found[option.name].endswith(f"Default: ``{option.default}``." if option.default else "Default: empty.")


def test_every_verb_and_every_option_of_the_command_line_is_documented() -> None:
    assert [term.split()[0] for term in entries("command-line.rst", "verbs")] == list(VERBS)
    documented = {flag.split()[0] for term in entries("command-line.rst", "arguments") for flag in term.split(", ")}
    assert documented == {flag for action in cli.parser(False)._actions for flag in action.option_strings}


def test_every_directive_and_every_component_is_documented() -> None:
    folder = Path(pypimirror.__file__).parent
    meta = ElementTree.parse(folder / "meta.zcml").iter("{http://namespaces.zope.org/meta}directive")
    assert list(entries("components.rst", "directives")) == [element.attrib["name"] for element in meta]
    registered = [f"{element.tag.partition('}')[2]} {element.attrib['name']}"
                  for element in ElementTree.parse(folder / "configure.zcml").iter() if "factory" in element.attrib]
    assert list(entries("components.rst", "components")) == registered


def own(kind: str) -> dict[str, Any]:
    """Return the classes of the product's components of a kind by name, in the order of configure.zcml."""
    found = ElementTree.parse(Path(pypimirror.__file__).parent / "configure.zcml").iter(f"{_OWN}{kind}")
    return {element.attrib["name"]: resolve(f"pypimirror{element.attrib['factory']}") for element in found}


def test_every_filter_has_a_section_in_the_order_in_which_they_are_used() -> None:
    text = (DOCS / "filters.rst").read_text(encoding="utf-8")
    headings = re.findall(r"^(.*)\n-+$", text, re.MULTILINE)
    documented = [name for heading in headings for name in re.findall(r"``([\w-]+)``", heading)]
    components = [term.split() for term in entries("components.rst", "components")]
    names = [name for kind, name in components if kind == "nameFilter"]
    assert documented == [*names, *(name for kind, name in components if kind == "filter")]


def test_filters_are_listed_by_what_they_limit() -> None:
    text = (DOCS / "filters.rst").read_text(encoding="utf-8")
    filters = own("filter")
    for what, chosen in (
            ("Filters on releases", [name for name in filters if not filters[name].applies_to_pins]),
            ("Filters on files", [name for name in filters if filters[name].applies_to_pins]),
            ("Those for safety", [name for name in filters if ISafetyFilter.implementedBy(filters[name])])):
        listed = re.findall(r"``([\w-]+)``", text.partition(f"{what} (")[2].partition(")")[0])
        assert listed == chosen, f"docs/filters.rst: {what}"


@pytest.mark.parametrize(("kind", "page"), [("client", "clients.rst"), ("webServer", "web-servers.rst")])
def test_every_client_and_web_server_is_documented(kind: str, page: str) -> None:
    verb = kind.lower()
    listed = re.findall(r"[\w-]+", VERBS[verb].help.partition(": ")[2].rpartition(", ")[0])
    assert listed == list(own(kind)), f"src/pypimirror/verbs.py: the help of {verb}"
    text = (DOCS / page).read_text(encoding="utf-8")
    for name, component in own(kind).items():
        assert f" {verb} {name} " in text, f"docs/{page}: no command has {verb} {name}"
        assert f"``{component.filename}``" in (DOCS / "recipe.rst").read_text(encoding="utf-8"), "docs/recipe.rst: Files"


def test_every_exit_status_is_documented() -> None:
    text = (DOCS / "command-line.rst").read_text(encoding="utf-8").partition("\nExit status\n")[2].partition("\nThe JSON")[0]
    documented = {int(number) for number in re.findall(r"^(\d+) ", text, re.MULTILINE)}
    raised = {value.status for value in vars(errors).values() if isinstance(value, type) and hasattr(value, "status")}
    assert documented == {0, *raised, 4, 130}


# --- examples


@named([block for block in BLOCKS if block.language == "ini" or (not block.language and block.text.startswith("["))])
def test_a_configuration_is_right(block: Block, tmp_path: Path) -> None:
    parser = configparser.RawConfigParser()
    parser.read_string(block.text)
    if set(parser.sections()) <= {"pypimirror"} and not parser.has_option("pypimirror", "recipe"):
        file = tmp_path / "pypimirror.cfg"
        file.write_text(block.text)
        (tmp_path / "eggs").mkdir()  # the documentation's name for a site's own distributions
        (tmp_path / "trusted_root.json").write_text('{"tlogs": [1], "certificateAuthorities": [1], "ctlogs": [1]}')
        given = parser.has_option("DEFAULT", "mirror_file_path")
        Mirror(read(str(file), {} if given else {"mirror_file_path": "/srv/pypi", "package_matches": "*"})).check()
        return
    zc_configparser.parse(io.StringIO(block.text), block.page.name)
    for name in parser.sections():
        section = dict(parser[name])
        if name == "buildout":
            assert {option.rstrip("+- ") for option in section} <= BUILDOUT
        elif section["recipe"] == "z3c.recipe.pypimirror":
            check_part(name, section)


def plugins_keys() -> list[options.OptionKey]:
    """Give the keys that the example of a plugin declares."""
    example = wheelhouse.CHECKOUT / "examples" / "pypimirror_example" / "src" / "pypimirror_example" / "configure.zcml"
    declared = [element.attrib["name"] for element in ElementTree.parse(example).iter(f"{_OWN}setting")]
    return [options.OptionKey(name.replace("_", "-"), name, converters.text) for name in declared]


def check_part(name: str, section: dict[str, str]) -> None:
    """Have the options of a part checked as the recipe does."""
    values = {option: re.sub(r"\$\{[^}]*\}", "/srv/buildout", text) for option, text in section.items()}
    options.check_names(name, values, plugins_keys() if "zcml" in values else ())
    texts = options.collect_texts(name, values, "/srv/buildout", options.configuration_keys())
    assert texts or values.keys() & {"pinned"}, f"[{name}] asks for nothing"
    for option in options.OPTIONS:
        options.convert_option(name, values, option.name, option.kind, "/srv/buildout", option.default)


COMMANDS = [Block(block.page, block.line, block.language, line[2:]) for block in BLOCKS
            for line in block.text.splitlines() if line.startswith("$ ")]


#: Programs of others that the documentation calls.
_PROGRAMS = {"apt-get", "bin/buildout", "certbot", "chgrp", "chmod", "conda-lock", "install", "ln", "man", "mkdir", "nginx",
             "poetry", "python3", "rm", "rsync", "source", "systemctl", "useradd", "userdel"}


@named(COMMANDS)
def test_a_command_is_right(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(block.text)
    if words[:2] == ["runuser", "-u"]:
        del words[:4]
    words = words[:next((at for at, word in enumerate(words) if word in (">", "|", "&&")), len(words))]
    program, arguments = words[0], words[1:]
    if program.endswith("pypimirror"):
        called = []

        def run(config: str, given: Any) -> int:
            called.append(config)
            return 0

        monkeypatch.setattr(cli, "import_module", lambda name, package: SimpleNamespace(run=run))
        assert cli.main("built-in.cfg" if program == "bin/pypimirror" else None, arguments) == 0
        verb = next((word for word in arguments if word in VERBS), "sync")
        assert called[0].endswith(".cfg") or not VERBS[verb].configured or VERBS[verb].unconfigured
    else:
        assert program in _PROGRAMS or Path(program).name == "pip", program


def test_examples_are_found_at_all_and_none_in_a_language_that_no_test_knows() -> None:
    assert {block.language for block in BLOCKS} == {"console", "ini", "json", "sh", ""}  # tests/test_copied.py runs the script
    assert len(COMMANDS) > 20


def test_what_the_readme_has_one_run_is_there() -> None:
    commands = [block.text for block in BLOCKS if block.page.name == "README.rst" and block.text.startswith("python3 ")]
    parser = configparser.RawConfigParser()
    parser.read(wheelhouse.CHECKOUT / "buildout.cfg")
    assert len(commands) == 2
    for command in commands:
        bootstrap, script = command.split("&&")
        assert (wheelhouse.CHECKOUT / bootstrap.split()[1]).is_file()
        assert parser[Path(script.strip()).name]["scripts"] == Path(script.strip()).name


# --- JSON


def shape(value: Any) -> Any:
    """Give the keys of a JSON value, at all depths; of a list those of its first item."""
    if isinstance(value, list):
        assert value, "shows nothing"
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return shape(value[0]) if isinstance(value, list) else None


def documented(index: int, page: str = "command-line.rst") -> Any:
    found = [block for block in BLOCKS if block.language == "json" and block.page.name == page]
    return shape(json.loads(found[index].text))


def test_json_is_as_documented(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "versions.cfg").write_text("[versions]\nlost = 1.0\n")
    mirrored.settings |= {"versions": "versions.cfg", "requirements": "missing.txt", "prereleases": "False", "min_age": "1d"}
    upstream.add("demo", wheel("demo", "1.0"))
    upstream.add("old", wheel("old", "1.0"), sdist("old", "1.0"))
    upstream.add("other", sdist("other", "1.0"))
    assert mirrored.run("sync") == 1
    upstream.add("demo", wheel("demo", "2.0"), wheel("demo", "2.1rc1"), ("demo-1.unknown", b"x"))
    mirrored.settings |= {"filename_excludes": "other*", "advisories": osv.write_directory(
        tmp_path / "osv", osv.document("PYSEC-1", "demo", introduced="0", fixed="2.0"), osv.document("MAL-1", "old"))}
    upstream.remove("old")
    (mirrored.root / ".pypimirror" / "missed.json").write_text('[["demo-client", 1, 0.0]]')
    capsys.readouterr()
    assert mirrored.run("status", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found.keys() == documented(0, "status.rst").keys()
    assert mirrored.run("plan", "--json") == 1
    assert shape(json.loads(capsys.readouterr().out)) == documented(0)
    assert mirrored.run("sync") == 1
    capsys.readouterr()
    assert mirrored.run("trash", "list", "--json") == 0
    assert shape(json.loads(capsys.readouterr().out)) == documented(1)


# --- what the how-tos promise


@pytest.mark.parametrize("generation", wheelhouse.GENERATIONS)
@pytest.mark.heavy
def test_a_part_and_its_develop_egg_go_in_two_runs_and_nothing_is_lost_in_one(buildouts: Buildouts, generation: str) -> None:
    buildout = buildouts.new(generation)
    buildout.find_links = [str(wheelhouse.FOLDER)]
    develop = f"develop = {buildouts.source()}"
    buildout.write("[pypimirror]\nrecipe = z3c.recipe.pypimirror\npackage-matches = demo\n"
                   "index-url = http://pypi.example.com/simple/\n", develop)
    buildout.run()
    script = buildout.folder / "bin" / "pypimirror"
    buildout.write("")
    buildout.forget("z3c.recipe.pypimirror")
    buildout.run(status=1)
    assert script.exists()
    buildout.write("", develop)
    buildout.run()
    assert not script.exists()
    assert not (buildout.folder / "parts" / "pypimirror").exists()
    buildout.write("")
    buildout.run()


def test_what_a_mirror_needs_for_the_extension_is_named_in_full() -> None:
    [block] = [block for block in BLOCKS if block.page.name == "clients.rst" and "# the extension" in block.text]
    parser = configparser.RawConfigParser()
    parser.read_string(block.text)
    assert {EXTENSION, "setuptools", "wheel"} <= set(parser["DEFAULT"]["package_matches"].split())


def test_one_release_is_taken_down_though_it_is_pinned(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    (tmp_path / "versions.cfg").write_text("[versions]\nbadpackage = 1.2.3\n")
    mirrored.settings["versions"] = "versions.cfg"
    upstream.add("badpackage", wheel("badpackage", "1.2.3"), wheel("badpackage", "1.2.30"))
    assert mirrored.run("sync") == 0
    [block] = [block for block in BLOCKS if block.page.name == "removing.rst" and "filename_excludes" in block.text]
    parser = configparser.RawConfigParser()
    parser.read_string(block.text)
    mirrored.settings["filename_excludes"] = " ".join(parser["DEFAULT"]["filename_excludes"].split())
    assert mirrored.run("sync", "-U") == 1
    assert mirrored.files("badpackage") == ["badpackage-1.2.30-py3-none-any.whl"]
    mirrored.settings["package_excludes"] = "badpackage"
    assert mirrored.run("sync", "-U") == 0
    assert not (mirrored.root / "badpackage").exists()


# --- links


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert set(re.findall(r":doc:`(?:[^`<]*<)?([^`>]+)>?`", text)) <= {path.stem for path in DOCUMENTS}


def test_every_document_is_in_the_index_once() -> None:
    text = (DOCS / "index.rst").read_text(encoding="utf-8")
    named_there = re.findall(r"^    ([\w.-]+)$", text, re.MULTILINE)
    assert sorted(named_there) == sorted(path.stem for path in DOCUMENTS if path.stem != "index")


def test_files_of_the_source_that_are_spoken_of_are_there() -> None:
    for page in PAGES:
        for path in re.findall(r"``((?:docs|examples|tests|src)/[\w./-]*)``", page.read_text(encoding="utf-8")):
            assert (wheelhouse.CHECKOUT / path).exists(), f"{page}: {path}"
        for path in re.findall(r"\.\. literalinclude:: (\S+)", page.read_text(encoding="utf-8")):
            assert (page.parent / path).is_file(), f"{page}: {path}"


def test_sphinx_builds_it_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="sphinx is not installed; .ci/run builds the documentation with it")
    done = subprocess.run([sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(tmp_path / "doctrees"),
                           str(DOCS), str(tmp_path / "html")], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "html" / "index.html").is_file()


def test_the_tests_that_the_documentation_names_are_there() -> None:
    named = {name for document in DOCUMENTS for name in re.findall(r"\btest_\w+\.py\b", document.read_text(encoding="utf-8"))}
    there = {path.name for folder in ("tests", "examples") for path in (wheelhouse.CHECKOUT / folder).rglob("test_*.py")}
    assert "test_hostile.py" in named
    assert named <= there


def test_the_code_that_the_documentation_names_is_there() -> None:
    """Dotted names: those of the package everywhere, and in the page about the architecture also those without it."""
    named = {name for page in PAGES for name in re.findall(r"``(pypimirror(?:\.\w+)+)``", page.read_text(encoding="utf-8"))}
    inside = {path.stem for path in Path(pypimirror.__file__).parent.iterdir()}
    page = (DOCS / "architecture.rst").read_text(encoding="utf-8")
    named |= {f"pypimirror.{name}" for name in re.findall(r"``(\w+(?:\.\w+)+)``", page) if name.partition(".")[0] in inside}
    assert {"pypimirror.interfaces", "pypimirror.sync.run.Run"} <= named
    files = {"pypimirror.cfg", "pypimirror.service", "pypimirror.timer"}
    entry_points = {"pypimirror.plugins"}
    assert [name for name in sorted(named - files - entry_points) if not resolves(name)] == []


def resolves(name: str) -> bool:
    """Whether a dotted name leads to a module, or to what a module defines."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            found = getattr(found, part, None)
        return found is not None
    return False
