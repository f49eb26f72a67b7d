"""The registry of components, filled by ZCML: ours, and what plugins add, replace and get wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from zope.component import getUtility
from zope.configuration import xmlconfig
from zope.configuration.config import ConfigurationMachine
from zope.interface import classImplements, implementer
from zope.interface.verify import verifyObject

import pypimirror
from pypimirror import interfaces
from pypimirror.errors import ConfigurationError
from pypimirror.mirror import Mirror
from pypimirror.settings.values import Plugin
from pypimirror.zcml import registry
from pypimirror.zcml.builtin import NAMESPACE
from pypimirror.zcml.plugins import read
from support.mirror import Mirrored

_HEAD = ('<configure xmlns="http://namespaces.zope.org/zope" xmlns:zcml="http://namespaces.zope.org/zcml" '
         f'xmlns:pypimirror="{NAMESPACE}">\n')


@implementer(interfaces.IFilter)
class Good:
    """A filter that takes everything."""

    active, applies_to_pins, reason = True, True, ""

    def __init__(self, settings: Any):
        pass

    def select(self, project: Any) -> Any:
        return project.files


class Other(Good):
    """Another filter."""


class Bare(Good):
    """A filter that needs nothing, and so can't be given settings."""

    def __init__(self) -> None:
        pass


@implementer(interfaces.IFilter)
class Incomplete:
    """A filter without ``select``."""

    def __init__(self, settings: Any):
        pass


@implementer(interfaces.IFilter)
class Wrong(Incomplete):
    """A filter whose ``select`` takes nothing."""

    def select(self) -> Any:
        return ()


@implementer(interfaces.IFilter)
class Silent(Incomplete):
    """A filter that gives no reason."""

    active, applies_to_pins = True, True

    def select(self, project: Any) -> Any:
        return ()


class Stranger:
    """No filter at all."""


@implementer(interfaces.IStorage)
class Wrapping:
    """A storage that passes every call on, which nobody can verify."""

    def __init__(self, settings: Any):
        self._wrapped = settings

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)


@implementer(interfaces.IFilter)
def made(settings: Any) -> Good:
    """A factory that is no class."""
    return Good(settings)


def written(folder: Path, *lines: str, name: str = "plugin.zcml", rank: int = 2) -> Plugin:
    """Write a file of ZCML, its directives from line 2 on; give it as a plugin."""
    path = folder / name
    path.write_text(_HEAD + "\n".join(lines) + "\n</configure>\n")
    return Plugin("", str(path), "zcml", rank)


def directive(name: str, cls: str, more: str = "") -> str:
    return f'<pypimirror:filter name="{name}" factory="test_registry.{cls}" {more}/>'


def filters(*plugins: Plugin) -> dict[str, str]:
    """Give the file filters, without our own that nobody replaced: dotted names by name."""
    found = {each.name: registry.origin_of(each) for each in registry.load(plugins).registeredAdapters()
             if each.provided is interfaces.IFilter}
    return {name: factory for name, factory in found.items() if not factory.startswith("pypimirror.")}


def refused(*plugins: Plugin) -> str:
    """Give the message that loading ends with, which must be one line."""
    with pytest.raises(ConfigurationError) as error:
        registry.load(plugins)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_every_component_of_ours_keeps_its_contract(mirrored: Mirrored) -> None:
    mirror = Mirror(read(mirrored.write()))
    mirror.check()
    assert verifyObject(interfaces.IMirror, mirror)
    settings = mirror.settings
    assert verifyObject(interfaces.ISettings, settings)
    for registered in mirror.registry.registeredUtilities():
        assert verifyObject(registered.provided, registered.component)
    checked = 0
    for registered in mirror.registry.registeredAdapters():
        if registered.required == (interfaces.ISettings,):
            assert verifyObject(registered.provided, registered.factory(settings)), registered
            checked += 1
    assert checked > 10
    for one in (mirror.source, mirror.engine):
        assert verifyObject(interfaces.ISource if one is mirror.source else interfaces.IEngine, one)


def test_our_own_file_uses_our_own_directives_alone() -> None:
    root = ElementTree.parse(Path(pypimirror.__file__).with_name("configure.zcml")).getroot()
    used = {element.tag for element in root}
    assert used - {f"{{{NAMESPACE}}}{name}" for name in directives()} == {"{http://namespaces.zope.org/zope}include"}


