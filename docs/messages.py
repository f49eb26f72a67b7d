"""A directive for Sphinx, ``.. messages::``: a table of every message in the code, with exit status, cause and remedy.

The messages are read from the source: what is raised as an error of ``pypimirror.errors`` or reported as ``Problem`` or
``Notice``. A part in braces becomes a word in capitals.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pypimirror
from pypimirror import errors

PACKAGE = Path(pypimirror.__file__).parent
#: Titles with the folders or modules whose messages they have, and the remedy for a message without its own.
AREAS = (
    ("Configuration", ("settings", "filters", "selection", "http/configured_url", "http/tls", "index", "clients",
                       "bandersnatch", "serve/sites", "older_distributions", "commands/init", "commands/client"),
     "Correct the key or option that the message names; pypimirror config shows where each value is set. Nothing was touched."),
    ("Network", ("http",),
     "The next run tries it again. If it stays, open the URL with curl -v from the same machine and user, with its proxy."),
    ("Upstream's lists and pages", ("upstream",),
     "The project keeps its last good page, and the next run reads it again. If it stays, report it to the index."),
    ("Pins", ("pins", "sync/pinning", "sync/pin_hashes"),
     "Correct the pin file. Until then its last good version counts."),
    ("Advisories", ("advisories", "maintenance/audit", "commands/audit", "serve/osv_api"),
     "What was read last counts. Correct the source, and the next sync reads it again."),
    ("Attestations", ("metadata/attestations", "sync/attested"),
     "The file is refused, and the next sync requests its provenance again. If it stays, report it to the project."),
    ("Bills of materials", ("sbom", "commands/sbom", "report/sbom"),
     "The release is in the document without what can't be read; verify --repair fetches damaged files again."),
    ("Disk and state", ("storage", "state", "regular_file", "written_file", "atomic_file"),
     "Check free space, permissions and owner of the path. A lost state is rebuilt from the files by the next run."),
    ("Runs", ("sync", "report", "commands/session", "commands/sync", "commands/plan", "commands/status",
              "commands/status_values"),
     "The next run tries it again; the log has the details."),
    ("Verify, trash, adopt", ("maintenance", "commands/adopt", "commands/trash", "commands/verify"),
     "Nothing was removed. Correct the cause and repeat the verb."),
    ("Bundles", ("bundles", "commands/export_bundle", "commands/import_bundle"),
     "The mirror was not changed. Copy the bundle again, or export another one; repeat the verb."),
    ("Doctor and snapshots", ("doctor", "snapshots"),
     "Correct what the message names and repeat the verb; the mirror was not changed."),
    ("Workers", ("engine",),
     "Check the address of the scheduler and that all workers have the same versions of the program; or use engine = threads."),
    ("Plugins", ("zcml", "tracebacks", "commands/plugin", "commands/component"),
     "Correct the plugin at the place in the message; pypimirror config shows what it registers."),
    ("Jobs and the recipe", ("jobs", "recipe", "commands/job"),
     "Correct the option; what was installed before is unchanged."),
    ("Servers", ("serve", "commands/serve", "commands/webserver"),
     "Correct the option, or the place of the mirror."),
    ("The command line", ("cli", "errors", "commands", "mirror"),
     "pypimirror help VERB shows what the verb takes."),
)
#: Message classes that are events.
_EVENTS = {"Problem": 1, "Notice": 0}
#: The beginning of a message whose class adds it.
_PREFIXES = {"FetchError": "URL: "}


#: Modules whose functions return messages.
_RETURNED = {"http/connection_errors"}
#: Minimum number of characters of a message that is returned.
_SHORTEST = 25
#: Parts that not every message has: hints, further facts.
_OPTIONAL = {"HINT", "HOLDER", "NEAREST", "PROMISED", "MORE", "NOT_DECLARED", "ASSUMED", "ASKS"}
#: Words for calls of functions.
_WORDS = {"_key_hint": "index_url, ", "_host": "host", "_place": "host port number", "_holder": "holder"}
#: Remedies for messages that are too short to have them, by the beginning of the text.
REMEDIES = {
    "URL: status STATUS": "401, 403: check the credentials in index_url or ~/.netrc. 404: check the name. 429, 5xx: the server "
                          "is busy or broken; it was tried again (retries), and the next run tries it again.",
    "PATH: another run holds the lock": "Wait until it has ended; status shows its progress.",
    "URL: too many redirects": "Check index_url: use the address to which a browser comes in the end.",
    "URL: refused: public host": "Check the DNS of this machine; a private index needs its address in index_url.",
    "URL: sha256 mismatch": "Nothing was published. A proxy may change files, or the index is being updated: run sync again.",
}


class Message(NamedTuple):
    """One message of the program."""

    text: str
    remedy: str
    #: The exit status of a run that ends with it.
    status: int
    module: str


def collect() -> dict[str, list[Message]]:
    """Return the messages by the titles of ``AREAS``, sorted by text."""
    found: dict[str, dict[str, Message]] = {title: {} for title, _, _ in AREAS}
    for path in sorted(set(PACKAGE.rglob("*.py")) - set(PACKAGE.glob("testing/*.py"))):
        module = path.relative_to(PACKAGE).with_suffix("").as_posix()
        for message in _in_module(path, module):
            title, _ = area(module)
            found[title].setdefault(message.text, message)
    return {title: sorted(messages.values()) for title, messages in found.items() if messages}


def area(module: str) -> tuple[str, str]:
    """Return title and remedy for a module such as ``http/tls``. Raises LookupError."""
    fitting = [(len(place), title, remedy) for title, places, remedy in AREAS for place in places
               if module == place or module.startswith(f"{place}/")]
    if not fitting:
        raise LookupError(f"docs/messages.py: AREAS lacks {module}")
    _, title, remedy = max(fitting)
    return title, remedy


def _in_module(path: Path, module: str) -> Iterator[Message]:
    kinds = {name: value for name, value in vars(errors).items() if isinstance(value, type)
             and issubclass(value, errors.MirrorError)}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Return) and module in _RETURNED and node.value is not None:
            yield from (_message("URL: " + text, 1, module) for text in _texts(node.value) if len(text) > _SHORTEST)
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        position = 1 if name == "FetchError" else _EVENTS.get(name, 0)
        if (name not in kinds and name not in _EVENTS) or len(node.args) <= position:
            continue
        for text in _texts(node.args[position]):
            status = kinds[name].status if name in kinds else int(name == "Problem")
            yield _message(_PREFIXES.get(name, "") + text, status, module)


def _message(text: str, status: int, module: str) -> Message:
    cause, separator, remedy = text.rpartition("; ")
    specific = next((remedy for start, remedy in REMEDIES.items() if text.startswith(start)), None)
    if specific is not None:
        return Message(text, specific, status, module)
    if separator and not re.match(r"[A-Z]+$", remedy):
        return Message(cause, remedy[0].upper() + remedy[1:].rstrip(".?") + ".", status, module)
    return Message(text, area(module)[1], status, module)


def _texts(node: ast.expr) -> Iterator[str]:
    """Yield the texts that an expression may have; none for one that is built elsewhere."""
    if isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else _word(part) for part in node.values]
        text = " ".join("".join(map(str, parts)).split())
        if re.search(r"[a-z]{3}", text):
            yield text


def _word(part: Any) -> str:
    """Return the word for a part in braces: the last name in it. Optional parts have none."""
    name = _name(part.value).strip("_").upper()
    if name in _OPTIONAL:
        return ""
    if name.endswith(", "):
        return name.lower()
    return f"'{name}'" if part.conversion == ord("r") else name


def _name(node: ast.expr) -> str:
    """Return the name of the value that an expression has or is made of."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id in _WORDS:
            return _WORDS[node.func.id]
        inner = [_name(each) for each in node.args if not isinstance(each, ast.Constant)]
        called = node.func.value if isinstance(node.func, ast.Attribute) else None
        return (inner or [_name(called) if called is not None else _name(node.func)])[0]
    if isinstance(node, ast.Subscript):
        key = node.slice
        return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else _name(node.value)
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.strip(", ") or "list"
    return next((found for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr) and (found := _name(child))), "")


