"""A long list is searched for names as they are written: what is found is what looking at every name finds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pypimirror.filters.packages import PackageExcludes, PackageMatches
from pypimirror.model import ProjectList
from pypimirror.selection import Selection, Wanted
from pypimirror.settings.decisions import Decisions
from pypimirror.upstream.json_page import JsonList

PATTERNS = ["zope.*", "Products.*", "plone", "a?b", "x[._]y*", "*-z", "[!a-m]-o*", "c*.d*"]
_NAMES = st.one_of(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,7}", fullmatch=True),
                   st.sampled_from(["Zope.Interface", "zope-a", "PLONE", "a-b", "a.-_b", "x__y1", "q--z", "n.o1", "C.x_d",
                                    "zopeé", "\u212aone", 'zope-"', "zope-{", "zope-}", 'zope-","name":"plone']))


def selection(matches: list[str], excludes: list[str] = [], pins: Any = None, own: tuple[str, ...] = ()) -> Selection:  # noqa: B006
    class Settings(dict[str, Any]):
        def origin(self, key: str) -> str:
            return "file"

    settings: Any = Settings(package_matches=tuple(matches), package_excludes=tuple(excludes), decisions=Decisions())
    return Selection([PackageMatches(settings), PackageExcludes(settings)], {}, pins or {}, own)


def read(body: bytes, names: Wanted, size: int) -> ProjectList:
    reader = JsonList(names.wanted, names.written)
    for start in range(0, len(body), size):
        reader.write(body[start:start + size])
    return reader.finish()


def page(names: list[str], **options: Any) -> bytes:
    entries = [{"_last-serial": number, "name": name} for number, name in enumerate(names)]
    return json.dumps({"meta": {"api-version": "1.4"}, "projects": entries}, **options).encode()


@given(st.lists(_NAMES, max_size=30), st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=4, unique=True),
       st.sampled_from([7, 64, 10_000]), st.booleans(), st.booleans())
@example(["0", "0", "0", "00", "zope-}"], ["zope.*"], 7, False, False)  # a block ends with a brace within a name
def test_searching_finds_what_looking_at_every_name_finds(
        names: list[str], patterns: list[str], size: int, spaces: bool, escapes: bool) -> None:
    chosen = selection(patterns, ["zope.x*"], {"pinned-one": frozenset({"1"})}, ("own",))
    wanted = chosen.among_many()
    body = page([*names, "Pinned.One", "own"], separators=None if spaces else (",", ":"), ensure_ascii=escapes)
    found = read(body, wanted, size)
    assert found == read(body, Wanted(chosen.wanted, None), size)
    assert {"pinned-one", "own"} <= found.projects.keys()
    assert found.total == len(names) + 2


def test_names_with_a_wildcard_among_them_are_searched_for() -> None:
    assert selection(["zope.*", "plone"]).among_many().written == 'zope[-_.]+[^"]*|plone'


@pytest.mark.parametrize("chosen", [
    selection(["*"]), selection(["*.*", "zope.*"]), selection([f"p{n}*" for n in range(100)]),
    selection(["zope.*"], pins={f"p{n}": frozenset({"1"}) for n in range(100)})])
def test_where_searching_does_not_pay_every_name_is_looked_at(chosen: Selection) -> None:
    assert chosen.among_many().written is None


def test_entries_are_not_made_into_values_unless_their_names_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    loads = json.loads
    monkeypatch.setattr("pypimirror.upstream.json_page.json.loads", lambda text, **options: sizes.append(len(text))
                        or loads(text, **options))
    wanted = selection(["zope.*"]).among_many()
    body = page([*(f"other{n}" for n in range(10_000)), "zope.one"])
    found = read(body, wanted, 1 << 14)
    assert (list(found.projects), found.total) == (["zope-one"], 10_001)
    assert sum(sizes) < 4 << 14 < len(body)  # the end of the list is read as a whole


@pytest.mark.parametrize("spoilt", ['{"name":"zope.a"', '}{"name":', '{"x":{"name":"zope.a"}},'])
def test_what_is_no_flat_entry_is_read_as_a_whole(spoilt: str) -> None:
    chosen = selection(["zope.*"])
    body = page(["zope.one", "two"]).replace(b'{"_last-serial": 1', spoilt.encode() + b'{"_last-serial": 1')

    def outcome(wanted: Wanted) -> Any:
        try:
            return read(body, wanted, 10_000)
        except Exception as error:
            return type(error), str(error)

    assert outcome(chosen.among_many()) == outcome(Wanted(chosen.wanted, None))
