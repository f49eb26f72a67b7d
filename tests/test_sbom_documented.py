"""The page about bills of materials, run as it stands."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

from support import wheelhouse
from support.mirror import Mirrored
from support.sbom import check_cyclonedx, check_spdx, wheel
from support.upstream import Upstream

PAGE = wheelhouse.CHECKOUT / "docs" / "sbom.rst"
_BLOCK = re.compile(r"^\.\. code-block:: (console|ini)\n\n((?:    .*\n|\n)+)", re.MULTILINE)
_COMMAND = re.compile(r"    \$ pypimirror pypimirror.cfg (.*)\n((?:    (?!\$ ).*\n)*)")


def test_the_page(mirrored: Mirrored, upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    upstream.add("demo", wheel("demo", "1.0", "License-Expression: MIT"), wheel(
        "demo", "2.0", "License-Expression: MIT OR Apache-2.0", "License-File: LICENSE.txt",
        files={"sboms/auditwheel.cdx.json": "{}"}))
    upstream.add("other", wheel("other", "1.0", "Classifier: License :: OSI Approved :: BSD License"))
    upstream.add("third", wheel("third", "3.0"))
    for name in ("pins.txt", "requirements.txt"):
        (tmp_path / name).write_text("demo==2.0\nabsent==7\n" if name == "requirements.txt" else "demo==2.0\n")
    ran, page = 0, PAGE.read_text(encoding="utf-8")
    for kind, text in _BLOCK.findall(page):
        if kind == "ini":
            keys = [line.strip().split(" = ") for line in text.splitlines() if " = " in line]
            mirrored.settings |= {key: value for key, value in keys if key != "index_url"} | {"min_free": 0}
            assert mirrored.run("sync") == 0
        else:
            for command, expected in _COMMAND.findall(text):
                capsys.readouterr()
                assert mirrored.run(*shlex.split(command)) == 0
                printed = capsys.readouterr()
                wanted = re.sub("^    ", "", expected, flags=re.MULTILINE)
                assert doctest.OutputChecker().check_output(wanted, printed.out + printed.err, 0), (command, printed)
                ran += 1
    assert ran == 7
    (extracted,) = tmp_path.glob("sboms/*/*")
    assert f"``{extracted.relative_to(tmp_path)}``" in page
    for path in tmp_path.glob("*.cdx.json"):
        assert check_cyclonedx(path.read_text())["components"]
    check_spdx((tmp_path / "mirror.spdx.json").read_text(), tmp_path)
