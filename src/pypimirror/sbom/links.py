"""The links in core metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..http.web_urls import web_url
from ..names import shown

#: Links that count.
_MOST = 200


def project_links(fields: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Yield label and URL of each link in core metadata, without duplicates. fields: values by lower-case name."""
    stated = [("Homepage", url) for url in fields.get("home-page", ())]
    for value in fields.get("project-url", ())[:_MOST]:
        label, _, url = value.partition(",")
        stated.append((label.strip(), url))
    seen: set[str] = set()
    for label, url in stated:
        found = web_url(url)
        if found is not None and found not in seen:
            seen.add(found)
            yield shown(label), found
