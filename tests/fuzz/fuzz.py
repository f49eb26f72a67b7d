"""Runs the parsers of foreign text on what a fuzzer makes up, guided by which code it reaches.

Needs atheris, in an environment that has the package's requirements::

    pip install atheris
    python tests/fuzz/fuzz.py TARGET [FOLDER] [-max_total_time=300] [-max_len=4096]
    python tests/fuzz/fuzz.py all 180 [--corpus FOLDER] [TARGET ...]

The first form runs one target; FOLDER keeps the inputs that reach new code, and further options are those of libFuzzer. The
second form runs all targets, or those named, for so many seconds each and prints a table: how many inputs were tried, how
many until no further code was reached, and the number of branches covered. With --corpus each target keeps its inputs in a
folder of its name there, from which the next run starts. A target fails by any exception that is not one of the package's
own, and by an answer that breaks a rule; its input is left in a file named ``TARGET-crash-...``.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

#: Options of libFuzzer that hold unless others are given: seconds for one input, and megabytes.
_OPTIONS = ("-timeout=60", "-rss_limit_mb=2048", "-print_final_stats=1")
_EXECUTIONS = re.compile(r"number_of_executed_units:\s*(\d+)|^#(\d+)\s", re.MULTILINE)
_COVERED = re.compile(r"^#(\d+)\s.*\bcov: (\d+)", re.MULTILINE)
_FOUND = re.compile(r"Test unit written to (\S+)")
_REASON = re.compile(r"^(?:=== Uncaught Python exception: ===\n(.*)|.*ERROR: libFuzzer: (.*))$", re.MULTILINE)


def run_all(seconds: int, names: list[str], corpus: str = "") -> int:
    """Run targets in turn, each in a process of its own; print a line for each. Return how many failed."""
    failed = 0
    print(f"{'target':<16} {'executions':>12} {'last new':>12} {'covered':>8}  found", flush=True)
    for name in names:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
            folder = str(Path(corpus or temporary) / name)
            done = subprocess.run([sys.executable, __file__, name, folder, f"-max_total_time={seconds}"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True, errors="replace")
        counts = [int(one or other) for one, other in _EXECUTIONS.findall(done.stdout)]
        covered = [(int(branches), int(number)) for number, branches in _COVERED.findall(done.stdout)]
        most = max((branches for branches, _ in covered), default=0)
        last = min((number for branches, number in covered if branches == most), default=0)
        reason = _REASON.search(done.stdout)
        found = _FOUND.search(done.stdout)
        failed += done.returncode != 0
        if not done.returncode:
            outcome = "nothing"
        else:
            outcome = f"{(reason[1] or reason[2]) if reason else done.stdout[-300:]!r} {found[1] if found else ''}"
        print(f"{name:<16} {max(counts, default=0):>12,} {last:>12,} {most:>8}  {outcome}", flush=True)
    return failed


def run_one(target: str, arguments: list[str]) -> None:
    """Run one target until libFuzzer's options end it."""
    import atheris

    here = Path(__file__).resolve()
    sys.path[:0] = [str(here.parents[2] / "src"), str(here.parent)]
    with atheris.instrument_imports(include=["pypimirror", "packaging", "email", "json", "zipfile", "tarfile", "tomllib"]):
        import targets

    for folder in (word for word in arguments[:1] if not word.startswith("-")):
        Path(folder).mkdir(parents=True, exist_ok=True)
    options = [*_OPTIONS, f"-artifact_prefix={target}-", *arguments]
    # The first folder gets what is new, further ones are read.
    folders = [word for word in options if not word.startswith("-")]
    corpus = targets.CORPUS / target
    flags = [word for word in options if word.startswith("-")]
    atheris.Setup([sys.argv[0], *flags, *folders, *([str(corpus)] if folders else [])], lambda body: targets.take(target, body))
    atheris.Fuzz()


def main() -> None:
    names = sorted(path.name for path in (Path(__file__).resolve().parent / "corpus").iterdir())
    match sys.argv[1:]:
        case ["all", seconds, "--corpus", corpus, *chosen] if seconds.isdecimal() and set(chosen) <= set(names):
            sys.exit(min(1, run_all(int(seconds), chosen or names, corpus)))
        case ["all", seconds, *chosen] if seconds.isdecimal() and set(chosen) <= set(names):
            sys.exit(min(1, run_all(int(seconds), chosen or names)))
        case [target, *arguments] if target in names:
            run_one(target, arguments)
        case _:
            sys.exit("usage: fuzz.py TARGET [FOLDER] [OPTIONS], or: fuzz.py all SECONDS [--corpus FOLDER] [TARGET ...]; "
                     f"targets: {' '.join(names)}")


if __name__ == "__main__":
    main()
