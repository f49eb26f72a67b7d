"""Remembers which versions of other programs the tests have tried; the summary of the run tells them."""

#: Versions by program.
VERSIONS: dict[str, set[str]] = {}


def note(program: str, version: str) -> None:
    """Take note of a program that is about to be tried. version: as it prints it itself, its name and more with it maybe."""
    VERSIONS.setdefault(program, set()).add(number(version))


def number(printed: str) -> str:
    """Give the version alone of what a program prints about itself."""
    return next((word for word in printed.split() if word[:1].isdigit()), printed.strip())