def directives() -> dict[str, Any]:
    """Give the schemas of our directives by name."""
    context: Any = ConfigurationMachine()
    xmlconfig.registerCommonDirectives(context)
    xmlconfig.include(context, "meta.zcml", pypimirror)
    return {name: schema for (space, name), schema, *_ in context._docRegistry if space == NAMESPACE}


def test_every_directive_and_field_says_what_it_is_for() -> None:
    assert len(directives()) >= 10
    for schema in directives().values():
        assert schema.__doc__
        for _, field in schema.namesAndDescriptions(all=True):
            assert field.title and field.description, field


def test_a_component_is_registered_under_its_name_with_its_place(tmp_path: Path) -> None:
    plugin = written(tmp_path, directive("mine", "Good"))
    (found,) = (each for each in registry.load([plugin]).registeredAdapters() if each.name == "mine")
    assert found.provided is interfaces.IFilter
    assert registry.place_of(found) == f"{plugin.file}:2"
    assert registry.origin_of(found) == "test_registry.Good"


def test_a_function_serves_as_a_factory(tmp_path: Path) -> None:
    assert filters(written(tmp_path, directive("mine", "made"))) == {"mine": "test_registry.made"}


@pytest.mark.parametrize(("cls", "message"), [
    ("Stranger", "filter 'mine': test_registry.Stranger does not implement IFilter"),
    ("Incomplete", "filter 'mine': test_registry.Incomplete has no select (IFilter)"),
    ("Wrong", "filter 'mine': test_registry.Wrong has a select that is not IFilter's: it doesn't allow enough arguments"),
    ("Bare", "filter 'mine': test_registry.Bare is to be called with ISettings: too many positional arguments"),
    ("Missing", "Invalid value for 'factory': ImportError: Module test_registry has no global Missing"),
])
def test_what_is_no_such_component_is_refused_with_file_and_line(tmp_path: Path, cls: str, message: str) -> None:
    plugin = written(tmp_path, "", directive("mine", cls))
    assert refused(plugin) == f"{plugin.file}:3: {message}"


def test_what_a_component_lacks_once_made_is_said_before_anything_is_touched(tmp_path: Path, mirrored: Mirrored,
                                                                             capsys: pytest.CaptureFixture[str]) -> None:
    plugin = written(tmp_path, directive("mine", "Silent"))
    mirrored.settings["zcml"] = plugin.file
    assert mirrored.run("sync") == 2
    assert capsys.readouterr().err == \
        f"pypimirror: {plugin.file}:2: filter 'mine': test_registry.Silent has no reason (IFilter)\n"
    assert not mirrored.root.exists()


class Starred(Good):
    """A filter whose method names no arguments."""

    def select(*arguments: Any) -> Any:
        return arguments[1].files


def test_a_method_that_names_no_arguments_is_no_mistake(tmp_path: Path) -> None:
    assert filters(written(tmp_path, directive("mine", "Starred"))) == {"mine": "test_registry.Starred"}


@implementer(interfaces.IFilter)
def forgetful(settings: Any) -> Any:
    """A factory that returns nothing."""


class Unreasonable(Good):
    """A filter whose reason is no text."""

    reason: Any = 3


class Misspelt(Good):
    """A filter that reads a key that is not there."""

    def __init__(self, settings: Any):
        self.names = settings["package_matchs"]


class Lost(Good):
    """A filter that needs a utility that is not there."""

    def __init__(self, settings: Any):
        getUtility(interfaces.IParser, "text/none", context=settings)


class Vague(Good):
    """A client in another's place."""

    filename, title = "../pip.conf", "x"

    def render(self, index: str) -> str:
        return index


@implementer(interfaces.INameFilter)
class Inexact:
    """A name filter whose set of names is a list."""

    active = applies_to_pins = True
    exact = ("one",)

    def __init__(self, settings: Any):
        pass

    def __call__(self, name: str) -> bool:
        return True


classImplements(Vague, interfaces.IClient)


@pytest.mark.parametrize(("kind", "cls", "verb", "message"), [
    ("filter", "forgetful", "sync", "filter 'mine': test_registry.forgetful returned None"),
    ("filter", "Unreasonable", "sync", "filter 'mine': reason = 3: must be str"),
    ("filter", "Misspelt", "sync", "filter 'mine' can't be created: UnknownKey: 'package_matchs': no directive "
                                   "pypimirror:setting declares this key; did you mean 'package_matches'? (test_registry:"),
    ("filter", "Lost", "sync", "filter 'mine' can't be created: ComponentLookupError: "),
    ("nameFilter", "Inexact", "sync", "name filter 'mine': exact = ('one',): must be frozenset or set or None"),
    ("client", "Vague", "client mine", "client 'mine': filename = '../pip.conf': must be the name of a file without folders")])
