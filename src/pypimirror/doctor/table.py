"""All checks of ``doctor``, in the order of the report. A new check is a function and a line here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..errors import MirrorError
from ..interfaces import IRunContext
from ..names import shown
from ..tracebacks import describe
from .case import Case, Subject
from .checks import builds, dates, health, packages, places
from .findings import Finding, error


class DeploymentCheck(NamedTuple):
    """A check of one deployment."""

    name: str
    run: Callable[[Case], Iterator[Finding]]


class MirrorCheck(NamedTuple):
    """A check of the mirror, whatever is installed from it."""

    name: str
    run: Callable[[Subject, IRunContext], Iterator[Finding]]


MIRROR_CHECKS = (
    MirrorCheck("server", health.server),
    MirrorCheck("certificate", health.certificate),
    MirrorCheck("disk", health.disk),
    MirrorCheck("last-run", health.last_run),
    MirrorCheck("legacy-names", health.old_names),
)
DEPLOYMENT_CHECKS = (
    DeploymentCheck("file", packages.readable),
    DeploymentCheck("requirements", packages.requirements),
    DeploymentCheck("pins", packages.unneeded_pins),
    DeploymentCheck("yanked", packages.yanked),
    DeploymentCheck("present", packages.present),
    DeploymentCheck("places", places.places),
    DeploymentCheck("allow-hosts", places.allowed_hosts),
    DeploymentCheck("options", places.closed),
    DeploymentCheck("builds", builds.confined),
    DeploymentCheck("pkg-resources", builds.pkg_resources),
    DeploymentCheck("upload-times", dates.upload_times),
)


def check_mirror(subject: Subject, mirror: IRunContext) -> Iterator[Finding]:
    """Run all checks of the mirror."""
    for check in MIRROR_CHECKS:
        yield from _run(check.name, lambda check=check: check.run(subject, mirror))  # type: ignore[misc]


def check_deployment(case: Case) -> Iterator[Finding]:
    """Run all checks of one deployment."""
    for check in DEPLOYMENT_CHECKS:
        yield from _run(check.name, lambda check=check: check.run(case))  # type: ignore[misc]


def _run(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Yield the findings of one check; one that fails is a finding, and the others continue."""
    try:
        for finding in check():
            yield finding._replace(check=name)
    except MirrorError as failed:
        yield error(name, f"the check failed: {shown(str(failed), 500)}")._replace(check=name)
    except KeyboardInterrupt:
        raise
    except BaseException as failed:
        yield error(name, f"the check failed: {describe(failed)}", "report it as a bug")._replace(check=name)
