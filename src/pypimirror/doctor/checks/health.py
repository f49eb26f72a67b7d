"""Checks of the mirror: its server, certificate, clock, disk and last run."""

from __future__ import annotations

import datetime
import json
import os
import socket
import ssl
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from ...errors import MirrorError
from ...http import tls
from ...http.page import read
from ...http.urls import strip_credentials
from ...interfaces import IRunContext
from ...names import shown
from ...settings.units import format_moment, in_bytes
from ...state.meta_keys import LAST_GOOD, LAST_PROBLEMS, LAST_RUN, LAST_STATUS
from ...upstream.http import LONGEST_LIST
from ..case import Subject
from ..findings import Finding, error, note, warning

#: Seconds: more than a client's certificate check or cooldown tolerates; days that a certificate should be valid for.
_SKEW, _DAYS = 300, 14
#: Seconds without a good run.
_STALE = 7 * 86400
_TIMEOUT = 30


def check_server(subject: Subject, mirror: IRunContext) -> Iterator[Finding]:
    """The index answers at the URL of the mirror, and its clock agrees with this one."""
    if not subject.address:
        yield note("base_url", "not set: server, certificate and clock are not checked", "set base_url, or use --url")
        return
    try:
        head, _ = mirror.attempts(lambda: read(mirror.fetcher, subject.address, {}, LONGEST_LIST))
    except MirrorError as failed:
        address = strip_credentials(subject.address)
        yield error(address, f"can't be read: {str(failed).removeprefix(f'{address}: ')}", "check the web server and the name")
        return
    if head.status != 200:
        yield error(strip_credentials(subject.address), f"answers with status {head.status}", "check the web server's site")
        return
    date = head.headers.get("date")
    try:
        skew = time.time() - parsedate_to_datetime(date).timestamp() if date else 0.0
    except ValueError:
        return
    if abs(skew) > _SKEW:
        yield warning("clock", f"differs by {abs(skew):.0f} seconds from that of {strip_credentials(subject.address)}",
                      "synchronise both clocks: certificates and cooldowns depend on them")


def check_certificate(subject: Subject, mirror: IRunContext) -> Iterator[Finding]:
    """The certificate of the mirror's server is trusted and valid for some time."""
    parts = urlsplit(subject.address)
    if parts.scheme != "https" or not parts.hostname:
        return
    try:
        until = _fetch_expiry(parts.hostname, parts.port or 443, tls.bundle(subject.settings))
    except ssl.SSLCertVerificationError as failed:
        yield error(parts.hostname, f"its certificate is not trusted: {shown(failed.verify_message)}",
                    "install the authority's certificate on clients; for the mirror, set ca_bundle")
        return
    except OSError:
        return  # reported by ``check_server``
    days = (until - datetime.datetime.now(datetime.timezone.utc)).days
    if days < _DAYS:
        yield warning(parts.hostname, f"its certificate is valid until {until:%Y-%m-%d}, {days} days", "renew it")


def _fetch_expiry(host: str, port: int, bundle: str) -> datetime.datetime:
    """Connect to a server; return the time at which its certificate expires."""
    is_folder = os.path.isdir(bundle)
    context = ssl.create_default_context(cafile=None if is_folder else bundle, capath=bundle if is_folder else None)
    with socket.create_connection((host, port), _TIMEOUT) as raw, context.wrap_socket(raw, server_hostname=host) as secure:
        found: Any = secure.getpeercert()
    return datetime.datetime.fromtimestamp(ssl.cert_time_to_seconds(found["notAfter"]), datetime.timezone.utc)


def check_free_space(subject: Subject, mirror: IRunContext) -> Iterator[Finding]:
    """The disk of the mirror has more than ``min_free`` bytes left."""
    if not subject.is_here:
        return
    free = mirror.storage.free()
    if free is not None and free < mirror.settings["min_free"]:
        yield warning("disk", f"{in_bytes(free)} free, less than min_free = {in_bytes(mirror.settings['min_free'])}; "
                      "the next sync stops", "make room")


def check_last_run(subject: Subject, mirror: IRunContext) -> Iterator[Finding]:
    """The last run of the mirror succeeded."""
    records = subject.records
    if records is None:
        if subject.is_here:
            yield error("last run", "there is no mirror yet", "run sync")
        return
    last, good, status = records.fact(LAST_RUN), records.fact(LAST_GOOD), records.fact(LAST_STATUS)
    if last is None:
        yield error("last run", "the mirror was never filled", "run sync")
        return
    now = time.time()
    if float(last) > now + _SKEW:
        yield warning("clock", f"the last run was at {format_moment(last)}, in the future", "set the clock of this host")
    if status not in (None, "0"):
        problems = json.loads(records.fact(LAST_PROBLEMS) or "[]")
        why = f": {shown(str(problems[0]), 300)}" if problems else ""
        yield warning("last run", f"ended with {status}{why}", "see status")
    if good is not None and now - float(good) > _STALE:
        yield note("last run", f"the last good one was at {format_moment(good)}", "check the job that runs sync")


def check_legacy_names(subject: Subject, mirror: IRunContext) -> Iterator[Finding]:
    """Pages exist under registered names for zc.buildout before 5."""
    if subject.is_here and not mirror.settings["legacy_names"]:
        yield note("legacy_names", "False: zc.buildout before 5 finds no project with another name than its normalised one",
                   "set legacy_names = True if a client uses it")
