"""Upstream's list in little memory: what comes out is what went in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypimirror.model import ListedProject
from pypimirror.upstream.project_list import CompactNames, NameCollector, in_order

_NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,3}[a-z0-9])?", fullmatch=True)
_SERIALS = st.none() | st.integers() | st.text(min_size=1, max_size=5)
_ENTRIES = st.lists(st.tuples(_NAMES, st.booleans(), _SERIALS), max_size=30)


def gathered(entries: list[tuple[str, str, int | str | None]]) -> CompactNames:
    taken = NameCollector()
    for entry in entries:
        taken.add(*entry)
    return taken.names()


@given(_ENTRIES)
def test_names_are_what_a_dictionary_would_hold(entries: list[tuple[str, bool, int | str | None]]) -> None:
    told = [(name, name.upper() if upper else name, serial) for name, upper, serial in entries]
    due = {name: ListedProject(display, serial) for name, display, serial in told}
    names = gathered(told)
    assert dict(names) == due
    assert list(names) == sorted(due)
    assert list(names.items()) == list(in_order(names)) == list(in_order(due)) == sorted(due.items())
    assert len(names) == len(due) and bool(names) == bool(due)
    assert "zz-missing" not in names


@pytest.mark.parametrize("step", [1, -1, 7])
def test_many_names_are_found_in_whichever_order_they_came(step: int) -> None:
    numbers = [number * step % 2003 for number in range(2003)]
    names = gathered([(f"project-{number}", f"Project.{number}", number) for number in numbers])
    assert len(names) == len(set(numbers))
    assert all(names[f"project-{number}"] == ListedProject(f"Project.{number}", number) for number in numbers)
    assert not any(missing in names for missing in ("a", "project", "project-", "project-2003", "z"))


def test_names_with_several_serials_are_known() -> None:
    taken = NameCollector()
    for name, serial in (("b", 7), ("a", 7), ("a", 8), ("b", 7), ("c", None), ("c", 9)):
        taken.add(name, name, serial)
    assert taken.names()["a"] == ListedProject("a", 8)
    assert taken.contradicted == {"a", "c"}
