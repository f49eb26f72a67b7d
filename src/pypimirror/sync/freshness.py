"""Decides whether an upstream answer counts: a stale or incomplete one removes nothing.

Indexes are cached, served by several machines, and rebuilt. A page may be older than the list or than the previous page, lack
its serial, or be HTML in place of JSON and lack upload times; the page of a listed project may be missing. Such an answer is
doubted, and the next run reads the page again. If several consecutive runs get the same answer, it counts, so that a rebuilt
index is accepted in the end. A page that does not show that it is as new as the list is read by each run for a day, since
upstream's list does not change again when a cache lets go of an old page.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection
from typing import NamedTuple

from ..model import File, Project
from ..names import list_first
from ..upstream.multi_index import serial_at, short

#: Number of consecutive runs that must get the same answer: one that contradicts the record; one that removes nothing or agrees
#: with upstream's list; an absence.
_CONTRADICTS, _AGREES, _ABSENT = 3, 2, 2
#: Serials of one index differ by less than this factor and this number. PyPI's grow by some five million a year.
_FACTOR, _LEAD = 10, 1_000_000_000
#: Names in a message.
_MOST_NAMED = 5
#: Start of ``Project.doubt`` for a project whose pages have fewer facts than earlier ones, and are accepted.
ACCEPTED = "accepted"
#: Seconds for which a page is read again that does not show that it is as new as the list; caches keep pages for hours.
_PATIENCE = 86400


class Doubt(NamedTuple):
    """Reason why an answer does not count as upstream's present state."""

    reason: str
    #: Number of consecutive runs that must get the same answer for it to count.
    runs: int
    #: Whether files that are new on the page are added.
    adds: bool = False
    #: Whether the page is read again even if it counts, since upstream's list promises a later one.
    lasts: bool = False
    #: Whether pages that lack the same facts are not doubted from then on.
    accepts: bool = False
    #: Whether a quarantine status on the page counts.
    quarantines: bool = True
    #: The project's serial on the list, if nothing shows that the page is as new: it is read again for a day though it counts.
    promised: str = ""


def is_behind(serial: str | None, promised: str | None) -> bool:
    """Whether a serial is lower than another one of the same upstream; only numbers of one order are compared."""
    numbers = _numbers(serial, promised)
    return numbers is not None and numbers[0] < numbers[1] and not _is_far(serial, promised)


def late_pages(names: Collection[str]) -> str:
    """Return the message about pages that stayed older than upstream's list during the run. names: of their projects."""
    found = sorted(names)
    whose = "page is" if len(found) == 1 else "pages are"
    return f"upstream's {whose} older than its list, and read again by the next run: {list_first(found, _MOST_NAMED)}"


def _is_far(serial: str | None, other: str | None) -> bool:
    """Whether two serials of one upstream differ by more than caches explain: one is wrong, or the index was rebuilt."""
    numbers = _numbers(serial, other)
    return numbers is not None and max(numbers) > _FACTOR * min(numbers) + _LEAD


def _numbers(serial: str | None, other: str | None) -> tuple[int, int] | None:
    """Return two serials as numbers; None if they are of different upstreams, or one is no number."""
    number, _, upstream = (serial or "").partition("@")
    compared, _, whose = (other or "").partition("@")
    if upstream != whose or not (number.isdecimal() and compared.isdecimal()):
        return None
    return int(number), int(compared)


def doubt_absence(old: Project | None, listed: bool | None, status: int | None) -> Doubt | None:
    """Return why an absence is doubted, or None.

    listed: whether upstream's list has the project or is too old to be evidence; None if no list was read.
    status: the HTTP status of the answer; None if upstream is a directory.
    """
    if listed is False or old is None or not old.listed:
        return None
    if listed is None:
        return Doubt(f"not found upstream{_in_brackets(status)}, which had it before: kept, removed if the next run does not "
                     "find it either; check the name", _ABSENT)
    return Doubt(f"{listed_without_page(status)}: kept, read again by the next run", _ABSENT)


def listed_without_page(status: int | None) -> str:
    """Return the message about an index that lists a project and does not have its page."""
    return f"upstream lists the project, and its page is not found{_in_brackets(status)}"


