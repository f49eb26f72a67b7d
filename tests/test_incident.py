"""The walk through an incident in the documentation, run as it stands."""

from __future__ import annotations

import datetime
import doctest
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from support import osv, wheelhouse
from support.mirror import Mirrored
from support.upstream import Upstream, wheel

PAGE = wheelhouse.CHECKOUT / "docs" / "incident.rst"
_PART = re.compile(r"^\.\. step: (\w+)$|^(?:\.\. code-block:: (console|ini)|\w.*::)\n\n((?:    .*\n|\n)+)", re.MULTILINE)
_LINE = '{} - - [{} +0000] "GET /simple/demo/demo-2.0-py3-none-any.whl HTTP/1.1" 200 1234 "-" "pip/26.1"\n'


@pytest.fixture
def steps(upstream: Upstream, tmp_path: Path) -> dict[str, Callable[[], None]]:
    """What happens between the commands."""
    now = datetime.datetime.now(datetime.timezone.utc)

    def mirrored() -> None:
        for version in ("1.0", "2.0"):
            upstream.add("demo", wheel("demo", version), upload_time="2020-01-01T00:00:00Z")
        upstream.add("demo", wheel("demo", "2.1"), upload_time=(now - datetime.timedelta(hours=30)).isoformat())
        osv.write_directory(tmp_path / "osv")
        (tmp_path / "requirements.txt").write_text("demo==2.0\n")

    def advised() -> None:
        osv.write_directory(tmp_path / "osv", osv.document("MAL-2026-1", "demo", versions=["2.0"], severity=""),
                            osv.document("PYSEC-2026-1", "demo", introduced="0", fixed="2.1"))

    def fetched() -> None:
        (tmp_path / "access.log").write_text("".join(_LINE.format(host, when) for host, when in (
            ("192.0.2.7", "27/Nov/2026:08:10:00"), ("192.0.2.7", "28/Nov/2026:09:30:00"),
            ("192.0.2.124", "28/Nov/2026:07:00:00"))))

    return {"mirrored": mirrored, "advised": advised, "fetched": fetched, "logged": lambda: None}


def test_the_walk(mirrored: Mirrored, upstream: Upstream, tmp_path: Path, steps: dict[str, Callable[[], None]],
                  capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = 0
    for step, kind, text in _PART.findall(PAGE.read_text(encoding="utf-8")):
        if step:
            steps.pop(step)()
        elif kind == "ini":
            keys = [line.strip().split(" = ") for line in text.splitlines() if " = " in line]
            mirrored.settings |= {key: value for key, value in keys if key != "index_url"} | {"min_free": 0}
        elif not kind:
            lines = [json.loads(line) for line in (tmp_path / "decisions.jsonl").read_text().splitlines()]
            told = [f"{line['file']} {line['action']} {line['rule']}" for line in lines]
            assert told == text.replace("    ", "").strip().split("\n")
        else:
            for command, expected in _commands(text):
                capsys.readouterr()
                status = mirrored.run(*shlex.split(command)[2:])
                printed = capsys.readouterr()
                assert doctest.OutputChecker().check_output(expected, printed.out + printed.err, doctest.ELLIPSIS), (
                    command, printed)
                assert status in (0, 1)
                ran += 1
    assert ran == 10 and not steps
    assert mirrored.page("demo")["versions"] == ["1.0", "2.1"] and not mirrored.untrue()


def _commands(text: str) -> list[tuple[str, str]]:
    """Return the commands of a block, each with the output that it shows."""
    found: list[tuple[str, str]] = []
    for line in text.rstrip("\n").split("\n"):
        if line.startswith("    $ "):
            found.append((line[6:], ""))
        else:
            found[-1] = (found[-1][0], found[-1][1] + line[4:] + "\n")
    return found
