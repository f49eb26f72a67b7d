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
    MirrorCheck("server", health.check_server),
    MirrorCheck("certificate", health.check_certificate),
    MirrorCheck("disk", health.check_free_space),
    MirrorCheck("last-run", health.check_last_run),
    MirrorCheck("legacy-names", health.check_legacy_names),
)
DEPLOYMENT_CHECKS = (
    DeploymentCheck("file", packages.report_file_problems),
    DeploymentCheck("requirements", packages.check_requirements),
    DeploymentCheck("pins", packages.report_unneeded_pins),
    DeploymentCheck("yanked", packages.report_yanked),
    DeploymentCheck("present", packages.check_files_exist),
    DeploymentCheck("places", places.check_places),
    DeploymentCheck("allow-hosts", places.check_allowed_hosts),
    DeploymentCheck("options", places.check_blocking_options),
    DeploymentCheck("builds", builds.check_builds_confined),
    DeploymentCheck("pkg-resources", builds.check_pkg_resources),
    DeploymentCheck("upload-times", dates.check_upload_times),
)


def check_mirror(subject: Subject, mirror: IRunContext) -> Iterator[Finding]:
    """Run all checks of the mirror."""
    for check in MIRROR_CHECKS:
        yield from _run_check(check.name, lambda check=check: check.run(subject, mirror))  # type: ignore[misc]


def check_deployment(case: Case) -> Iterator[Finding]:
    """Run all checks of one deployment."""
    for check in DEPLOYMENT_CHECKS:
        yield from _run_check(check.name, lambda check=check: check.run(case))  # type: ignore[misc]


def _run_check(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
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