def _in_brackets(status: int | None) -> str:
    return "" if status is None else f" ({status})"


def doubt_page(old: Project | None, page: Project | None, promised: str | None) -> Doubt | None:
    """Return why a page is doubted, or None.

    page: None if upstream answered that it has not changed (304); promised: the project's serial on upstream's list.
    """
    read = page or old
    assert read is not None
    known = _of_upstream(old, read.upstream)
    before = serial_at(known.serial, known.upstream) if known is not None else None
    serial = serial_at(read.serial, read.upstream)
    behind = is_behind(serial, promised)
    if is_behind(serial, before):
        agrees = serial == promised
        return Doubt("upstream's page is older than the one read before", _AGREES if agrees else _CONTRADICTS, lasts=behind,
                     quarantines=False, adds=agrees and _has_grown(known, promised))
    current = _is_current(serial, promised, read.upstream, before)
    unproven = "" if current or promised is None else promised
    if _lacks_facts(known, page):
        return Doubt("upstream's page lacks facts that it had before, such as upload times", _CONTRADICTS, lasts=behind,
                     accepts=True, promised=unproven)
    if behind:
        return Doubt("upstream's page is older than its list", _CONTRADICTS, adds=True, lasts=True)
    if current:
        return None
    contradicts = old is not None and page is not None and _contradicts(old, page)
    return Doubt("nothing shows that upstream's page is as new as its list", _CONTRADICTS if contradicts else _AGREES,
                 adds=True, promised=unproven)


def _lacks_facts(known: Project | None, page: Project | None) -> bool:
    """Whether a page has fewer facts than the record, and pages like it are not accepted yet."""
    return known is not None and page is not None and not is_accepted(known) and knows_less(known, page)


def _of_upstream(old: Project | None, upstream: str) -> Project | None:
    return old if old is not None and old.upstream == upstream else None


def _has_grown(known: Project | None, promised: str | None) -> bool:
    """Whether the list's serial has grown since the last page was ahead of it: the serial of that page was too high."""
    return known is not None and is_behind(known.promised, promised)


def is_ahead(page: Project, promised: str | None) -> bool:
    """Whether a page has a higher serial than upstream's list."""
    return is_behind(promised, serial_at(page.serial, page.upstream))


def _is_current(serial: str | None, promised: str | None, upstream: str, before: str | None) -> bool:
    """Whether the serials show that a page that is not behind is up to date; some indexes have no serials.

    promised: the project's serial on the list; before: the serial of the previous page.
    """
    if serial is not None and serial == promised:
        return True
    if promised is None or not promised.endswith(f"@{short(upstream)}"):
        return before is None if serial is None else not _is_far(serial, before)
    # An index may count its pages in another way than its list: then the previous page has such a serial, too.
    is_own_count = before is not None and _is_far(serial, promised) and not _is_far(serial, before)
    return is_own_count or is_behind(promised, serial)


def knows_less(old: Project, page: Project) -> bool:
    """Whether a page has fewer facts than the record: it is not JSON any more, or lacks the time or size of a known file."""
    if old.form and not page.form:
        return True
    # The facts of external files are not upstream's.
    known = {file.filename: file for file in old.files if file.listed and file.external is None}
    return any((before := known.get(file.filename)) is not None and _lacks(before, file) for file in page.files)


def _lacks(before: File, file: File) -> bool:
    if any(before.hashes[name] != file.hashes[name] for name in before.hashes.keys() & file.hashes.keys()):
        return False  # another file of the same name, of which nothing was known
    return bool(before.upload_time and not file.upload_time) or (before.size is not None and file.size is None)


def _contradicts(old: Project, page: Project) -> bool:
    """Whether a page lacks known files, or has other hashes or yank states for them."""
    told = {file.filename: file for file in page.files}
    return (old.quarantined and not page.quarantined) or any(
        (now := told.get(file.filename)) is None or (now.hashes, now.yanked) != (file.hashes, file.yanked)
        for file in old.files if file.listed and file.external is None)


class PageVerdict(NamedTuple):
    """Whether a doubted answer counts, and the new value of ``Project.doubt``."""

    counts: bool
    remember: str


