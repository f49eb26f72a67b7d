"""Directives of zope.component in the ZCML of plugins: they register in the mirror's own registry, and in no other."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import zope.component
from zope.interface import Interface, implementer
from zope.interface.interfaces import ComponentLookupError

from pypimirror import events, interfaces
from pypimirror.errors import ConfigurationError
from pypimirror.mirror import Mirror
from pypimirror.settings.values import Settings
from pypimirror.upstream.json_page import JsonParser
from pypimirror.zcml import registry
from pypimirror.zcml.plugins import components, read, with_plugin_keys
from support.mirror import Mirrored
from support.upstream import Upstream, sdist
from test_registry import Good, filters, refused, written

Captured = pytest.CaptureFixture[str]
_META = '<include package="zope.component" file="meta.zcml" />'
_FOR = 'for="pypimirror.interfaces.ISettings"'


class IApprovals(Interface):
    """Approved projects."""


@implementer(IApprovals)
class Approvals:
    """Approves one project."""

    names = ("one",)


APPROVALS = Approvals()


class IReader(Interface):
    """An adapter that only the plugin knows."""


@implementer(IReader)
class Reader:
    def __init__(self, settings: Any):
        self.settings = settings


class Approved(Good):
    """A filter that asks a utility of its plugin."""

    def __init__(self, settings: Any):
        self._approvals = zope.component.getUtility(IApprovals, context=settings)

    def select(self, project: Any) -> Any:
        return project.files if project.name in self._approvals.names else ()


@implementer(interfaces.INameFilter)
class OnlyOne:
    """A name filter."""

    active, applies_to_pins, exact = True, True, None

    def __init__(self, settings: Any):
        pass

    def __call__(self, name: str) -> bool:
        return name == "one"


@implementer(interfaces.IObserver)
class Hearing:
    """An observer that keeps what it hears."""

    heard: list[Any] = []

    def __init__(self, settings: Any):
        pass

    def notify(self, event: Any) -> None:
        self.heard.append(event)


@implementer(interfaces.IParser)
class Parser(JsonParser):
    """Another parser for the same pages."""


PARSER = Parser()
HEARD: list[Any] = []


def hear(event: Any) -> None:
    HEARD.append(event)


def fail(event: Any) -> None:
    raise KeyError("boom")


def everything() -> list[str]:
    """Return what the global registry has, as text."""
    found = zope.component.getGlobalSiteManager()
    return sorted(map(repr, [*found.registeredUtilities(), *found.registeredAdapters(), *found.registeredHandlers(),
                             *found.registeredSubscriptionAdapters()]))


@pytest.fixture(autouse=True)
def untouched() -> Any:
    """The global registry, which no test may change."""
    before = everything()
    HEARD.clear()
    Hearing.heard.clear()
    yield
    assert everything() == before
    assert zope.component.getSiteManager() is zope.component.getGlobalSiteManager()


def adapter(name: str, cls: str, more: str = "") -> str:
    return f'<adapter factory="{cls}" provides="pypimirror.interfaces.IFilter" {_FOR} name="{name}" {more}/>'


@pytest.mark.parametrize("included", [_META, ""])
def test_an_adapter_is_a_filter_like_one_of_our_directive(tmp_path: Path, included: str) -> None:
    plugin = written(tmp_path, included, adapter("mine", "test_registry.Good"))
    assert filters(plugin) == {"mine": "test_registry.Good"}
    (found,) = (each for each in registry.load([plugin]).registeredAdapters() if each.name == "mine")
    assert registry.place_of(found) == f"{plugin.file}:3"


def test_an_adapter_needs_no_more_attributes_than_the_class_tells(tmp_path: Path) -> None:
    plugin = written(tmp_path, f'<adapter factory="test_registry.Good" {_FOR} name="mine" />')
    assert filters(plugin) == {"mine": "test_registry.Good"}


def test_a_filter_of_a_stock_directive_decides_and_asks_the_utility_beside_it(mirrored: Mirrored, upstream: Upstream,
                                                                            capsys: Captured) -> None:
    for name in ("one", "two"):
        upstream.add(name, sdist(name, "1"))
    plugin = written(mirrored.config.parent, '<utility factory="test_stock_zcml.Approvals" />',
                     adapter("approved", "test_stock_zcml.Approved"))
    mirrored.settings["zcml"] = plugin.file
    assert mirrored.run("sync") == 0
    assert (mirrored.files("one"), mirrored.files("two")) == (["one-1.tar.gz"], [])
    assert mirrored.run("config") == 0
    shown = capsys.readouterr().out
    assert f"Filter 'approved': test_stock_zcml.Approved    # {plugin.file}:3\n" in shown
    assert f"Approvals '': test_stock_zcml.Approvals    # {plugin.file}:2\n" in shown
    mirrored.settings["zcml"] = None
    assert mirrored.run("-U") == 0  # it decides on the files, so that its absence is a change
    assert mirrored.files("two") == ["two-1.tar.gz"]


def test_every_engine_finds_the_utility(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", sdist("one", "1"))
    plugin = written(mirrored.config.parent, '<utility component="test_stock_zcml.APPROVALS" />',
                     adapter("approved", "test_stock_zcml.Approved"))
    mirrored.settings |= {"zcml": plugin.file, "engine": "processes"}
    assert mirrored.run("sync") == 0
    assert mirrored.files("one") == ["one-1.tar.gz"]


def test_a_plugins_own_interfaces_are_looked_up_in_the_same_registry(tmp_path: Path, mirrored: Mirrored) -> None:
    mirrored.settings["zcml"] = written(tmp_path, f'<adapter factory="test_stock_zcml.Reader" {_FOR} />').file
    settings = with_plugin_keys(read(mirrored.write()))
    components(settings)
    assert zope.component.queryAdapter(settings, IReader) is None
    found = zope.component.getMultiAdapter((settings,), IReader, context=settings)
    assert type(found) is Reader


def test_subscribers_hear_their_events_in_order(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    upstream.add("one", sdist("one", "1"))
    plugin = written(mirrored.config.parent, '<subscriber for="pypimirror.events.FileStored" handler="test_stock_zcml.hear" />',
                     '<subscriber for="*" handler="test_stock_zcml.fail" />',
                     '<subscriber for="pypimirror.events.RunFinished" handler="test_stock_zcml.hear" />')
    mirrored.settings["zcml"] = plugin.file
    assert mirrored.run("sync") == 0
    assert [type(event) for event in HEARD] == [events.FileStored, events.RunFinished]
    assert HEARD[1].statistics["stored"] == 1
    assert capsys.readouterr().err == (f"pypimirror: subscriber 'test_stock_zcml.fail' ({plugin.file}:3): KeyError: 'boom'; "
                                       "this observer may miss more of this run\n")
    assert mirrored.run("config") == 0
    assert f"Subscriber 'pypimirror.events.FileStored': test_stock_zcml.hear    # {plugin.file}:2\n" in capsys.readouterr().out


def test_observers_and_name_filters_may_be_subscribers(mirrored: Mirrored, upstream: Upstream) -> None:
    for name in ("one", "two"):
        upstream.add(name, sdist(name, "1"))
    mirrored.settings["zcml"] = written(
        mirrored.config.parent, f'<subscriber factory="test_stock_zcml.Hearing" {_FOR} />',
        f'<subscriber factory="test_stock_zcml.OnlyOne" {_FOR} />').file
    assert mirrored.run("sync") == 0
    assert isinstance(Hearing.heard[-1], events.RunFinished)
    assert not (mirrored.root / "two").exists()


@pytest.mark.parametrize("how", ['factory="test_stock_zcml.Parser"', 'component="test_stock_zcml.PARSER"'])
def test_a_utility_is_a_parser_and_overrides_ours(tmp_path: Path, how: str) -> None:
    media = "application/vnd.pypi.simple.v1+json"
    plugin = written(tmp_path, f'<utility {how} provides="pypimirror.interfaces.IParser" name="{media}" />')
    assert type(registry.load([plugin]).getUtility(interfaces.IParser, media)) is Parser


def test_one_name_in_both_kinds_of_directives_is_a_conflict(tmp_path: Path) -> None:
    ours = '<pypimirror:filter name="mine" factory="test_registry.Good" />'
    one = written(tmp_path, ours, name="one.zcml")
    two = written(tmp_path, adapter("mine", "test_registry.Other"), name="two.zcml")
    assert refused(one, two) == f"filter 'mine' is claimed by {one.file}:2 and {two.file}:2"
    outer = written(tmp_path, adapter("mine", "test_registry.Other"), '<include file="one.zcml" />', name="outer.zcml")
    assert filters(outer) == {"mine": "test_registry.Other"}


def test_utilities_conflict_and_are_overridden_as_ever(tmp_path: Path) -> None:
    one = written(tmp_path, '<utility factory="test_stock_zcml.Approvals" />', name="one.zcml")
    two = written(tmp_path, '<utility component="test_stock_zcml.APPROVALS" />', name="two.zcml")
    assert refused(one, two) == f"utility IApprovals '' is claimed by {one.file}:2 and {two.file}:2"
    outer = written(tmp_path, '<include file="one.zcml" />', '<utility component="test_stock_zcml.APPROVALS" />',
                    name="outer.zcml")
    assert registry.load([outer]).getUtility(IApprovals) is APPROVALS


def test_a_stock_adapter_replaces_a_filter_of_ours_in_its_place(tmp_path: Path) -> None:
    plugin = written(tmp_path, adapter("yanked", "test_registry.Good"))
    ours = registry.names(registry.load(), interfaces.IFilter)
    assert registry.names(registry.load([plugin]), interfaces.IFilter) == ours
    assert filters(plugin) == {"yanked": "test_registry.Good"}


@pytest.mark.parametrize(("directive", "message"), [
    ('<utility factory="test_registry.Good" provides="pypimirror.interfaces.IFilter" name="x" />',
     "utility: IFilter is an adapter of ISettings; use the directive adapter or pypimirror:filter"),
    (f'<adapter factory="test_registry.Good" {_FOR} />', "adapter: IFilter needs a name; use the attribute name or"),
    ('<adapter factory="test_registry.Good" for="pypimirror.interfaces.IUpstream" name="x" />',
     "adapter: IFilter is an adapter of ISettings, not of IUpstream"),
    (f'<adapter factory="test_registry.Stranger" provides="pypimirror.interfaces.IFilter" {_FOR} name="x" />',
     "adapter 'x': test_registry.Stranger does not implement IFilter"),
    (f'<adapter factory="test_stock_zcml.Parser" {_FOR} provides="pypimirror.interfaces.IParser" name="x" />',
     "adapter: IParser is a utility; use the directive utility or pypimirror:parser"),
    (f'<subscriber factory="test_registry.Good" {_FOR} />',
     "subscriber: IFilter needs a name; use adapter with a name or the directive pypimirror:filter"),
    ('<utility component="test_stock_zcml.APPROVALS" provides="pypimirror.interfaces.IParser" name="x" />',
     "utility 'x': test_stock_zcml.Approvals does not implement IParser"),
    ('<utilty factory="test_stock_zcml.Approvals" />', "Unknown directive http://namespaces.zope.org/zope utilty; did you mean "
                                                       "'utility'?; known: "),
])
def test_what_would_have_no_effect_is_refused_with_its_line(tmp_path: Path, directive: str, message: str) -> None:
    plugin = written(tmp_path, "", directive)
    assert refused(plugin).startswith(f"{plugin.file}:3: {message}")


def test_mirrors_in_several_threads_keep_theirs_apart(tmp_path: Path) -> None:
    """Each thread loads a utility of its own again and again; none finds another's."""
    wrong: list[Any] = []

    def load(number: int) -> None:
        plugin = written(tmp_path, f'<utility factory="test_stock_zcml.Approvals" name="of-{number}" />',
                         '<utility component="test_stock_zcml.APPROVALS" />', name=f"{number}.zcml")
        for _ in range(5):
            found = [name for name, _ in registry.load([plugin]).getUtilitiesFor(IApprovals)]
            if sorted(found) != ["", f"of-{number}"]:
                wrong.append(found)

    threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_whole_configuration_of_zope_component_may_be_included(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", sdist("one", "1"))
    mirrored.settings["zcml"] = written(mirrored.config.parent, '<include package="zope.component" />',
                                        '<subscriber for="* *" handler="test_stock_zcml.fail" />').file
    assert mirrored.run("sync") == 0
    assert mirrored.run("config") == 0


def test_settings_without_a_registry_are_no_lookup() -> None:
    with pytest.raises(ComponentLookupError):
        zope.component.getUtility(IApprovals, context=Settings({}, {}))


def test_a_broken_plugin_leaves_no_trace(tmp_path: Path) -> None:
    plugin = written(tmp_path, '<utility factory="test_stock_zcml.Approvals" />', "<nonsense />")
    with pytest.raises(ConfigurationError):
        registry.load([plugin])
    assert zope.component.queryUtility(IApprovals) is None


def test_a_mirror_has_what_stock_directives_registered(tmp_path: Path, mirrored: Mirrored) -> None:
    mirrored.settings["zcml"] = written(tmp_path, '<utility factory="test_stock_zcml.Approvals" />').file
    mirror = Mirror(read(mirrored.write()))
    assert isinstance(mirror.registry.getUtility(IApprovals), Approvals)
