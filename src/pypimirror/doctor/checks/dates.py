"""Check of upload times: pip's ``--uploaded-prior-to`` and uv's ``exclude-newer`` need them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from ..case import Case
from ..deployment import UV
from ..findings import Finding, error, note

_DAYS = re.compile(r"P(\d{1,5})D|(\d{1,5}) ?days?|(\d{1,5}) ?weeks?", re.IGNORECASE)
_UTC = datetime.timezone.utc


def check_upload_times(case: Case) -> Iterator[Finding]:
    """With a cooldown, the files have upload times that are old enough."""
    text = case.deployment.uploaded_before
    if not text:
        return
    limit = parse_moment(text)
    if limit is None:
        yield note("upload times", f"the limit {text!r} is in a form that is not supported here; only its presence counts")
    option = "exclude-newer" if case.deployment.tool == UV else "--uploaded-prior-to"
    for one in {one.file.filename: one for one in (*case.solution.chosen, *case.solution.for_builds)}.values():
        if one.file.upload_time is None:
            yield error(one.file.filename, f"no upload time on its page, which {option} needs",
                        "serve JSON pages (index_formats, the generated site or serve), or take the option out", one.by)
        elif limit is not None and (uploaded := parse_moment(one.file.upload_time)) is not None and uploaded >= limit:
            yield error(one.file.filename, f"uploaded on {uploaded:%Y-%m-%d}, after the limit {text} of {option}",
                        "use an older release, or a later limit", one.by)


def parse_moment(text: str) -> datetime.datetime | None:
    """Return a time, or None if the text is not one: an ISO date or time, or a number of days or weeks before now."""
    if match := _DAYS.fullmatch(text.strip()):
        days = int(match[1] or match[2] or 0) + 7 * int(match[3] or 0)
        return datetime.datetime.now(_UTC) - datetime.timedelta(days=days)
    try:
        found = datetime.datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=_UTC)
