"""What the programs are given to do: with which upstream, what changes there, and whether the mirror is empty before."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from places import ROOT, URL
from tree import Tree

USUAL = {"median": 20_000, "sigma": 0.8, "big_share": 0.001, "zope_share": 0.01}
_SMALL = {"median": 2_000, "sigma": 0.8, "big_share": 0.0, "zope_share": 0.01}
#: Share of the projects that get a release where some change.
_SHARE = 0.01


class Size(NamedTuple):
    """How much there is."""

    projects: int
    #: Names on a long list, and how many of them match.
    listed: int
    match: int
    #: Bytes of a large file.
    large: int
    #: Numbers of small projects.
    growth: tuple[int, ...]


#: The smallest one shows whether everything works; its figures mean nothing.
SIZES = {"trial": Size(100, 2000, 40, 20_000_000, (100,)),
         "small": Size(300, 20_000, 400, 200_000_000, (100, 300, 1000)),
         "full": Size(3000, 750_000, 4000, 2_000_000_000, (300, 1000, 3000, 10_000))}


class Case(NamedTuple):
    """One kind of work."""

    title: str
    make: Callable[[], Tree]
    #: Whether the mirror is empty before each run.
    empty: bool = False
    #: What happens upstream before each round.
    change: Callable[[Tree], None] | None = None
    #: Whether what is there is verified, instead of mirrored.
    verify: bool = False
    latency_ms: float = 0
    #: Whether files are on another host, by a redirect each; whether all goes through a forward proxy.
    redirect: bool = False
    proxy: bool = False
    #: Times as many rounds, where a run is short.
    times: int = 1
    #: For a table of its own: how much there is.
    projects: int = 0


def cases(size: Size) -> dict[str, Case]:
    """Return all kinds of work by name, in the order in which they leave the mirrors to one another."""

    @cache
    def usual() -> Tree:
        return _own(_made(f"projects-{size.projects}", lambda tree: tree.generate(size.projects, 5, "bench", USUAL, URL)))

    def distant() -> Tree:
        return _made("projects-300", lambda tree: tree.generate(300, 5, "bench", USUAL, URL))

    def wide() -> Tree:
        return _made("wide", lambda tree: tree.generate(1, 2500, "bench", _SMALL, URL))

    @cache
    def listed() -> Tree:
        opts = {**_SMALL, "gzip_root": True}
        return _own(_made(f"listed-{size.listed}",
                          lambda tree: tree.generate(size.listed, 1, "bench", opts, URL, size.match)))

    def large() -> Tree:
        return _made(f"large-{size.large}", lambda tree: tree.generate_large(size.large, URL))

    def some(tree: Tree) -> None:
        tree.mutate(max(1, round(size.projects * _SHARE)))

    many, listing = f"{size.projects:,} projects", f"{size.listed:,} names, {size.match:,} match"
    found = {
        "first": Case(f"{many}, first fetch", usual, empty=True),
        "nothing": Case(f"{many}, nothing changed", usual, times=2),
        "changed": Case(f"{many}, {_SHARE:.0%} changed", usual, change=some, times=2),
        "verify": Case(f"{many}, verify", usual, verify=True),
        "proxy": Case(f"{many}, first fetch through a proxy", usual, empty=True, proxy=True),
        "redirect": Case(f"{many}, first fetch, each file redirected", usual, empty=True, redirect=True),
        "distant": Case("300 projects, 20 ms a request, first fetch", distant, empty=True, latency_ms=20, times=2),
        "wide": Case("one project of 2,500 files, first fetch", wide, empty=True, times=2),
        "list": Case(f"{listing}, list unchanged", listed, times=2),
        "list-new": Case(f"{listing}, the list's bytes new", listed, change=Tree.touch, times=2),
        "large": Case(f"one file of {size.large / 1e9:g} GB, first fetch", large, empty=True),
    }
    for number in size.growth:
        found[f"growth-{number}"] = Case(f"{number:,} small projects", lambda n=number: _small(n), empty=True, projects=number)
    return found


def _small(projects: int) -> Tree:
    return _made(f"small-{projects}", lambda tree: tree.generate(projects, 2, "bench", _SMALL, URL))


def _own(tree: Tree) -> Tree:
    """Give one like it for this run, which changes it."""
    return tree.copied(tree.root.with_name(f"{tree.root.name}-changing"))


def _made(name: str, make: Callable[[Tree], None]) -> Tree:
    """Give a tree, made if it is not there yet, or is for another address."""
    tree = Tree(ROOT / "trees" / name)
    if tree.state.get("base_url") != URL:
        make(tree)
    return tree
