"""Publishes each pin file in every form that clients read, with an index page: ``pins/``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from urllib.parse import quote

from ..errors import StorageError
from ..index.html import head
from ..interfaces import IRunContext
from ..model import File
from ..names import HTML_PAGE, PINS
from ..pins import pin_forms
from ..pins.environments import Environment
from ..pins.model import InvalidPins
from ..pins.pin_files import PinFile, form_names
from ..state import records
from ..state.database import State
from ..state.meta_keys import PIN_FILES, PIN_FORMS, PIN_FORMS_MADE, PINNING, SERIAL
from ..storage.atomic import replace

_TITLES = {".cfg": "zc.buildout", ".txt": "constraints", ".toml": "lock"}
_INTRODUCTION = """\
<p>The pins of this mirror, one line for each file that it reads. Extend a buildout from the first form, use the second one with
<code>--constraint</code>, the third one with installers that read <code>pylock.toml</code>.</p>
"""


class PublishedPinFiles:
    """The pin files of the mirror: what clients extend from is also the last good one."""

    def __init__(self, mirror: IRunContext, state: State, dry: bool):
        self._storage, self._state = mirror.storage, state
        self._dry = dry

    def get(self, name: str) -> str | None:
        content = self._storage.read(f"{PINS}/{name}")
        return None if content is None else content.decode("utf-8", "replace")

    def put(self, name: str, text: str) -> None:
        if not self._dry and self.get(name) != text:
            self._note(name)
            replace(self._storage, {f"{PINS}/{name}": (text.encode(),)})

    def _note(self, name: str) -> None:
        """Record a file before it is written, so that a later run removes it if this one is killed."""
        known = (self._state.fact(PIN_FILES) or "").split()
        if name not in known:
            self._state.set_fact(PIN_FILES, " ".join(sorted((*known, name))))
            self._state.set_fact(PINNING, "1")
            self._state.commit()


def write_forms(mirror: IRunContext, state: State, files: tuple[PinFile, ...],
                environments: tuple[Environment, ...]) -> Iterator[str]:
    """Write the other forms of the pin files, if anything that they contain has changed; yield a message for each failure."""
    made = _digest(mirror, state, files, environments)
    known = set((state.fact(PIN_FORMS) or "").split())
    if state.fact(PIN_FORMS_MADE) == made and all(_is_there(mirror, name) for name in known):
        return
    # What obstructs the folder is reported with the pin file.
    files = tuple(file for file in files if _is_there(mirror, file.name))
    texts: dict[str, str] = {}
    yield from _render(mirror, state, files, environments, texts)
    state.set_fact(PIN_FORMS, " ".join(sorted({*known, *texts})))  # a later run removes them if this one is killed
    state.commit()
    unwanted = known - texts.keys() - {file.name for file in files} - ({HTML_PAGE} if state.row(PINS) is not None else set())
    try:
        _store(mirror, texts, unwanted)
    except StorageError as error:
        yield f"{error}; the other forms of the pin files can't be written"
        return
    state.set_fact(PIN_FORMS, " ".join(sorted(texts)) or None)
    state.set_fact(PIN_FORMS_MADE, made)


def _render(mirror: IRunContext, state: State, files: tuple[PinFile, ...], environments: tuple[Environment, ...],
            texts: dict[str, str]) -> Iterator[str]:
    """Render all forms and their index page; yield a message about each file without. texts: gets the forms by name."""
    for file in files:
        if len(file.text) <= pin_forms.MAX_LENGTH:
            try:
                texts |= _forms(mirror, state, file, environments)
            except InvalidPins as error:
                yield f"{file.source}: no other forms of its pins: {error}"
    if files and state.row(PINS) is None:  # else it is the folder of a project
        texts[HTML_PAGE] = _page(files, texts)


def _store(mirror: IRunContext, texts: Mapping[str, str], unwanted: Iterable[str]) -> None:
    """Write changed files, and remove those that are no longer wanted. Raises StorageError."""
    for name, text in texts.items():
        path, content = f"{PINS}/{name}", text.encode()
        if mirror.storage.read(path) != content:
            replace(mirror.storage, {path: (content,)})
    for name in unwanted:
        mirror.storage.remove(f"{PINS}/{name}")


def _is_there(mirror: IRunContext, name: str) -> bool:
    try:
        return mirror.storage.size(f"{PINS}/{name}") is not None
    except StorageError:
        return False


def _digest(mirror: IRunContext, state: State, files: Iterable[PinFile], environments: Iterable[Environment]) -> str:
    """Return a digest of everything that decides about the forms. The mirror's serial changes with any page."""
    facts = [state.fact(SERIAL), mirror.settings["base_url"], sorted(environments), state.row(PINS) is None,
             [(file.source, file.name, file.text) for file in files]]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _forms(mirror: IRunContext, state: State, file: PinFile, environments: tuple[Environment, ...]) -> Mapping[str, str]:
    """Return the texts of the other forms of a pin file, by name. Raises InvalidPins."""
    pins = pin_forms.conditional_pins(file.name, file.text, environments)

    def published(name: str) -> tuple[File, ...]:
        record = state.record(name)
        return () if record is None else records.decode(record).published().files

    names = form_names(file.name)
    texts = {names[".cfg"]: pin_forms.render_versions(pins), names[".txt"]: pin_forms.render_constraints(pins),
             names[".toml"]: pin_forms.render_lock(pins, published, mirror.settings["base_url"])}
    return {name: text for name, text in texts.items() if name != file.name}


def is_index_page(page: bytes) -> bool:
    """Return whether a page is the index page of pin files, not that of a project."""
    return b"<h1>Pins</h1>" in page and b"<!--SERIAL " not in page


def _page(files: Iterable[PinFile], texts: Mapping[str, str]) -> str:
    rows = []
    for file in files:
        # The folders of this machine are not published.
        source = file.source if "://" in file.source else file.source.replace("\\", "/").rpartition("/")[2]
        names = {suffix: name for suffix, name in form_names(file.name).items() if name == file.name or name in texts}
        forms = [f'<a href="{quote(name)}">{_TITLES[suffix]}: {escape(name)}</a>' for suffix, name in names.items()]
        rows.append(f"<li>{escape(source)}<br>{'<br>'.join(forms)}</li>\n")
    return f"{head('Pins')}{_INTRODUCTION}<ul>\n{''.join(rows)}</ul>\n</body>\n</html>\n"
