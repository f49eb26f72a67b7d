"""Why no file of the mirror satisfies a requirement, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packaging.requirements import Requirement

from ..metadata.filenames import pep440
from ..names import list_first, normalize, shown
from ..pins.candidates import Candidate, fitting
from ..pins.environments import Environment
from ..pins.pep508 import parse_requirement
from .case import Case
from .deployment import BUILDOUT
from .solution import UnsatisfiedRequirement, candidates_of

#: Versions, tags and environments in one message.
_MOST = 5
_SELECT = "name it in package_matches, or a file that pins it in versions or requirements, and run sync"


def explain_unmet(unmet: UnsatisfiedRequirement, case: Case) -> tuple[str, str]:
    """Return the message and the advice about a requirement. Raises MirrorError if the project's page can't be read."""
    requirement = parse_requirement(unmet.requirement)
    name = normalize(requirement.name)
    pinned = unmet.pins.versions.get(name, frozenset())
    if case.deployment.pinned_only and not unmet.builds and not pinned:
        return _explain_not_pinned(case)
    project = case.view.project(name)
    if project is None:
        return _add_reason("not in the mirror", case, name, ()), _SELECT
    if project.quarantined:
        return "quarantined: its page offers no files", "use another release or project"
    offered = candidates_of(case.view, name)
    if pinned:
        return _explain_pinned(case, unmet, requirement, name, pinned, offered)
    fit = fitting(offered, requirement.specifier)
    if not fit:
        if fitting(offered, requirement.specifier, yanked=True):
            return "only yanked files satisfy it", "pin the yanked release, or require another one"
        text = f"no release satisfies it; the mirror has {_list_versions(offered)}"
        return _add_reason(text, case, name, ()), "widen specifiers, latest_releases or the requirement, and run sync"
    return _describe_other_files(fit, unmet.environments), _PLATFORM


def _explain_not_pinned(case: Case) -> tuple[str, str]:
    if case.deployment.tool == BUILDOUT:
        return "not pinned, and allow-picked-versions is false", "pin it in [versions]"
    return "not pinned by the file, which must pin everything that it installs", "lock the file again"


def _explain_pinned(case: Case, unmet: UnsatisfiedRequirement, requirement: Requirement, name: str, pinned: frozenset[str],
                    offered: Sequence[Candidate]) -> tuple[str, str]:
    """Return message and advice about a requirement of a project that is pinned."""
    versions = ", ".join(sorted(pinned))
    by = ", ".join(sorted({origin for version in pinned for origin in unmet.pins.origins.get((name, version), ())}))
    stated = f"pinned to {versions}" + (f" by {by}" if by else "")
    parsed = [version for version in map(pep440, pinned) if version is not None]
    if parsed and not any(requirement.specifier.contains(version, prereleases=True) for version in parsed):
        return f"{stated}, which does not satisfy it", "change the pin"
    files = [one for one in offered if unmet.pins.holds(name, str(one.version))]
    if not files:
        here = _list_versions(offered)
        return _add_reason(f"{stated}; the mirror has {here}", case, name, pinned), "run sync, and plan to see what it does"
    allowed = [one for one in files if unmet.pins.allows(name, str(one.version), one.file.content_hashes) is not False]
    if not allowed:
        return f"{stated}; no file of the mirror has a hash that the pin allows", "compare the hashes; lock the file again"
    if case.deployment.wheels_only and not any(one.tags is not None for one in allowed):
        return f"{stated}; the mirror has only an sdist, and only wheels are allowed", "allow the sdist to be built"
    return _add_reason(f"{stated}; {_describe_other_files(allowed, unmet.environments)}", case, name, pinned), _PLATFORM


_PLATFORM = "mirror an sdist or a wheel for it (python_versions, platforms, sdists), or use another release"


def _describe_other_files(files: Sequence[Candidate], environments: Iterable[Environment]) -> str:
    """Return that no file fits the environments, and for which ones the mirror has files."""
    where = _list_environments(environments)
    pythons = sorted({one.file.requires_python for one in files if one.file.requires_python})
    tags = sorted({"-".join(one.tags) for one in files if one.tags is not None})
    facts = [f"wheels for {list_first(tags, _MOST)}"] if tags else []
    facts += [f"Python {list_first([shown(text) for text in pythons], _MOST)}"] if pythons else []
    return f"no file for {where}: the mirror has {', '.join(facts) or 'files of other formats'}"


def _list_environments(environments: Iterable[Environment]) -> str:
    return list_first([f"Python {one.python} on {one.platform}" for one in sorted(set(environments))], _MOST)


def _list_versions(offered: Iterable[Candidate]) -> str:
    versions = sorted({one.version for one in offered}, reverse=True)
    return list_first(list(map(str, versions)), _MOST) or "no release of it"


def _add_reason(text: str, case: Case, name: str, versions: Iterable[str]) -> str:
    """Add why the mirror does not have it, as far as its state knows."""
    records = case.subject.records
    why = records.why(name, tuple(versions)) if records is not None else ""
    return f"{text} ({why})" if why else text
