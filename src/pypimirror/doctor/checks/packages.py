"""Checks of projects and files: whether the mirror has what would be installed."""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import MirrorError
from ...names import list_first, shown
from ..case import Case
from ..causes import explain_unmet
from ..deployment import BUILDOUT
from ..findings import Finding, error, note, warning

#: Names in one message.
_MOST = 10


def report_file_problems(case: Case) -> Iterator[Finding]:
    """Errors and remarks of the readers of the file."""
    for text in case.deployment.problems:
        yield error(case.deployment.source, text)
    for text in case.deployment.notes:
        yield note(case.deployment.source, text)
    deployment = case.deployment
    named = (*deployment.roots.values(), *(pins.versions for pins in deployment.pins.values()), deployment.locals)
    if not any(named) and not deployment.problems:
        yield warning(deployment.source, "names nothing to install", "check that it is the file that you install from")


def check_requirements(case: Case) -> Iterator[Finding]:
    """Every requirement has a file for each Python and platform, also the requirements of builds."""
    messages = []
    for unmet in case.solution.unmet:
        try:
            message, advice = explain_unmet(unmet, case)
        except MirrorError as failed:
            message, advice = shown(str(failed), 500), "check that the mirror is served whole"
        what = "build requirement" if unmet.builds else "requirement"
        yield error(f"{what} {unmet.requirement}", message, advice, unmet.by)
        messages.append(message)
    for text in case.solution.problems:
        if not text.endswith(tuple(messages)):
            yield error(case.deployment.source, text)
    for text in case.solution.notes:
        yield note(case.deployment.source, text)


def report_unneeded_pins(case: Case) -> Iterator[Finding]:
    """Pins that nothing requires may be missing; one remark names them."""
    if case.deployment.installs_pins:
        return
    here = case.deployment.local_names()
    missing = sorted({f"{name} {version}" for pins in case.deployment.pins.values() for name, versions in pins.versions.items()
                      if name not in here for version in versions if not _has_release(case, name, version)})
    told = {unmet.requirement for unmet in case.solution.unmet}
    missing = [text for text in missing if text.replace(" ", "==") not in told]
    if missing:
        yield note("pins", f"{len(missing)} pinned releases are not in the mirror, and nothing here requires them: "
                           f"{list_first(missing, _MOST)}")


def _has_release(case: Case, name: str, version: str) -> bool:
    """Return whether the mirror has a file of a pinned release."""
    try:
        files = case.view.releases(name)
    except MirrorError:
        return True  # reported by ``check_requirements``
    pins = next(iter(case.deployment.pins.values()))._replace(versions={name: frozenset((version,))}, hashes={})
    from ...metadata.filenames import parse

    return any(pins.holds(name, parse(file.filename, name).version or "") for file in files)


def report_yanked(case: Case) -> Iterator[Finding]:
    """Files that their authors have withdrawn."""
    seen = set()
    for one in (*case.solution.chosen, *case.solution.for_builds):
        if one.file.yanked is not False and (one.name, one.version) not in seen:
            seen.add((one.name, one.version))
            reason = f": {shown(one.file.yanked, 200)}" if isinstance(one.file.yanked, str) and one.file.yanked else ""
            how = "zc.buildout ignores that" if case.deployment.tool == BUILDOUT else "installers take it because it is pinned"
            yield warning(f"{one.name} {one.version}", f"yanked{reason}; {how}", "use another release", one.by)


def check_files_exist(case: Case) -> Iterator[Finding]:
    """The files that would be installed exist in the tree."""
    if not case.view.is_local:
        return  # each would have to be transferred; --prove does that
    for file in dict.fromkeys(one.file.filename for one in (*case.solution.chosen, *case.solution.for_builds)):
        found = next(one.file for one in (*case.solution.chosen, *case.solution.for_builds) if one.file.filename == file)
        try:
            case.view.open(found).close()
        except MirrorError as failed:
            yield error(file, shown(str(failed), 500), "run verify --repair")
