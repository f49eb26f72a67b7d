"""Projects chosen by name."""

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from pypimirror.errors import ConfigurationError
from pypimirror.filters.packages import PackageExcludes, PackageMatches
from pypimirror.interfaces import INameFilter
from pypimirror.names import normalize
from support.filter_inputs import configured

NAMES = ("products-cmfplone", "zope-interface", "zope", "zope2", "plone", "plone-app-iterate", "collective-z3cform", "five",
         "z3c-form", "products")


def taken(patterns: str) -> set[str]:
    matches = PackageMatches(configured(package_matches=patterns))
    return {name for name in NAMES if matches(name)}


@pytest.mark.parametrize(("patterns", "expected"), [
    ("Products.*", {"products-cmfplone"}),
    ("products.*", {"products-cmfplone"}),
    ("products-*", {"products-cmfplone"}),
    ("PRODUCTS_*", {"products-cmfplone"}),
    ("zope.*", {"zope-interface"}),
    ("zope*", {"zope-interface", "zope", "zope2"}),
    ("zope?", {"zope2"}),
    ("zope[._]*", {"zope-interface"}),
    ("zope[!._]*", {"zope2"}),
    ("[A-F]*", {"collective-z3cform", "five"}),
    ("*.app.*", {"plone-app-iterate"}),
    ("*.__.app.*", {"plone-app-iterate"}),
    ("Zope", {"zope"}),
    ("Zope.Interface five", {"zope-interface", "five"}),
    ("five\n# zope.*\nz3c.*", {"five", "z3c-form"}),
    ("*", set(NAMES)),
    ("*.*", set(NAMES)),
    ("five *.*", set(NAMES)),
    ("nothing.*", set()),
    ("", set()),
])
def test_patterns_are_globs_on_normalised_names(patterns, expected):
    assert taken(patterns) == expected


def test_names_without_wildcards_are_known_beforehand():
    assert PackageMatches(configured(package_matches="Plone zope.interface")).exact == {"plone", "zope-interface"}
    assert PackageMatches(configured()).exact == frozenset()
    assert PackageMatches(configured(package_matches="Plone zope.*")).exact is None
    assert PackageMatches(configured(package_matches="*")).exact is None
    assert PackageMatches(configured(package_matches="*.*")).exact is None


def test_excludes_leave_out_what_they_mean():
    excludes = PackageExcludes(configured(package_excludes="Products.* five"))
    assert excludes.active
    assert [name for name in NAMES if not excludes(name)] == ["products-cmfplone", "five"]
    assert not PackageExcludes(configured()).active


def test_excludes_hold_for_pins_and_matches_do_not():
    assert PackageExcludes(configured()).applies_to_pins
    assert not PackageMatches(configured()).applies_to_pins


@pytest.mark.parametrize("factory", [PackageMatches, PackageExcludes])
def test_the_contract_is_kept(factory):
    assert verifyObject(INameFilter, factory(configured(package_matches="*", package_excludes="five")))


@pytest.mark.parametrize("pattern", ["Plone>=6", "zope/interface", "zope[", "zope.[z-a]", "plone[test]x!", "[]", "*/*"])
def test_a_pattern_that_no_name_can_match_is_refused(pattern):
    with pytest.raises(ConfigurationError) as caught:
        PackageMatches(configured(package_matches=f"five {pattern}"))
    message = str(caught.value)
    assert "package_matches" in message and repr(pattern) in message and "mirror.cfg [pypimirror]" in message
    assert "\n" not in message


_LETTERS = st.text("abz19", min_size=1, max_size=3)
_WRITTEN = st.lists(st.tuples(_LETTERS, st.sampled_from("-_.")), min_size=1, max_size=4).map(
    lambda pieces: "".join(map("".join, pieces))[:-1])
_PIECE = st.one_of(_LETTERS, st.sampled_from(("*", "?", "-", ".", "_", "[ab]", "[!a]")))
_PATTERN = st.lists(_PIECE, min_size=1, max_size=5).map("".join)


@given(_PATTERN, _WRITTEN)
def test_a_pattern_means_what_it_means_with_dashes(pattern, written):
    name = normalize(written)
    expected = pattern in ("*", "*.*") or fnmatchcase(name, re.sub(r"[-_.]+", "-", pattern))
    assert PackageMatches(configured(package_matches=pattern))(name) == expected


@given(_WRITTEN, st.integers(0, 6))
def test_a_written_name_matches_its_own_beginnings(written, length):
    # What z3c.pypimirror compared as it was written still matches.
    assert PackageMatches(configured(package_matches=written[:length] + "*"))(normalize(written))
