"""Remembers which versions of other programs the tests have tried; the summary of the run tells them."""

#: Versions by program.
VERSIONS: dict[str, set[str]] = {}


def note(program: str, version: str) -> None:
    """Take note of a program that is about to be tried. version: as it prints it itself, its name and more with it maybe."""
    words = version.split()
    VERSIONS.setdefault(program, set()).add(next((word for word in words if word[:1].isdigit()), version.strip()))
