"""A buildout program that has been started and waits: each run is a copy of its process, which saves the imports.

A run gets arguments, folder and environment of its own, and ends as the program itself would.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

_CODE = """\
import json, os, sys
program = sys.argv[1]
sys.path[0] = os.path.dirname(program)
from zc.buildout.buildout import main
orders, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
while True:
    line = orders.readline()
    if not line:
        sys.exit()
    order = json.loads(line)
    child = os.fork()
    if child == 0:
        break
    answers.write(b"%d\\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    answers.flush()
null, output = os.open(os.devnull, os.O_RDONLY), os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
for here, there in ((null, 0), (output, 1), (output, 2)):
    os.dup2(here, there)
os.chdir(order["folder"])
os.environ.clear()
os.environ.update(order["environ"])
sys.argv[:] = [program, *order["arguments"]]
sys.exit(main())
"""


class Waiting:
    """The program of one environment. environ: what it is started with; runs may have others of what it reads in a run."""

    def __init__(self, environment: Path, environ: Mapping[str, str], output: Path):
        self._output = output
        command = [str(environment / "bin" / "python"), "-c", _CODE, str(environment / "bin" / "buildout")]
        self._process = subprocess.Popen(command, cwd="/", env=dict(environ), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, arguments: tuple[str, ...], folder: Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run it to its end; standard error is among the output."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        order = {"arguments": arguments, "folder": str(folder), "environ": dict(environ), "output": str(self._output)}
        stdin.write(json.dumps(order).encode() + b"\n")
        stdin.flush()
        return subprocess.CompletedProcess(arguments, int(stdout.readline()), self._output.read_text(encoding="utf-8"))

    def end(self) -> None:
        self._process.communicate()
