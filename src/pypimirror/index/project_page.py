"""The page about a project for people: its newest release, and all releases with their files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from html import escape
from typing import Any
from urllib.parse import quote

from ..metadata.filenames import parse, pep440
from ..model import File, Project
from ..names import BROWSE_PAGE
from ..settings.units import in_bytes
from .browse_layout import COPIED, foot, head
from .releases import Releases, is_yanked, newest_release, releases, yank_reason

Metadata = Callable[[File], "bytes | None"]

_ROOT = "../"
#: Entries of a list of requirements or links, and characters of a text, of core metadata.
_MOST, _LONGEST = 200, 300
#: Releases from which on there is a box to filter them.
_MANY = 8
_LICENSE = "License ::"


def render(project: Project, serial: int, metadata: Metadata | None = None) -> bytes:
    """Render the page. project: with published files only. metadata: as for IMetadataIndexWriter."""
    found = releases(project)
    newest = newest_release(found)
    fields = _fields(found.get(newest, ()), metadata)
    display = project.display or project.name
    summary = _text(fields.get("summary"))
    parts = [
        head(display, summary, _ROOT),
        f'<nav aria-label="Mirror"><a href="{_ROOT}{BROWSE_PAGE}">All projects</a></nav>\n<main>\n<h1>{escape(display)}</h1>\n',
        f"<p>{escape(summary)}</p>\n" if summary else "",
        _status(project),
        _install(project, newest, found) if newest else "",
        _about(newest, found.get(newest, []), fields) if newest else "<p>There are no files of this project.</p>\n",
        _releases(project, found, newest),
        f"</main>\n{foot(_ROOT, str(serial))}"]
    return "".join(parts).encode()


def _fields(files: Iterable[File], metadata: Metadata | None) -> Mapping[str, Any]:
    """Return the core metadata of a release, if the mirror has it."""
    if metadata is None:
        return {}
    content = next((content for file in files if (content := metadata(file)) is not None), None)
    if content is None:
        return {}
    from ..metadata.core_metadata import parse_email  # not loaded where nothing changed
    from ..metadata.errors import InvalidContent

    with suppress(InvalidContent):
        return parse_email(content)[0]
    return {}


def _text(value: Any) -> str:
    """Return the first line of a field as text of a limited length."""
    line = next(iter(str(value or "").strip().splitlines()), "")
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "…"


def _status(project: Project) -> str:
    status = project.status.get("status", "active")
    if status == "active":
        return ""
    reason = project.status.get("reason")
    return f'<p class="note">This project is {escape(status)}{f": {escape(reason)}" if reason else "."}</p>\n'


def _install(project: Project, newest: str, found: Releases) -> str:
    line = escape(f"pip install {project.display or project.name}=={newest}")
    yanked = is_yanked(found[newest])
    note = f'<p class="note">{_yanked(found[newest])}</p>\n' if yanked else ""
    return (f'{note}<div class="use"><h2>Install</h2><button type="button" data-copy="install" aria-label="Copy the command" '
            f'hidden>Copy</button>\n<pre id="install" tabindex="0" role="region" aria-label="Command">{line}</pre>\n'
            f'<p class="faint">First <a href="{_ROOT}{BROWSE_PAGE}#use">set up pip for this mirror</a>.</p>\n{COPIED}</div>\n')


def _about(version: str, files: list[File], fields: Mapping[str, Any]) -> str:
    """Return the facts about the newest release."""
    python = _text(fields.get("requires_python")) or next((file.requires_python for file in files if file.requires_python), "")
    rows = [("Newest release", ", ".join(filter(None, (escape(version), _date(files))))), ("Python", escape(python)),
            ("Licence", escape(_license(fields))),
            ("Author", escape(_text(fields.get("author")) or _text(fields.get("author_email")))),
            ("Requires", _list(f"<code>{escape(_text(one))}</code>" for one in _strings(fields.get("requires_dist")))),
            ("Extras", escape(", ".join(_strings(fields.get("provides_extra"))))), ("Links", _list(_links(fields)))]
    shown = "".join(f"<dt>{name}</dt><dd>{value}</dd>\n" for name, value in rows if value)
    return f'<dl class="about">\n{shown}</dl>\n'


def _strings(value: Any) -> list[str]:
    return [_text(one) for one in value[:_MOST]] if isinstance(value, list) else []


def _list(items: Iterable[str]) -> str:
    found = "".join(f"<li>{item}</li>" for item in items)
    return f"<ul>{found}</ul>" if found else ""


def _license(fields: Mapping[str, Any]) -> str:
    known = [one.rpartition("::")[2].strip() for one in _strings(fields.get("classifiers")) if one.startswith(_LICENSE)]
    return _text(fields.get("license_expression")) or _text(fields.get("license")) or ", ".join(known)


def _links(fields: Mapping[str, Any]) -> list[str]:
    """Return links to the project's own pages; URLs of other schemes than http and https are left out."""
    urls = fields.get("project_urls")
    named = dict(urls) if isinstance(urls, dict) else {}
    if fields.get("home_page"):
        named.setdefault("Home page", fields["home_page"])
    return [f'<a href="{escape(url)}" rel="noreferrer nofollow">{escape(_text(name) or url)}</a>'
            for name, url in list(named.items())[:_MOST] if str(url).lower().startswith(("https://", "http://"))]


