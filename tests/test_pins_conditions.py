"""Conditions of sections are decided as zc.buildout would, and never run."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypimirror.errors import ConfigurationError
from pypimirror.pins.conditions import Undecided, holds
from pypimirror.pins.environments import PLATFORMS, Environment, applies, environments, marker_values, supported_tags

LINUX = Environment("3.11", "manylinux_2_28_x86_64")
WINDOWS = Environment("3.10", "win_amd64")
MAC = Environment("3.13", "macosx_14_0_arm64")
OLD = Environment("2.7", "linux_i686")


@pytest.mark.parametrize("expression, where", [
    ("python2", [OLD]), ("python3", [LINUX, WINDOWS, MAC]), ("python27", [OLD]), ("python311", [LINUX]),
    ("python3 and not python313", [LINUX, WINDOWS]),
    ("python310 or python311", [LINUX, WINDOWS]), ("linux", [LINUX, OLD]), ("windows", [WINDOWS]), ("macosx", [MAC]),
    ("posix", [LINUX, MAC, OLD]),
    ("cpython", [LINUX, WINDOWS, MAC, OLD]), ("pypy or jython or ironpython or cygwin or solaris", []),
    ("bits64", [LINUX, WINDOWS, MAC]),
    ("bits32", [OLD]), ("little_endian and not big_endian", [LINUX, WINDOWS, MAC, OLD]),
    ("(python2 or windows) and not macosx", [WINDOWS, OLD]),
    ("python_version < '3.11'", [WINDOWS, OLD]), ('python_version >= "3.11" and sys_platform == "linux"', [LINUX]),
    ("platform_machine == 'arm64' or os_name == 'nt'", [WINDOWS, MAC]), ("sys.version_info[0] == 2", [OLD]),
    ("sys.version_info < (3, 11)", [WINDOWS, OLD]),
    ("sys.version_info[:2] in [(3, 10), (3, 13)]", [WINDOWS, MAC]), ("sys.platform == 'darwin'", [MAC]),
    ("'win' in sys.platform", [WINDOWS, MAC]),
    ("sys.platform.lower().startswith('linux')", [LINUX, OLD]), ("platform.machine() != 'x86_64'", [WINDOWS, MAC, OLD]),
    ("sys.maxsize > 2147483647", [LINUX, WINDOWS, MAC]), ("platform.python_version_tuple()[0] == '2'", [OLD]),
    ("bool(python2)", [OLD]),
    ("True", [LINUX, WINDOWS, MAC, OLD]), ("0", []), ("None", []), ("'x'", [LINUX, WINDOWS, MAC, OLD]),
    ("1 < 2 < 3", [LINUX, WINDOWS, MAC, OLD]),
])
def test_a_condition_holds_where_it_should(expression, where):
    assert [environment for environment in (LINUX, WINDOWS, MAC, OLD) if holds(expression, environment)] == where


@pytest.mark.parametrize("expression", [
    "os.environ['HOME']", "__import__('os').system('true')", "open('/etc/passwd')", "().__class__", "[x for x in (1,)]",
    "(lambda: 1)()", "2 ** 9 ** 9",
    "'a' * 10 ** 9", "sys.exit()", "python3.real", "nothere", "1] + [2", "", "(", "f'{1}'", "'x'.format()",
    "sys.version_info[9]", "1 < 'x'", "bool(1, 2)",
    "'x'.lower('y')", "x := 1", "sys.version_info[::0]", "a" * 2000, "(" * 400 + ")" * 400, "not " * 300 + "1", "1 is 1",
    "python_version ~= 'x'"])
def test_what_has_no_meaning_in_a_condition_is_undecided_and_never_run(expression):
    with pytest.raises(Undecided):
        holds(expression, LINUX)


WORDS = st.sampled_from(["python3", "python27", "linux", "and", "or", "not", "(", ")", "[", "]", "==", "<", ">=", "in",
    "sys.version_info", "[0]", "[:2]", "(3, 8)",
                         "python_version", "'3.11'", "extra", "'x'", "1", ".lower()", "os", ".", "if", "else", ",",
                         "platform.system()", "\\x23", "lambda", "**", "~="])


@settings(max_examples=150)
@given(st.lists(WORDS | st.text(max_size=3), max_size=12).map(" ".join))
@pytest.mark.heavy
def test_any_expression_is_decided_or_undecided(expression):
    try:
        assert holds(expression, LINUX) in (True, False)
    except Undecided:
        return


def test_every_pair_of_a_python_and_a_platform_is_an_environment():
    assert environments(["3.11", "3.12"], ["win_amd64", "any"]) == (
        ("3.11", "win_amd64"), ("3.11", "any"), ("3.12", "win_amd64"), ("3.12", "any"))
    assert {environment.platform for environment in environments()} == set(PLATFORMS)


@pytest.mark.parametrize("pythons, platforms, message", [
    (["3"], [], "python_versions: '3'"), (["py311"], [], "python_versions: 'py311'"), ([], ["linux"], "platforms: 'linux'"),
    ([], ["manylinux_2_x86_64"], "platforms: "), ([], ["win64"], "platforms: 'win64'")])
def test_what_is_no_python_or_platform_is_a_configuration_error(pythons, platforms, message):
    with pytest.raises(ConfigurationError, match=message):
        environments(pythons, platforms)


@pytest.mark.parametrize("platform, fits, does_not", [
    ("manylinux_2_28_x86_64", ["manylinux_2_28_x86_64", "manylinux_2_5_x86_64", "manylinux2014_x86_64", "manylinux1_x86_64",
    "linux_x86_64", "any"],
     ["manylinux_2_34_x86_64", "manylinux_2_28_aarch64", "musllinux_1_1_x86_64", "win_amd64"]),
    ("manylinux2010_x86_64", ["manylinux_2_12_x86_64", "manylinux1_x86_64"], ["manylinux2014_x86_64"]),
    ("musllinux_1_2_aarch64", ["musllinux_1_1_aarch64"], ["manylinux_2_17_aarch64", "musllinux_1_3_aarch64"]),
    ("macosx_14_0_arm64", ["macosx_11_0_arm64", "macosx_12_0_universal2", "macosx_10_9_universal2"],
    ["macosx_15_0_arm64", "macosx_10_9_x86_64"]),
    ("win_amd64", ["win_amd64", "any"], ["win32", "win_arm64"]), ("any", ["any"], ["linux_x86_64"])])
def test_platforms_take_the_wheels_that_installers_take(platform, fits, does_not):
    found = {tag.platform for tag in supported_tags(Environment("3.11", platform))}
    assert found.issuperset(fits)
    assert found.isdisjoint(does_not)


def test_pythons_take_the_wheels_that_installers_take():
    found = {f"{tag.interpreter}-{tag.abi}" for tag in supported_tags(LINUX)}
    assert found.issuperset({"cp311-cp311", "cp311-abi3", "cp38-abi3", "py3-none", "py311-none", "py310-none", "cp311-none"})
    assert found.isdisjoint({"cp310-cp310", "cp312-abi3", "py2-none", "py312-none"})


def test_a_marker_on_bug_fix_releases_holds_if_it_does_for_one_of_them():
    from packaging.markers import Marker
    assert applies(Marker("python_full_version < '3.11.3'"), LINUX)
    assert applies(Marker("python_full_version >= '3.11.3'"), LINUX)
    assert not applies(Marker("python_full_version < '3.11.3'"), Environment("3.11.4", "win_amd64"))
    assert applies(Marker("extra == 'x' and python_version < '3.12'"), LINUX, ["y", "x"])
    assert not applies(Marker("extra == 'x'"), LINUX)
    assert marker_values(WINDOWS)["platform_machine"] == "AMD64"


@pytest.mark.parametrize(("marker", "does"), [
    ("platform_release > '1'", True), ("'WSL' in platform_release", True), ("platform_version not in 'x'", True),
    ("platform_release == '5' and platform_version < '#1'", True),
    ("platform_release >= '5' and sys_platform == 'win32'", False),
    ("platform_release >= '5' or sys_platform == 'win32'", True), ("python_version < '3' and platform_version != 'x'", False)])
def test_what_differs_between_hosts_of_a_platform_leaves_nothing_out(marker, does):
    from packaging.markers import Marker
    assert applies(Marker(marker), LINUX) is does
    with pytest.raises(Undecided):
        holds(marker, LINUX)


def test_a_marker_without_meaning_leaves_nothing_out():
    from packaging.markers import Marker
    assert applies(Marker("platform_version ~= '5.x'"), LINUX)
