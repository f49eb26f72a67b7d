"""The registry of components, filled by ZCML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from zope.configuration import xmlconfig
from zope.configuration.config import ConfigurationConflictError, ConfigurationMachine
from zope.configuration.exceptions import ConfigurationError
from zope.interface import implementer
from zope.interface.registry import Components
from zope.interface.verify import verifyObject

import pypimirror
from mirrored import Mirrored
from pypimirror import interfaces
from pypimirror.mirror import Mirror
from pypimirror.settings.reader import read


@implementer(interfaces.IFilter)
class Incomplete:
    """A filter without ``select``."""


class Stranger:
    """No filter at all."""


@implementer(interfaces.IFilter)
class Good:
    """A filter that takes everything."""

    active, over_pins, reason = True, True, ""

    def __init__(self, settings: Any):
        pass

    def select(self, project: Any) -> Any:
        return project.files


def loaded(folder: Path, text: str) -> Components:
    """Load our own directives and then a ZCML text."""
    path = folder / "plugin.zcml"
    path.write_text('<configure xmlns="http://namespaces.zope.org/zope" '
                    'xmlns:pypimirror="http://namespaces.zope.org/pypimirror">\n' + text + "\n</configure>\n")
    context: Any = ConfigurationMachine()
    xmlconfig.registerCommonDirectives(context)
    context.registry = Components("tests")
    xmlconfig.include(context, "meta.zcml", pypimirror)
    xmlconfig.include(context, str(path), pypimirror)
    context.execute_actions()
    return context.registry


def directive(name: str, cls: str) -> str:
    return f'<pypimirror:filter name="{name}" factory="test_registry.{cls}" />'


def test_every_component_of_ours_keeps_its_contract(mirrored: Mirrored) -> None:
    mirror = Mirror(read(mirrored.write()))
    mirror.check()
    assert verifyObject(interfaces.IMirror, mirror)
    settings = mirror.settings
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


def test_a_component_is_registered_under_its_name(tmp_path: Path) -> None:
    registry = loaded(tmp_path, directive("mine", "Good"))
    (found,) = registry.registeredAdapters()
    assert (found.name, found.provided) == ("mine", interfaces.IFilter)
    assert found.info.file.endswith("plugin.zcml")
    assert found.info.line == 2


@pytest.mark.parametrize(("cls", "message"), [
    ("Stranger", "does not implement IFilter"), ("Incomplete", "select"), ("Missing", "Missing")])
def test_what_is_no_such_component_is_refused_with_file_and_line(tmp_path: Path, cls: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        loaded(tmp_path, directive("mine", cls))
    text = str(refused.value)
    assert message in text
    assert "plugin.zcml" in text
    assert "2." in text


def test_two_that_claim_one_name_conflict(tmp_path: Path) -> None:
    (tmp_path / "a.zcml").write_text("")
    with pytest.raises(ConfigurationConflictError) as conflict:
        loaded(tmp_path, directive("mine", "Good") + "\n" + directive("mine", "Good").replace("Good", "Other"))
    assert str(conflict.value).count("plugin.zcml") == 2


class Other(Good):
    """Another filter."""
