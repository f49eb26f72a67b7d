"""One line for one cause."""

from __future__ import annotations

import re

import pytest

from pypimirror.report.causes import cause_of, lines_by_cause
from support.mirror import Mirrored
from support.upstream import Upstream, sdist


@pytest.mark.parametrize(("message", "expected"), [
    ("https://pypi.example.com/simple/one/: status 500", "https://pypi.example.com: status 500"),
    ("https://f.example.com:8443/a/one-1.0.tar.gz: can't connect", "https://f.example.com:8443: can't connect"),
    ("http://f.example.com/one?a=1#b", "http://f.example.com"),
    ("refused: https://a.example.com/x leads to http://b.example.com/y; see", "refused: https://a.example.com leads to "
                                                                             "http://b.example.com; see"),
    ("one-1.0.tar.gz: hash differs", "one-1.0.tar.gz: hash differs")])
def test_a_cause_is_the_message_without_paths_of_urls(message: str, expected: str) -> None:
    assert cause_of(message) == expected


def failures(count: int, what: str = "status 500") -> list[tuple[str, str]]:
    return [(f"p{number}", f"https://pypi.example.com/simple/p{number}/: {what}") for number in range(count)]


def test_a_few_failures_of_one_cause_have_a_line_each() -> None:
    assert lines_by_cause(failures(4)) == [f"p{n}: https://pypi.example.com/simple/p{n}/: status 500" for n in range(4)]


def test_many_failures_of_one_cause_are_one_line_with_a_count() -> None:
    other = ("q", "https://pypi.example.com/simple/q/: status 404")
    assert lines_by_cause([*failures(40), other]) == [
        "40 projects: https://pypi.example.com: status 500 (p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 and 30 more)",
        "q: https://pypi.example.com/simple/q/: status 404"]
    assert lines_by_cause(failures(5))[0].endswith("(p0, p1, p2, p3, p4)")


def test_a_run_prints_one_line_for_one_cause(mirrored: Mirrored, upstream: Upstream,
                                             capsys: pytest.CaptureFixture[str]) -> None:
    upstream.add("here", sdist("here", "1"))
    mirrored.settings |= {"package_matches": "here " + " ".join(f"gone{number}" for number in range(12))}
    assert mirrored.run("sync") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pypimirror: 12 projects: ") and line.endswith(" and 2 more)")


def test_plan_and_status_print_one_line_for_one_cause(mirrored: Mirrored, upstream: Upstream,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(12):
        upstream.add(f"p{number}", sdist(f"p{number}", "1"))
        upstream.answers[f"/simple/p{number}/"] = (500, {}, b"")
    assert mirrored.run("plan", "-q") == 1
    line, _totals = capsys.readouterr().out.splitlines()
    assert line.startswith(f"problem   12 projects: {upstream.host}: status 500 (p0, ") and line.endswith(" and 2 more)")
    assert mirrored.run("plan", "-q", "--files") == 1
    assert f"problem   p7: {upstream.url}p7/: status 500\n" in (shown := capsys.readouterr().out)
    assert len(shown.splitlines()) == 13
    assert mirrored.run("sync") == 1
    capsys.readouterr()
    assert mirrored.run("status") == 0
    [line] = re.findall("^  .*$", capsys.readouterr().out, re.MULTILINE)
    assert re.fullmatch(rf"  12 projects: {upstream.host}: status 500 \(p0, .* and 2 more; since [-0-9T:+]+\)", line)
