"""Beginning and end of the pages for people."""

from __future__ import annotations

from html import escape

from ..names import BROWSE_SCRIPT, BROWSE_STYLE

#: The Content-Security-Policy of the pages. It is in the pages, since a bucket sends no such header.
POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'"
#: The element in which the script announces what a button did.
COPIED = '<p id="copied" role="status"></p>\n'

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
{description}<title>{title}</title>
<link rel="stylesheet" href="{root}{style}">
</head>
<body data-root="{root}">
"""


def head(title: str, description: str, root: str) -> str:
    """Return the beginning of a page. title, description: text. root: the relative URL of the mirror's root."""
    described = f'<meta name="description" content="{escape(description)}">\n' if description else ""
    return _HEAD.format(policy=POLICY, description=described, title=escape(title), root=root, style=BROWSE_STYLE)


def foot(root: str, serial: str | None) -> str:
    """Return the end of a page. serial: the mirror's serial of the page."""
    noted = f"<!--SERIAL {serial}-->\n" if serial else ""
    return f'<script src="{root}{BROWSE_SCRIPT}"></script>\n</body>\n</html>\n{noted}'
