"""Links in PyPI's JSON API of a project."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from ..errors import InvalidPage
from ..http.page import read
from ..http.retry import RetryPolicy, check
from ..http.urls import strip_credentials
from ..interfaces import IFetcher
from ..model import Head, Project
from ..names import shown
from .links import resolved

_WEB = re.compile(r"https?://", re.IGNORECASE)
#: Maximum size in bytes of one project's JSON, with all releases.
_LONGEST = 64 << 20


def project_links(fetcher: IFetcher, attempts: RetryPolicy, page: Project) -> tuple[str, ...]:
    """Return the links of a project's JSON: ``download_url``, ``home_page`` and ``project_urls``.

    page: upstream's page; its ``url`` ends with ``/simple/<name>/``, that of the JSON with ``/pypi/<name>/json``.
    Raises FetchError, InvalidPage.
    """
    root, simple, _ = page.url.rpartition("/simple/")
    if not simple:
        return ()
    url = f"{root}/pypi/{quote(page.name)}/json"

    def attempt() -> tuple[Head, bytes]:
        head, body = read(fetcher, url, {"Accept": "application/json"}, _LONGEST)
        if head.status not in (404, 410):
            check(head, url)
        return head, body

    head, body = attempts(attempt)
    if head.status in (404, 410):
        return ()
    try:
        info = json.loads(body)["info"]
        named = [info.get("download_url"), info.get("home_page"), *(info.get("project_urls") or {}).values()]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise InvalidPage(f"{strip_credentials(url)}: not the JSON of a project: {shown(str(error))}") from error
    return tuple(link for link in map(_usable, named) if link is not None)


def _usable(link: Any) -> str | None:
    if not isinstance(link, str) or not _WEB.match(link.strip()):
        return None
    return resolved(link, link.strip())