def test_a_component_with_wrong_values_is_refused_before_anything_is_touched(
        tmp_path: Path, mirrored: Mirrored, capsys: pytest.CaptureFixture[str], kind: str, cls: str, verb: str,
        message: str) -> None:
    plugin = written(tmp_path, f'<pypimirror:{kind} name="mine" factory="test_registry.{cls}" />')
    mirrored.settings["zcml"] = plugin.file
    mirrored.settings["filters"] = "mine" if kind == "filter" else ""
    assert mirrored.run(*verb.split()) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"pypimirror: {plugin.file}:2: {message}")
    assert line.count("\n") == 1
    assert not mirrored.root.exists()


@pytest.mark.parametrize(("text", "message"), [
    ('<pypimirror:filtr name="x" factory="test_registry.Good" />', f"2: Unknown directive {NAMESPACE} filtr"),
    ('<pypimirror:filter factory="test_registry.Good" />', "2: Missing parameter: 'name'"),
    ('<pypimirror:filter name="a b" factory="test_registry.Good" />', "2: Invalid value for 'name'"),
    ('<pypimirror:filter name="x" factory="test_registry.Good" colour="red" />', "2: Unrecognized parameters: colour"),
    ('<pypimirror:filter name="x" factory="no.such.Thing" />', "2: Invalid value for 'factory': ImportError: "),
    ('<include package="no.such" />', "2: Invalid value for 'package': ImportError: Couldn't import no"),
    ('<include file="none.zcml" />', "2: FileNotFoundError: "),
    ("<include", "3: not well-formed"),
    ('<include file="none.zcml" zcml:condition="wish for" />', "2: ValueError: Invalid ZCML condition: 'wish for'"),
    ('<include file="none.zcml" zcml:condition="instaled no.such" />',
     "2: ValueError: Invalid ZCML condition: 'instaled no.such'; did you mean 'installed'?; it starts with one of have, "),
    ('<pypimirror:filtr name="x" factory="test_registry.Good" />', "filtr; did you mean 'filter'?; known: client, configure, "),
    ('<filter name="x" factory="test_registry.Good" />', "zope filter; did you mean 'pypimirror:filter'?"),
    ('<mirror:filter name="x" />', 'unbound prefix; declare it in the first element: xmlns:pypimirror="http://namespaces.zope'),
    ('<pypimirror:filter name="x" factory="test_registry.Good">', "mismatched tag; an element ends with /> or with an end tag"),
    ('<pypimirror:filter name="" factory="test_registry.Good" />', "2: Invalid value for 'name': ''; The name in"),
    ('<inclde file="none.zcml" />', "inclde; did you mean 'include'?; known: "),
    ('<pypimirror:filter nmae="x" factory="test_registry.Good" />',
     "2: Missing parameter: 'name'; 'nmae' is unknown; did you mean 'name'?; filter has name, factory, before, after"),
    ('<pypimirror:filter name="x" factory="test_registry.Good" affter="min-age" />',
     "2: Unrecognized parameters: affter; 'affter' is unknown; did you mean 'after'?; filter has name, factory"),
    ('<pypimirror:setting name="x" help="x" affects="file" />',
     "2: Invalid value for 'affects': 'file' is not one of files, pages, nothing; did you mean 'files'?"),
    ('<pypimirror:setting name="x" help="x" type="boolaen" />', "nor a dotted name; did you mean 'boolean'?"),
    ('<pypimirror:filter name="a b" factory="test_registry.Good" />', "2: Invalid value for 'name': 'a b'; The name in"),
    ('<include package="no.such" />', "2: Invalid value for 'package': ImportError: Couldn't import no, No module named 'no' "
                                      "(written: 'no.such')"),
    ('<filter xmlns="http://namespaces.zope.org/pypimiror" name="x" />',
     "2: Unknown directive http://namespaces.zope.org/pypimiror filter; the namespace is unknown; did you mean "
     "'http://namespaces.zope.org/pypimirror'?"),
    ('<include file="plugn.zcml" />', "plugn.zcml'; did you mean 'plugin.zcml'?"),
    ('<pypimirror:filter name="x" factory="test_registry.Othr" />', "no global Othr; did you mean 'Other'?"),
    ('<pypimirror:storage name="x" factory="test_registry.Wrapping" />',
     "2: storage 'x': test_registry.Wrapping has no check, prepare, "),
    ('<pypimirror:storage name="x" factory="test_registry.Wrapping" />',
     "(IStorage); what __getattr__ provides does not count, derive from pypimirror.storage.wrapper.StorageWrapper to wrap"),
])
def test_mistakes_are_one_line_with_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    plugin = written(tmp_path, text)
    found = refused(plugin)
    assert plugin.file in found
    assert message in found