def _releases(project: Project, found: Releases, newest: str) -> str:
    unversioned = [file for file in project.files if not parse(file.filename, project.name).version]
    blocks = [_release(project, version, files, version == newest) for version, files in reversed(list(found.items()))]
    if unversioned:
        blocks.append(_details("other", "Other files", f"<span>{len(unversioned)} files</span>",
                               _table(project, unversioned), not found))
    if not blocks:
        return ""
    box = ""
    if len(blocks) > _MANY:
        box = ('<form id="filter" data-plain="1" hidden>\n<label for="q">Version contains</label>\n<input type="search" id="q" '
               'autocomplete="off" spellcheck="false">\n</form>\n')
    return (f'<section aria-labelledby="releases">\n<h2 id="releases">Releases</h2>\n{box}'
            f'<p id="count" role="status">{_count(len(found), "release")}, {_count(len(project.files), "file")}.</p>\n'
            f'<div data-filter>\n{"".join(blocks)}</div>\n</section>\n')


def _release(project: Project, version: str, files: list[File], is_open: bool) -> str:
    known = pep440(version)
    marks = [_date(files), f"<span>{_count(len(files), 'file')}</span>"]
    if known is not None and known.is_prerelease:
        marks.append('<span class="faint">prerelease</span>')
    if is_yanked(files):
        marks.append(f'<span class="yanked">{_yanked(files)}</span>')
    return _details(version.lower(), version, " ".join(marks), _table(project, files), is_open)


def _details(key: str, title: str, marks: str, table: str, is_open: bool) -> str:
    opened = " open" if is_open else ""
    return (f'<details data-key="{escape(key)}"{opened}>\n<summary><h3>{escape(title)}</h3> {marks}</summary>\n'
            f"{table}</details>\n")


def _table(project: Project, files: Iterable[File]) -> str:
    rows = "".join(_row(project, file) for file in files)
    return ("<table>\n<thead><tr><th scope=\"col\">File</th><th scope=\"col\">For</th><th scope=\"col\">Python</th>"
            f'<th scope="col">Size</th><th scope="col">Uploaded</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n')


def _row(project: Project, file: File) -> str:
    if file.stored is None:
        raise ValueError(f"{file.filename} is not in the mirror")
    link = f'<a href="{quote(file.filename)}#sha256={file.stored.sha256}">{escape(file.filename)}</a>'
    yanked = f' <span class="yanked">{_yanked([file])}</span>' if file.yanked is not False else ""
    return (f'<tr><td>{link}{yanked}</td><td data-label="For">{_target(project, file)}</td>'
            f'<td data-label="Python">{escape(file.requires_python or "")}</td>'
            f'<td data-label="Size" class="number">{in_bytes(file.stored.size)}</td>'
            f'<td data-label="Uploaded">{_date([file])}</td></tr>\n')


def _target(project: Project, file: File) -> str:
    """Return kind, Python tag and platform of a file."""
    parsed = parse(file.filename, project.name)
    if parsed.kind == "sdist":
        return "source"
    tags = (parsed.python, "" if parsed.platform == "any" else parsed.platform)
    return escape(", ".join(tag.replace(".", ", ") for tag in (parsed.kind, *tags) if tag))


def _date(files: Iterable[File]) -> str:
    """Return the date of the first upload, or an empty text."""
    when = min((when for file in files if (when := file.shown_upload_time)), default="")
    return f'<time datetime="{escape(when)}">{escape(when[:10])}</time>' if when else ""


def _yanked(files: list[File]) -> str:
    reason = yank_reason(files)
    return f"Yanked: {escape(reason)}" if reason else "Yanked"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
