"""An upstream that is seen through caches: pages and lists from before, facts left out, answers that are wrong once."""

from __future__ import annotations

import dataclasses
import hashlib
import html
import json
import re
from typing import Any, NamedTuple

from support.upstream import JSON, Served, Upstream, normal

_LOGIN = b"<!DOCTYPE html><html><head><title>Log in</title></head><body><form><input type='password'></form></body></html>"
_HTML_SERIAL = re.compile(r"<!--SERIAL \d+-->")
_NOTICE = b"<!DOCTYPE html><html><body><a href='#main'>Skip</a><a href='/agent-1.0.zip'>Agent</a></body></html>"
_JSON_ERROR = b'{"errors": [{"status": 500, "message": "later"}]}'
#: How an answer can be wrong once, by name: pages and lists, and files.
FAULTS = ("404", "410", "403", "503", "login", "notice", "error", "empty", "mixed up", "html", "untimed", "unserial", "cut off")
FILE_FAULTS = ("404", "403", "503", "login", "empty", "cut off")
#: Answers in place of a page, by name of the fault.
_INSTEAD = {
    "login": ("text/html", _LOGIN), "notice": ("text/html", _NOTICE), "error": (JSON, _JSON_ERROR), "empty": (JSON, b"")}


class Moment(NamedTuple):
    """One project as it was once."""

    display: str
    serial: int
    files: dict[str, Served]
    status: dict[str, str]


class Shifting(Upstream):
    """``form`` is how it answers while it is sane: ``json``, ``plain`` (JSON without serials), or ``html``."""

    def __init__(self) -> None:
        super().__init__()
        self._server.handle_error = lambda request, address: None  # runs that are killed hang up
        self.reset("json")

    def reset(self, form: str) -> None:
        """Hold nothing, and never have held anything."""
        self.form = form
        for held in (self.projects, self.displays, self.project_serials, self.statuses):
            held.clear()
        #: What there was before each change: projects, and lists as display names and serials.
        self.past: dict[str, list[Moment]] = {}
        self.past_lists: list[dict[str, tuple[str, int]]] = []
        #: All hashes that were true at some time, by project and file.
        self.ever: dict[tuple[str, str], set[str]] = {}
        self.be_sane()
        self.asked()

    def be_sane(self) -> None:
        """Answer from now on with what is true."""
        self.old_pages: dict[str, Moment] = {}
        self.old_list: dict[str, tuple[str, int]] | None = None
        self.once: dict[str, str] = {}
        #: What is wrong until then: ``same`` serials for all, ``no list serials``, ``no page serials``.
        self.wrong: set[str] = set()

    # --- changes

    def change(self) -> None:
        """Take note of what is true before a change."""
        for name, files in self.projects.items():
            self.past.setdefault(name, []).append(self._moment(name, files))
        self.past_lists.append({name: (self.displays[name], self.project_serials[name]) for name in self.projects})

    def _moment(self, name: str, files: dict[str, Served]) -> Moment:
        return Moment(self.displays[name], self.project_serials[name], dict(files), dict(self.statuses.get(name, {})))

    def put(self, display: str, file: tuple[str, bytes], **facts: Any) -> None:
        """Add a file, or replace it."""
        self.change()
        self.add(display, file, **facts)
        self.ever.setdefault((normal(display), file[0]), set()).add(hashlib.sha256(file[1]).hexdigest())

    def take(self, name: str, filename: str = "") -> None:
        """Remove a file or a project."""
        self.change()
        self.statuses.pop(name, None)
        self.remove(name, *filter(None, (filename,)))

    def yank(self, name: str, filename: str, reason: bool | str) -> None:
        self.change()
        served = self.projects[name][filename]
        self.projects[name][filename] = dataclasses.replace(served, facts={**served.facts, "yanked": reason})
        self.touch(name)

    def quarantine(self, name: str, on: bool) -> None:
        self.change()
        self.statuses.pop(name, None)
        if on:
            self.statuses[name] = {"status": "quarantined"}
        self.touch(name)

    def rename(self, name: str, display: str) -> None:
        self.change()
        self.displays[name] = display
        self.touch(name)

    # --- answers

    def respond(self, path: str, headers: Any) -> tuple[int, dict[str, str], bytes]:
        parts = path.strip("/").split("/")
        fault = self.once.pop(path, "")
        if fault.isdecimal():
            return int(fault), {}, b"not now"
        if fault in _INSTEAD:
            kind, body = _INSTEAD[fault]
            return 200, {"Content-Type": kind}, body
        if parts[0] != "simple":
            status, sent, body = super().respond(path, headers)
            return status, sent, body[:len(body) // 2] if fault == "cut off" else body
        as_json = self.form != "html" and fault != "html" and JSON in headers.get("Accept", "")
        if len(parts) == 1:
            body = self._list(as_json, fault)
        else:
            if fault == "mixed up":
                parts[1] = next((name for name in sorted(self.projects) if name != parts[1]), parts[1])
            moment = self.old_pages.get(parts[1])
            if moment is None and parts[1] in self.projects:
                moment = self._moment(parts[1], self.projects[parts[1]])
            if moment is None:
                return 404, {}, b"no such project"
            body = self._project(parts[1], moment, as_json, fault)
        if fault == "cut off":
            body = body[:len(body) // 2]
        return self._page(body, as_json, headers)

    def _has_serials(self, of: str, fault: str) -> bool:
        return self.form != "plain" and fault != "unserial" and f"no {of} serials" not in self.wrong

    def _list(self, as_json: bool, fault: str) -> bytes:
        true = {name: (self.displays[name], self.project_serials[name]) for name in self.projects}
        listed = true if self.old_list is None else self.old_list
        if not as_json:
            links = "".join(f'<a href="{name}/">{html.escape(display)}</a>\n' for name, (display, _) in sorted(listed.items()))
            return f"<!DOCTYPE html><html><head><title>Simple index</title></head><body>{links}</body></html>".encode()
        same = "same" in self.wrong
        told = [{"name": display, **({"_last-serial": 7 if same else serial} if self._has_serials("list", fault) else {})}
                for _, (display, serial) in sorted(listed.items())]
        return json.dumps({"meta": {"api-version": "1.4"}, "projects": told}).encode()

    def _project(self, name: str, moment: Moment, as_json: bool, fault: str) -> bytes:
        entries = [self._entry(name, served) for served in moment.files.values()]
        serial = 7 if "same" in self.wrong else moment.serial
        if as_json:
            meta = {"api-version": "1.4", **({"_last-serial": serial} if self._has_serials("page", fault) else {})}
            page: dict[str, Any] = {"meta": meta, "name": name, "files": entries}
            if moment.status:
                page["project-status"] = moment.status
            if fault == "untimed":
                for entry in entries:
                    entry.pop("upload-time", None)
            return json.dumps(page).encode()
        links = []
        for entry in entries:
            yanked, known = entry["yanked"], entry["core-metadata"]
            facts = f' data-core-metadata="sha256={known["sha256"]}"' if known else ""
            if yanked is not False:
                facts += f' data-yanked="{"" if yanked is True else yanked}"'
            links.append(f'<a href="{entry["url"]}#sha256={entry["hashes"]["sha256"]}"{facts}>{entry["filename"]}</a>\n')
        meta_status = "".join(f'<meta name="pypi:project-status" content="{value}">' for value in moment.status.values())
        return (f"<!DOCTYPE html><html><head><title>Links for {name}</title>{meta_status}</head>"
                f"<body>{''.join(links)}</body></html>").encode()