def test_a_mistake_in_an_included_file_is_told_where_it_is(tmp_path: Path) -> None:
    inner = written(tmp_path, directive("mine", "Stranger"), name="inner.zcml")
    outer = written(tmp_path, "", "", '<include file="inner.zcml" />')
    assert refused(outer).startswith(f"{inner.file}:2: ")
    written(tmp_path, '<pypimirror:filter name="x" factory="plugin_that_fails.Filter" />', name="inner.zcml")
    assert refused(outer).startswith(f"{inner.file}:2: Invalid value for 'factory': ")


def test_a_package_that_fails_to_import_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plugin_that_fails.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert refused(Plugin("plugin_that_fails", "configure.zcml", "zcml", 1)) \
        == "zcml: plugin_that_fails:configure.zcml: ZeroDivisionError: division by zero"
    plugin = written(tmp_path, '<pypimirror:filter name="x" factory="plugin_that_fails.Filter" />')
    assert refused(plugin) == f"{plugin.file}:2: ZeroDivisionError: division by zero"


@implementer(interfaces.IParser)
class Exploding:
    """A parser that can't be made."""

    quality = 1.0

    def __init__(self) -> None:
        raise RuntimeError("no\nway")

    def listing(self, wanted: Any, written: Any = None) -> Any:
        """As IParser says."""

    def project(self, body: bytes, name: str, url: str) -> Any:
        """As IParser says."""


def test_what_fails_while_it_is_registered_is_told_with_its_place(tmp_path: Path) -> None:
    plugin = written(tmp_path, '<pypimirror:parser\n    name="x"\n    factory="test_registry.Exploding" />')
    assert refused(plugin) == f"{plugin.file}:2: RuntimeError: no way"


def test_two_that_claim_one_name_conflict_in_one_line_that_names_both(tmp_path: Path) -> None:
    one = written(tmp_path, directive("mine", "Good"), name="one.zcml")
    two = written(tmp_path, "", directive("mine", "Other"), name="two.zcml")
    assert refused(one, two) == f"filter 'mine' is claimed by {one.file}:2 and {two.file}:3"


def test_one_name_for_different_kinds_of_components_is_no_conflict(tmp_path: Path) -> None:
    plugin = written(tmp_path, directive("requests", "Good"))
    assert filters(plugin) == {"requests": "test_registry.Good"}


def test_an_including_file_overrides_the_included_one(tmp_path: Path) -> None:
    written(tmp_path, directive("mine", "Good"), name="inner.zcml")
    plugin = written(tmp_path, directive("mine", "Other"), '<include file="inner.zcml" />')
    assert filters(plugin) == {"mine": "test_registry.Other"}


def test_plugins_override_what_is_ours(tmp_path: Path) -> None:
    plugin = written(tmp_path, '<include package="pypimirror" />', directive("yanked", "Good"), rank=0)
    assert filters(plugin) == {"yanked": "test_registry.Good"}


@pytest.mark.parametrize("ranks", [(0, 1), (0, 2), (1, 2)])
def test_a_higher_rank_overrides_a_lower_one_in_any_order(tmp_path: Path, ranks: tuple[int, int]) -> None:
    low = written(tmp_path, directive("mine", "Good"), directive("low", "Good"), name="low.zcml", rank=ranks[0])
    high = written(tmp_path, directive("mine", "Other"), name="high.zcml", rank=ranks[1])
    expected = {"mine": "test_registry.Other", "low": "test_registry.Good"}
    assert filters(low, high) == filters(high, low) == expected


