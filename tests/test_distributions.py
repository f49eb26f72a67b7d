"""File names taken apart."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from pypimirror.metadata.filenames import KINDS, parse, pep440, release
from pypimirror.names import SUFFIXES, normalize


@pytest.mark.parametrize(("filename", "project", "kind", "version"), [
    ("zope_interface-8.0.tar.gz", "zope-interface", "sdist", "8.0"),
    ("zope.interface-5.0.zip", "zope-interface", "sdist", "5.0"),
    ("Products.CMFPlone-6.0.tar.gz", "products-cmfplone", "sdist", "6.0"),
    ("plone.app.iterate-2.0.0-r1.tgz", "plone-app-iterate", "sdist", "2.0.0-r1"),
    ("foo-2-1.0.tar.bz2", "foo-2", "sdist", "1.0"),
    ("foo-2-1.0.tar.bz2", "foo", "sdist", "2-1.0"),
    ("Foo--Bar-1.0.tar.xz", "foo-bar", "sdist", "1.0"),
    ("foo-1.0+local.1.tar.gz", "foo", "sdist", "1.0+local.1"),
    ("foo-1.0.dev0-r123.tar", "foo", "sdist", "1.0.dev0-r123"),
    ("foo-1.0.tar.Z", "foo", "sdist", "1.0"),
    ("bar-1.0.tar.gz", "foo", "sdist", None),
    ("foo-.tar.gz", "foo", "sdist", None),
    ("foo.tar.gz", "foo", "sdist", None),
    ("foobar-1.0.tar.gz", "foo", "sdist", None),
    ("foo-1.0-py3-none-any.whl", "foo", "wheel", "1.0"),
    ("Foo_Bar-1.0-1build-py2.py3-none-any.whl", "foo-bar", "wheel", "1.0"),
    ("foo-bar-1.0-py3-none-any.whl", "foo-bar", "wheel", None),
    ("foo-1.0-cp311-cp311-linux_x86_64-x8664v3.whl", "foo", "wheel", "1.0"),
    ("foo-1.0-2b-cp311-cp311-linux_x86_64-x8664v3.whl", "foo", "wheel", "1.0"),
    ("foo-1!2.0-py3-none-any.whl", "foo", "wheel", "1!2.0"),
    ("oldfoo-2.0.tar.gz", "foo", "sdist", None),
    ("other-9.0-py3-none-any.whl", "foo", "wheel", None),
    ("foo-2.0-1.tar.gz", "foo", "sdist", "2.0-1"),
    ("foo-1.0-py2.7.tar.gz", "foo", "sdist", "1.0"),
    ("foo-1.0+ubuntu_1-py3-none-any.whl", "foo", "wheel", "1.0+ubuntu-1"),
    ("foo-py3.whl", "foo", "wheel", None),
    ("foo-1.0-py2.7.egg", "foo", "egg", "1.0"),
    ("zope.interface-4.0.5-py2.7-linux-x86_64.egg", "zope-interface", "egg", "4.0.5"),
    ("foo_bar-1.0_r5-py2.6-macosx-10.5-i386.egg", "foo-bar", "egg", "1.0-r5"),
    ("foo-1.0.egg", "foo", "egg", "1.0"),
    ("Foo-1.0.win32-py2.7.exe", "foo", "wininst", "1.0"),
    ("Foo-1.0.win32.exe", "foo", "wininst", "1.0"),
    ("Foo-1.0.win-amd64-py3.3.msi", "foo", "msi", "1.0"),
    ("setup.exe", "foo", "wininst", None),
    ("foo-1.0-1.noarch.rpm", "foo", "rpm", "1.0"),
    ("foo-bar-1.0-2.src.rpm", "foo-bar", "rpm", "1.0"),
    ("python-foo_1.0-1_all.deb", "foo", "deb", None),
    ("foo-1.0.dmg", "foo", "dmg", "1.0"),
    ("foo-1.0.linux-x86_64.tar.gz", "foo", "dumb", "1.0"),
    ("foo-1.0.win32.zip", "foo", "dumb", "1.0"),
    ("foo-1.0.macosx-10.9-x86_64.tar.gz", "foo", "dumb", "1.0"),
    ("README", "foo", "", None),
    ("", "foo", "", None),
])
def test_kind_and_version_are_told_by_the_file_name(filename, project, kind, version):
    found = parse(filename, project)
    assert (found.kind, found.version) == (kind, version)


def test_the_project_is_given_as_it_is_written():
    assert parse("Products.CMFPlone-6.0.tar.gz", "products-cmfplone").project == "Products.CMFPlone"
    assert parse("other-6.0.tar.gz", "products-cmfplone").project == ""


@pytest.mark.parametrize(("filename", "python", "abi", "platform"), [
    ("foo-1.0-cp311-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
     "cp311", "abi3", "manylinux_2_17_x86_64.manylinux2014_x86_64"),
    ("foo-1.0-py2.py3-none-any.whl", "py2.py3", "none", "any"),
    ("foo-1.0-cp311-abi3-linux_x86_64-x86_64_v3.whl", "cp311", "abi3", "linux_x86_64"),
    ("foo-1.0-7b-cp311-abi3-linux_x86_64-cu12.whl", "cp311", "abi3", "linux_x86_64"),
    ("foo-1.0-7b-cp311-abi3-linux_x86_64.whl", "cp311", "abi3", "linux_x86_64"), ("foo-1.0-variants.json", "", "", ""),
    ("foo-1.0-py2.7-win-amd64.egg", "2.7", "", "win-amd64"),
    ("foo-1.0.win32-py2.7.exe", "2.7", "", "win32"),
    ("foo-1.0-1.x86_64.rpm", "", "", "linux-x86_64"),
    ("foo-1.0-1.noarch.rpm", "", "", ""),
    ("foo-1.0.tar.gz", "", "", ""),
])
def test_what_it_runs_on_is_told_by_the_file_name(filename, python, abi, platform):
    assert parse(filename, "foo")[3:6] == (python, abi, platform)


@given(st.text(max_size=60), st.text(max_size=30), st.sampled_from(("", *SUFFIXES)))
def test_no_file_name_makes_it_fail(stem, project, suffix):
    found = parse(stem + suffix, project)
    assert found.kind in (*KINDS, "")
    assert found.version != ""


_NAME = st.from_regex(r"[A-Za-z0-9]+(?:[-_.]{1,2}[A-Za-z0-9]+){0,3}", fullmatch=True)
_VERSION = st.builds("{}.{}{}{}".format, st.integers(0, 99), st.integers(0, 99),
                     st.sampled_from(("", "a1", ".post1", ".dev3", "rc2")), st.sampled_from(("", "+local.1")))


@given(_NAME, _VERSION, st.sampled_from((".tar.gz", ".zip")))
def test_an_sdist_reads_as_packaging_reads_it(name, version, suffix):
    filename = f"{name}-{version}{suffix}"
    found = parse(filename, normalize(name))
    expected = parse_sdist_filename(filename)
    assert (normalize(found.project), pep440(found.version)) == expected


@given(_NAME, _VERSION, st.sampled_from(("", "-1", "-2b")), st.sampled_from(("py3-none-any", "cp311-abi3-win_amd64")))
def test_a_wheel_reads_as_packaging_reads_it(name, version, build, tags):
    escaped = name.replace("-", "_")
    filename = f"{escaped}-{version}{build}-{tags}.whl"
    found = parse(filename, normalize(name))
    if "__" not in escaped:
        expected = parse_wheel_filename(filename)
        assert (normalize(found.project), pep440(found.version)) == expected[:2]
    assert f"{found.python}-{found.abi}-{found.platform}" == tags


def test_a_variant_wheel_keeps_its_platform_apart_from_its_label():
    found = parse("foo-1.0-cp311-cp311-linux_x86_64-x8664v3.whl", "foo")
    assert (found.python, found.platform, found.variant) == ("cp311", "linux_x86_64", "x8664v3")
    assert parse("foo-1.0-1-py3-none-any.whl", "foo").variant == ""


@pytest.mark.parametrize("version", [
    "9" * 5000, f"1.{'9' * 5000}", f"1!{'9' * 5000}", f"1.0.post{'9' * 5000}", "1." * 90 + "1.1" * 90])
def test_a_version_that_no_installer_can_read_is_none(version):
    assert pep440(version) is None
    assert release(version) == version
    for suffix in (".tar.gz", "-py3-none-any.whl"):
        assert release(parse(f"foo-{version}{suffix}", "foo").version) == version


def test_all_ways_to_write_a_version_are_one_release():
    assert release("1.0") == release("1.0.0") == release("v1") == Version("1")
    assert release("1.0rc1") == release("1.0-RC.1")
    assert release("1.0-Custom") == release("1.0-custom") != release("1.0")


def test_nothing_heavy_is_imported_to_read_file_names():
    code = ("import sys; from pypimirror.metadata.filenames import parse; parse('foo-1.0-py3-none-any.whl', 'foo');"
            "sys.exit(any(name.startswith('packaging') for name in sys.modules))")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
