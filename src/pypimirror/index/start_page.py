"""The start page for people: contents of the mirror, configuration of clients, and the projects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from html import escape
from typing import NamedTuple

from ..interfaces import IClient
from ..names import BROWSE_PAGE, HTML_PAGE
from .browse_layout import COPIED, foot, head

#: Projects beyond which the page has no list: a page for people, not of tens of megabytes.
MOST_LISTED = 10_000
#: Placeholder for an unknown address of the mirror; the script replaces it, and the host alone.
ANYWHERE = "https://mirror.invalid/"
_WITHOUT_TLS = "http://mirror.invalid/"
_BATCH = 500
_NOTE = f"""<p data-anywhere-note>Write the address of this page, without <code>{BROWSE_PAGE}</code>, in place of
<code>{ANYWHERE}</code>.</p>
"""


class StartPage(NamedTuple):
    """The contents of the page."""

    #: The number of all projects.
    total: int
    #: Pairs of a name and a value, as HTML.
    facts: Iterable[tuple[str, str]]
    #: The client configurations, as HTML.
    clients: str
    #: Pairs of normalised and registered name of the projects to list; None for no list.
    listed: Iterable[tuple[str, str]] | None
    #: Whether a server answers searches with ``?q=``.
    searchable: bool = False
    #: The search, and the number of the projects that it found; None for no search.
    query: str = ""
    found: int | None = None
    serial: str | None = None


def render(page: StartPage) -> Iterator[bytes]:
    """Yield blocks of the page."""
    facts = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in page.facts)
    clients = f'<section aria-labelledby="use">\n<h2 id="use">Use it</h2>\n{page.clients}{COPIED}</section>\n' \
        if page.clients else ""
    yield (f'{head("Python package mirror", "", "")}<header>\n<h1>Python package mirror</h1>\n<dl class="facts">{facts}'
           '<div hidden><dt>Last changed</dt><dd id="changed"></dd></div></dl>\n</header>\n<main>\n'
           f'{clients}<section aria-labelledby="projects">\n<h2 id="projects">Projects</h2>\n{_search(page)}').encode()
    if page.listed is not None:
        yield b'<div class="list" data-filter>\n'
        lines: list[str] = []
        for name, display in page.listed:
            lines.append(f'<div data-key="{name}"><a href="{name}/{BROWSE_PAGE}">{escape(display)}</a></div>\n')
            if len(lines) == _BATCH:
                yield "".join(lines).encode()
                lines.clear()
        yield ("".join(lines) + "</div>\n").encode()
    yield f"</section>\n</main>\n{foot('', page.serial)}".encode()


def _search(page: StartPage) -> str:
    """Return the search form, or the filter of the list, or a form that opens a project's page by its name."""
    box = (f'<label for="q">Name contains</label>\n<input type="search" id="q" name="q" value="{escape(page.query)}" '
           'autocomplete="off" spellcheck="false">\n')
    everything = f"All {page.total:,} projects."
    if page.searchable:
        complete = ' id="filter"' if page.listed is not None and page.found is None else ""
        count = everything
        if page.found is not None:
            count = f"{page.found:,} of {page.total:,} projects have <q>{escape(page.query)}</q> in their name."
        elif page.listed is None:
            count = f"{page.total:,} projects: too many for one page."
        shown = ' <a href=".#projects">Show all</a>' if page.query else ""
        return (f'<form{complete} role="search" action=".#projects" method="get">\n{box}<button>Search</button>\n</form>\n'
                f'<p><span id="count" role="status">{count}</span>{shown}</p>\n')
    if page.listed is not None:
        return f'<form id="filter" hidden>\n{box}</form>\n<p id="count" role="status">{everything}</p>\n'
    return ('<form id="go" hidden>\n<label for="name">Name</label>\n<input id="name" autocomplete="off" spellcheck="false">\n'
            f'<button>Open</button>\n</form>\n<p>{page.total:,} projects. <a href="{HTML_PAGE}">The list of all names</a> is '
            f'long. The page of a project is <code>NAME/{BROWSE_PAGE}</code>.</p>\n')


def client_blocks(clients: Mapping[str, IClient], url: str, warn: Callable[[str, Exception], None]) -> str:
    """Return the configuration of each client without comments, to copy.

    url: of the mirror, or an empty text if it is unknown. warn: called for a client that fails, which is left out.
    """
    found = []
    for name, client in clients.items():
        try:
            texts = [client.render(f"{url.rstrip('/')}/")] if url else [client.render(ANYWHERE), client.render(_WITHOUT_TLS)]
        except Exception as error:  # of a plugin
            warn(name, error)
            continue
        found.append(_client_block(escape(name), escape(client.title), *map(_settings, texts)))
    return (_NOTE if found and not url else "") + "".join(found)


def _settings(text: str) -> str:
    """Return a configuration without comments, as HTML."""
    return escape("\n".join(line for line in text.splitlines() if line and not line.startswith("#")))


def _client_block(name: str, title: str, text: str, without_tls: str | None = None) -> str:
    """Return a block to copy. without_tls: the text for a page that is read without TLS, if its address is unknown."""
    marked = "" if without_tls is None else f' data-http="{without_tls}"'
    button = f'<button type="button" data-copy="{name}" aria-label="Copy for {name}" hidden>Copy</button>'
    block = f'<pre id="{name}" tabindex="0" role="region" aria-label="{title}"{marked}>{text}</pre>'
    return f'<div class="use"><h3>{title}</h3>{button}{block}</div>\n'