def setup(app: Any) -> dict[str, Any]:
    """Register the directive."""
    from docutils import nodes
    from docutils.parsers.rst import Directive

    class Messages(Directive):
        """Shows a table for each area."""

        def run(self) -> list[Any]:
            return [section(title, messages) for title, messages in collect().items()]

    def section(title: str, messages: list[Message]) -> Any:
        made = nodes.section(ids=[nodes.make_id(f"messages-{title}")])
        made += nodes.title(text=title)
        table, group, head, body = nodes.table(), nodes.tgroup(cols=3), nodes.thead(), nodes.tbody()
        group += [nodes.colspec(colwidth=width) for width in (50, 8, 42)]
        head += row(nodes.paragraph(text="Message"), nodes.paragraph(text="Exit status"), nodes.paragraph(text="What to do"))
        for message in messages:
            body += row(nodes.paragraph("", "", nodes.literal(text=message.text)), nodes.paragraph(text=str(message.status)),
                        nodes.paragraph(text=message.remedy))
        group += [head, body]
        table += group
        made += table
        return made

    def row(*cells: Any) -> Any:
        made = nodes.row()
        made += [nodes.entry("", cell) for cell in cells]
        return made

    app.add_directive("messages", Messages)
    return {"version": pypimirror.__version__, "parallel_read_safe": True}