def test_a_higher_rank_settles_a_conflict_of_lower_ones(tmp_path: Path) -> None:
    one = written(tmp_path, directive("mine", "Good"), name="one.zcml", rank=0)
    two = written(tmp_path, directive("mine", "Good"), name="two.zcml", rank=0)
    policy = written(tmp_path, directive("mine", "Other"), name="policy.zcml")
    assert filters(one, two, policy) == {"mine": "test_registry.Other"}


def order(*plugins: Plugin) -> list[str]:
    """Return the order of the plugins' filters and some of ours."""
    names = registry.names(registry.load(plugins), interfaces.IFilter)
    shown = {"filename-matches", "min-age", "metadata-matches", "latest-releases", "a", "b", "c"}
    return [name for name in names if name in shown]


@pytest.mark.parametrize(("directives", "expected"), [
    ([("b", ""), ("a", "")], "filename-matches min-age b a metadata-matches latest-releases"),
    ([("b", 'before="filename-matches"'), ("a", 'before="filename-matches"')],
     "b a filename-matches min-age metadata-matches latest-releases"),
    ([("b", 'after="latest-releases"'), ("a", 'after="latest-releases"')],
     "filename-matches min-age metadata-matches latest-releases b a"),
    ([("a", 'after="c"'), ("b", ""), ("c", "")], "filename-matches min-age b c a metadata-matches latest-releases"),
    ([("a", 'after="b" before="c"'), ("b", ""), ("c", "")], "filename-matches min-age b a c metadata-matches latest-releases"),
    ([("a", 'after="*"'), ("b", 'before="*"'), ("c", "")],
     "b filename-matches min-age c metadata-matches latest-releases a"),
    ([("min-age", ""), ("a", ""), ("filename-matches", "")],
     "filename-matches min-age a metadata-matches latest-releases"),
    ([("latest-releases", 'before="filename-matches"')], "latest-releases filename-matches min-age metadata-matches"),
])
def test_filters_run_in_the_order_of_registration_unless_zcml_says_otherwise(tmp_path: Path, directives: list[tuple[str, str]],
                                                                            expected: str) -> None:
    plugin = written(tmp_path, *(directive(name, "Good", more) for name, more in directives))
    assert order(plugin) == expected.split()


def test_the_order_of_included_files_is_that_of_their_directives(tmp_path: Path) -> None:
    written(tmp_path, directive("b", "Good"), directive("a", "Good"), name="inner.zcml")
    plugin = written(tmp_path, directive("c", "Good"), '<include file="inner.zcml" />', directive("b", "Other"))
    assert order(plugin) == ["filename-matches", "min-age", "c", "b", "a", "metadata-matches", "latest-releases"]


@pytest.mark.parametrize(("directives", "line", "message"), [
    ([("a", 'after="latest-release"')], 2, "'a': before and after name 'latest-release', which is not registered; did you mean "
                                           "'latest-releases'?"),
    ([("a", 'after="a"')], 2, "'a': before and after can't name the component itself"),
    ([("a", 'after="b"'), ("b", 'after="a"')], 2, "'a': before and after form a circle with b"),
    ([("c", ""), ("a", 'after="latest-releases" before="filename-matches"')], 3,
     "'a': can't be both after 'latest-releases' and before 'filename-matches'"),
])
def test_an_order_that_can_not_be_is_refused_with_its_line(tmp_path: Path, directives: list[tuple[str, str]], line: int,
                                                          message: str) -> None:
    plugin = written(tmp_path, *(directive(name, "Good", more) for name, more in directives))
    assert refused(plugin) == f"{plugin.file}:{line}: {message}"


def test_another_order_is_a_change_of_the_selection(tmp_path: Path, mirrored: Mirrored) -> None:
    def decides(*lines: str) -> str:
        mirrored.settings["zcml"] = written(tmp_path, *lines).file
        return repr(Mirror(read(mirrored.write())).settings.plugged("files"))

    a, b = directive("a", "Good"), directive("b", "Good")
    assert len({decides(a, b), decides(b, a), decides(directive("a", "Good", 'after="*"'), b), decides(b)}) == 4


@pytest.mark.parametrize(("condition", "used"), [
    ("have pypimirror", True), ("not-have pypimirror", False), ("have zope2", False),
    ("installed zope.configuration", True), ("not-installed zope.configuration", False), ("installed no.such", False)])
def test_conditions_work(tmp_path: Path, condition: str, used: bool) -> None:
    plugin = written(tmp_path, directive("mine", "Good", f'zcml:condition="{condition}" '))
    assert ("mine" in filters(plugin)) is used
