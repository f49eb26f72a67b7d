"""``doctor``: will a deployment install from this mirror alone?"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

from ..clients.files import index_url
from ..doctor.case import Subject
from ..doctor.examination import Examination, as_json, as_text, examine
from ..doctor.records import MirrorRecords
from ..doctor.targets import find_files
from ..doctor.view import view_of_storage, view_of_url
from ..errors import ConfigurationError, MirrorError
from ..http.page import read as read_page
from ..http.retry import check
from ..http.urls import strip_credentials
from ..mirror import Mirror
from ..model import Head
from ..pins.environments import Environment, environments
from ..pins.extends_chain import MAX_BYTES
from ..pins.included_files import Read
from ..pins.pin_files import reader
from ..report.safe_stream import print_json
from ..secret import reveal
from ..settings import converters
from ..settings.keys import KEYS
from ..settings.reader import RawValue, convert_values, fill_in_defaults
from ..settings.values import Settings
from ..state.database import State
from ..zcml.plugins import read


def run(config: str, arguments: argparse.Namespace) -> int:
    """Print the report; return 1 if something keeps the deployment from installing."""
    if len(arguments.words) > 1:
        raise ConfigurationError("doctor takes one FILE or URL: a buildout file, requirements, a lock file, a project's folder")
    settings = _read_settings(config, arguments.url)
    with closing(Mirror(settings)) as mirror, _open_subject(mirror, arguments.url) as subject:
        sources = find_files(arguments.words[0]) if arguments.words else _configured_pin_files(mirror, arguments.url)
        where = _environments_to_examine(settings, arguments)
        found = examine(subject, mirror, sources, reader(_page_reader(mirror)), where)
        if arguments.prove:
            found = _add_proofs(found, subject, arguments)
    if arguments.json:
        print_json(as_json(found))
    else:
        for line in as_text(found, arguments.quiet):
            print(line)
    return 0 if found.is_good else 1


def _read_settings(config: str, url: str | None) -> Settings:
    """Return the settings of the mirror; with an URL and without a configuration file, the defaults."""
    if url is not None:
        try:
            converters.web_address(url, "")
        except ValueError as error:
            raise ConfigurationError(f"--url {strip_credentials(url)}: must be {error}") from error
    if config:
        return read(config, {"index_url": url} if url is not None else None)
    assert url is not None, "the command line requires a configuration file or --url"
    given = {"mirror_file_path": RawValue(os.path.join(os.path.abspath(os.sep), "nonexistent"), "--url"),
             "index_url": RawValue(url, "--url")}
    found = fill_in_defaults(convert_values(KEYS, given, "--url", os.getcwd()), "--url")
    return Settings(found, dict.fromkeys(found, "default"), "--url")


@contextmanager
def _open_subject(mirror: Mirror, url: str | None) -> Iterator[Subject]:
    """Open the state, if the mirror is here, and yield the mirror under examination."""
    settings = mirror.settings
    if url is not None:
        address = strip_credentials(url).rstrip("/") + "/"
        yield Subject(settings, view_of_url(reveal(url), mirror), address, None, False)
        return
    state = State(settings["state_path"])
    address = index_url(settings) if settings["base_url"] else ""
    if not state.open_to_read():
        yield Subject(settings, view_of_storage(mirror), address, None, True)
        return
    with closing(state):
        yield Subject(settings, view_of_storage(mirror), address, MirrorRecords(mirror, state), True)


def _configured_pin_files(mirror: Mirror, url: str | None) -> tuple[str, ...]:
    """Return the pin files that the mirror has in its configuration."""
    if url is not None:
        return ()
    return (*map(reveal, mirror.settings["versions"]), *map(reveal, mirror.settings["requirements"]))


def _environments_to_examine(settings: Settings, arguments: argparse.Namespace) -> tuple[Environment, ...]:
    """Return the Pythons and platforms to examine: those of the options, else those of the mirror, else that of this host."""
    try:
        pythons = converters.python_versions(arguments.pythons or "", "") or settings["python_versions"]
        platforms = converters.platforms(arguments.platforms or "", "") or settings["platforms"]
    except ValueError as error:
        raise ConfigurationError(f"--pythons, --platforms: must be {error}") from error
    here = _host_environment()
    return environments(tuple(dict.fromkeys(python.rstrip("t") for python in pythons)) or (here.python,),
                        platforms or (here.platform,))


def _host_environment() -> Environment:
    """Return the Python and the platform that this program runs on."""
    import platform
    import sys

    from packaging.tags import platform_tags

    # A bare linux tag has no version of the C library.
    tags = sorted(platform_tags(), key=lambda tag: tag.startswith("linux"))
    found = Environment(f"{sys.version_info[0]}.{sys.version_info[1]}", next(iter(tags), platform.machine()))
    try:
        environments((found.python,), (found.platform,))
    except ConfigurationError:
        return found._replace(platform="any")
    return found


def _page_reader(mirror: Mirror) -> Read:
    """Return a function that fetches the content of a URL, with the attempts of the mirror."""
    def fetch(url: str) -> bytes:
        def attempt() -> tuple[Head, bytes]:
            head, body = read_page(mirror.fetcher, url, {}, MAX_BYTES + 1)
            check(head, url)
            return head, body

        return mirror.attempts(attempt)[1]

    return fetch


def _add_proofs(found: Examination, subject: Subject, arguments: argparse.Namespace) -> Examination:
    """Return the result with the proof of each file."""
    from ..doctor.prove.proof import prove  # loaded only for a proof

    if not subject.address:
        raise MirrorError("--prove needs the URL of a running server: set base_url, or use --url")
    index = reveal(arguments.url) if arguments.url is not None else subject.address

    def notify(command: str) -> None:
        if not arguments.quiet:
            print(f"doctor: {command}", file=sys.stderr, flush=True)

    return found._replace(files=tuple(prove(one, subject, f"{index.rstrip('/')}/", arguments.python, notify)
                                      for one in found.files))