def weigh(doubt: Doubt, old: Project | None, page: Project | None, again: bool, absent: bool = False) -> PageVerdict:
    """Decide whether a doubted answer counts. again: whether it is the second answer within a run, which confirms nothing."""
    # Pages that lack facts need not be equal to confirm that upstream has no such facts any more.
    digest = "absent" if absent else "facts" if doubt.accepts else _digest(page, doubt.promised)
    count, known, since = _remembered(old)
    now = int(time.time())
    times = min(count + (not again), doubt.runs) if known == digest else 1
    since = since if known == digest and since <= now else now
    counts = times >= doubt.runs
    accepts = (counts and doubt.accepts) or _stays_accepted(old, page)
    lasts = doubt.lasts or (bool(doubt.promised) and now - since < _PATIENCE)
    doubts = () if counts and not lasts else (str(times), digest, *((str(since),) if doubt.promised else ()))
    return PageVerdict(counts, " ".join((*((ACCEPTED,) if accepts else ()), *doubts)))


def _stays_accepted(old: Project | None, page: Project | None) -> bool:
    """Whether pages that lack facts of earlier ones count already, and this page is another one, or unchanged."""
    return old is not None and is_accepted(old) and (page is None or knows_less(old, page))


def _remembered(old: Project | None) -> tuple[int, str, int]:
    """Return how often the last answer came, its digest, and when it first came, in seconds since 1970."""
    parts = (old.doubt if old is not None else "").removeprefix(ACCEPTED).split()
    count, digest, since, *_ = (*parts, *("0", "", "0")[len(parts):])
    numbers = (int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0 for text in (count, since))
    return next(numbers), digest, next(numbers)


def is_accepted(project: Project) -> bool:
    """Whether pages that lack facts of earlier ones count."""
    return project.doubt.startswith(ACCEPTED)


def is_unsettled(project: Project) -> bool:
    """Whether the next run has to read the project again, even if upstream's list has not changed."""
    return project.doubt not in ("", ACCEPTED)


def _digest(page: Project | None, promised: str) -> str:
    """Return a short text for an answer to the promise of a list; page: None for the answer that it has not changed."""
    if page is None:
        return f"unchanged{hashlib.sha256(promised.encode('utf-8', 'replace')).hexdigest()[:16] if promised else ''}"
    told = [(file.filename, sorted(file.hashes.items()), file.yanked) for file in page.files]
    whole = repr((page.upstream, page.serial, dict(page.status), told, promised))
    return hashlib.sha256(whole.encode("utf-8", "replace")).hexdigest()[:16]


def doubted(old: Project | None, page: Project, doubt: Doubt) -> Project:
    """Return a doubted page with the recorded facts of all known files, and with new files if the doubt allows it."""
    if old is None:
        return page._replace(etag=None)
    # Files that links lead to are found again by the links of the page.
    known = {file.filename: file for file in old.files if file.listed and not (doubt.adds and file.external is not None)}
    told = page.files if doubt.adds else ()
    # A record that was rebuilt from the mirror has no facts of upstream.
    files = [known.pop(file.filename) if file.filename in known and old.upstream else file for file in told]
    names = {file.filename for file in files}
    files.extend(file for name, file in known.items() if name not in names)
    quarantined = page.quarantined and doubt.quarantines
    known_page = old if old.upstream == page.upstream else page
    return known_page._replace(files=tuple(files), status=page.status if quarantined else old.status, etag=None, listed=True,
                               url=page.url, links=page.links)


def completed(old: Project, page: Project) -> Project:
    """Return a page with missing times and sizes filled in from the record of the same files."""
    known = {file.filename: file for file in old.files if file.listed}
    return page._replace(files=tuple(_completed(known.get(file.filename), file) for file in page.files))


def _completed(before: File | None, file: File) -> File:
    if before is None or not (shared := before.hashes.keys() & file.hashes.keys()):
        return file
    if any(before.hashes[name] != file.hashes[name] for name in shared):
        return file
    return file._replace(upload_time=file.upload_time or before.upload_time,
                         size=before.size if file.size is None else file.size)
