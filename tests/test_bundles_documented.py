"""The commands of docs/bundles.rst, in their order, run for real."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from support import wheelhouse
from support.sites import Sites, allow, key
from support.upstream import Upstream, sdist, wheel

PAGE = (wheelhouse.CHECKOUT / "docs" / "bundles.rst").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    \$ pypimirror pypimirror\.cfg (.*)$", PAGE, re.MULTILINE)


def test_the_page_is_true(sites: Sites, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add("one", wheel("one", "1.0"), sdist("one", "1.0"))
    signer = key(tmp_path, "id_ed25519")
    places = {"/media/stick": str(sites.folder / "bundles"), "~/.ssh/id_ed25519": str(signer),
              "listing": str(tmp_path / "listing"), "receipt.json": str(sites.bundle("may") / "receipt.json")}
    done = []
    for number, command in enumerate(COMMANDS):
        words = shlex.split(re.sub("|".join(map(re.escape, places)), lambda found: places[found[0]], command))
        if words[0] == "export" and "--sign" not in words:
            shutil.rmtree(words[1], ignore_errors=True)
            upstream.add("one", wheel("one", f"2.{number}"))
            sites.sync()
        if "--since" in words:
            words[words.index("--since") + 1] = sites.end("first")
        if str(tmp_path / "listing") in words:
            [line] = re.findall(r"^    cd /srv/pypi && (find .*) > listing$", PAGE, re.MULTILINE)
            found = subprocess.run(["sh", "-c", line], cwd=sites.far.root, capture_output=True, check=True)
            (tmp_path / "listing").write_bytes(found.stdout)
        site = sites.near if words[0] == "export" else sites.far
        assert site.run(*words) == 0, command
        done.append(words[0])
        if words[0] == "import":
            sites.equal()
    assert done.count("export") == 7 and done.count("import") == 3
    signed = sites.bundle("may")
    sites.far.settings["allowed_signers"] = allow(tmp_path / "signers", signer)
    assert (signed / "manifest.jsonl.sig").is_file()


@pytest.fixture
def sites(tmp_path: Path, upstream: Upstream) -> Sites:
    return Sites(tmp_path, upstream)
