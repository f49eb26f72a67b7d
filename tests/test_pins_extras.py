"""Extras that pin files request are among the pins, also where another file pins the version."""

import pytest

from pypimirror.pins.environments import Environment
from pypimirror.pins.pin_files import read_pin_files

LINUX = Environment("3.11", "manylinux_2_28_x86_64")
A = "a" * 64
LOCK = f"""lock-version = "1.0"
[[packages]]
name = "uvi"
version = "0.30"
extras = ["Standard"]
[packages.sdist]
name = "uvi-0.30.tar.gz"
hashes = {{ sha256 = "{A}" }}
"""


class Kept(dict):
    def put(self, name, text):
        self[name] = text


def pins(files, versions=(), required=(), kept=None):
    kept = Kept() if kept is None else kept
    return read_pin_files(versions, required, [LINUX], lambda source: files[source].encode(), kept).pins


@pytest.mark.parametrize("files, versions, required, wanted", [
    ({"r.txt": "uvi[standard]==0.30\n"}, [], ["r.txt"], {"standard"}),
    ({"r.txt": "uvi[standard, Dev_Tools]\n-c c.txt\n", "c.txt": "uvi==0.30\n"}, [], ["r.txt"], {"standard", "dev-tools"}),
    ({"r.txt": "uvi[standard]==0.30; sys_platform == 'win32'\nuvi==0.30\n"}, [], ["r.txt"], None),
    ({"v.cfg": "[versions]\nuvi = 0.30\n[a]\neggs =\n    other\n    Uvi [standard] >= 0.1\n"}, ["v.cfg"], [], {"standard"}),
    *(({"v.cfg": f"[versions]\nuvi = 0.30\n[buildout]\n[a]\n{option} = uvi[standard]{entry}\n"}, ["v.cfg"], [], wanted)
      for option, entry, wanted in (
          ("recipe", ":scripts", {"standard"}), ("recipe", "", {"standard"}), ("egg", "", {"standard"}),
          ("extensions", "", {"standard"}), ("test-eggs", "", {"standard"}), ("beggs", "", None))),
    ({"v.cfg": "[versions]\nuvi = 0.30\n", "r.txt": "uvi[standard]\nb==1\n"}, ["v.cfg"], ["r.txt"], {"standard"}),
    ({"pylock.toml": LOCK}, [], ["pylock.toml"], {"standard"})])
def test_extras_are_among_the_pins_and_in_what_is_kept(files, versions, required, wanted):
    kept = Kept()
    found = pins(files, versions, required, kept)
    assert found.extras == ({"uvi": wanted} if wanted else {})
    stale = pins(dict.fromkeys(files, "<html>"), versions, required, kept)
    assert stale.versions == found.versions
    assert stale.extras == found.extras
