"""Scripts that stand in for ``crontab`` and ``systemctl``, for what the real ones can't be made to do in a test."""

import sys
from pathlib import Path

_CRONTAB = """#!{python}
import sys
from pathlib import Path
table = Path({folder!r}, "table")
[argument] = sys.argv[1:]
trouble = Path({folder!r}, "fails-on" + argument)
if trouble.exists():
    sys.stderr.write(trouble.read_text())
    sys.exit(1)
if argument == "-l":
    if not table.exists():
        sys.stderr.write("no crontab for somebody\\n")
        sys.exit(1)
    sys.stdout.buffer.write(table.read_bytes())
else:
    Path({folder!r}, "changes").open("a").write(argument + "\\n")
    table.unlink() if argument == "-r" else table.write_bytes(sys.stdin.buffer.read())
"""
_SYSTEMCTL = """#!{python}
import sys
from pathlib import Path
trouble = Path({folder!r}, "systemctl-fails")
if trouble.exists():
    sys.stderr.write(trouble.read_text())
    sys.exit(1)
Path({folder!r}, "systemctl-calls").open("a").write(" ".join(sys.argv[1:]) + "\\n")
"""


class _Script:
    def __init__(self, folder: Path, name: str, text: str):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        program = folder / name
        program.write_text(text.format(python=sys.executable, folder=str(folder)), encoding="utf-8")
        program.chmod(0o755)

    def _lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


class Crontabs(_Script):
    """A program ``crontab`` in a folder, with one crontab in a file beside it."""

    def __init__(self, folder: Path):
        super().__init__(folder, "crontab", _CRONTAB)
        self.table = folder / "table"

    def changes(self) -> list[str]:
        """Give the arguments of the calls that changed something."""
        return self._lines("changes")

    def fail(self, argument: str, text: str) -> None:
        """Have calls with this argument fail, saying the text."""
        (self.folder / f"fails-on{argument}").write_text(text, encoding="utf-8")


class Systemctl(_Script):
    """A program ``systemctl`` in a folder, which does nothing."""

    def __init__(self, folder: Path):
        super().__init__(folder, "systemctl", _SYSTEMCTL)

    def calls(self) -> list[str]:
        """Give the arguments of the calls since the last time."""
        found = self._lines("systemctl-calls")
        (self.folder / "systemctl-calls").unlink(missing_ok=True)
        return found

    def fail(self, text: str) -> None:
        """Have calls fail, saying the text."""
        (self.folder / "systemctl-fails").write_text(text, encoding="utf-8")
