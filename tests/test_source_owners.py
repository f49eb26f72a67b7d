"""Which project a distribution belongs to, where its file name alone tells."""

from __future__ import annotations

import pytest

from pypimirror.upstream.project_names import guess_project


def never() -> str | None:
    raise AssertionError("the file name is enough")


@pytest.mark.parametrize(("filename", "project"), [
    ("zope_interface-8.0-cp311-cp311-manylinux_2_28_x86_64.whl", "zope-interface"),
    ("zope.interface-8.0-1build-py3-none-any.whl", "zope-interface"),
    ("demo-8.0-cp311-cp311-linux_x86_64-variant.whl", "demo"),
    ("demo-8.0-1-cp311-cp311-linux_x86_64-variant.whl", "demo"),
    ("zope_interface-8.0.tar.gz", "zope-interface"),
    ("Products.CMFPlone-5.2.zip", "products-cmfplone"),
    ("demo-1.0+site.1.tar.gz", "demo"),
    ("demo-v1.0.tar.bz2", "demo"),
    ("zope.interface-3.8.0-py2.7-linux-x86_64.egg", "zope-interface"),
    ("collective_demo-1.0_r12-py2.7.egg", "collective-demo"),
    ("zope-interface-3.0.tar.gz", "zope-interface"),
    ("my-demo-1.0.zip", "my-demo"),
    ("demo-1.0-beta.tar.gz", "demo"),
    ("demo-1.0.linux-x86_64.tar.gz", "demo"),
])
def test_most_names_tell_it(filename: str, project: str) -> None:
    assert guess_project(filename, never) == project


@pytest.mark.parametrize(("filename", "told", "project"), [
    ("demo-2-1.0.tar.gz", "demo-2", "demo-2"),
    ("demo-2-1.0.tar.gz", "Demo.2", "demo-2"),
    ("demo-2-1.0.tar.gz", "demo", "demo"),
    ("python-3-demo-1.0.tar.gz", "python-3-demo", "python-3-demo"),
    ("demo-1.0-beta-2.tar.gz", "demo", "demo"),
])
def test_dashes_in_old_names_take_the_core_metadata(filename: str, told: str, project: str) -> None:
    assert guess_project(filename, lambda: told) == project


@pytest.mark.parametrize(("filename", "project"), [
    ("demo-1.0-beta-2.tar.gz", "demo"),
    ("demo-1.0-2.win-amd64-py3.8.exe", "demo"),
    ("demo-1.0-1.noarch.rpm", "demo"),
])
@pytest.mark.parametrize("told", [None, "", "other"])
def test_where_these_dont_tell_the_version_begins_with_the_first_digit(filename: str, project: str, told: str | None) -> None:
    assert guess_project(filename, lambda: told) == project


@pytest.mark.parametrize("filename", [
    "backup.zip", "site-data.tar.gz", "demo.whl", "demo-1.0.whl", "demo-1.0-py3-none.whl", "-1.0.tar.gz",
    "python3-demo_1.0.deb", "notes.txt", "demo.egg", "demo-latest-py2.7.egg", "..-1.0.tar.gz"])
def test_a_name_that_tells_none_claims_none(filename: str) -> None:
    assert guess_project(filename, lambda: None) is None
