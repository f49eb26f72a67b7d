"""The licence of a release, from its core metadata (PEP 639)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from ..names import shown
from .license_classifiers import CLASSIFIERS, PREFIX

#: Values of ``License.source``: the field that it was read from.
EXPRESSION, CLASSIFIER, TEXT, UNKNOWN = "License-Expression", "Classifier", "License", ""
#: Characters of a licence: some projects have the whole text of the licence in the field.
_LONGEST = 1000
#: The classifier that states only that the licence is approved.
_UMBRELLA = "OSI Approved"
#: Contents of License that state nothing.
_EMPTY = frozenset({"", "unknown", "none", "n/a"})


class License(NamedTuple):
    """A licence, or several of which the relation is unknown."""

    #: SPDX expressions; more than one only from classifiers, which do not state a relation.
    expressions: tuple[str, ...] = ()
    #: The licence as it is written, if it is not an SPDX expression.
    text: str = ""
    #: EXPRESSION, CLASSIFIER, TEXT or UNKNOWN.
    source: str = UNKNOWN

    @property
    def label(self) -> str:
        """The licence for people; empty if it is unknown."""
        return self.text or ", ".join(self.expressions)


def license_of(fields: Mapping[str, Sequence[str]]) -> License:
    """Return the licence that core metadata state: the expression, else by classifiers, else the free text.

    fields: values by lower-case field name. A free text that is an SPDX expression precedes several classifiers, and those
    without an identifier.
    """
    stated = _first_value(fields, "license-expression")
    if stated:
        expression = spdx_expression(stated)
        return License((expression,), source=EXPRESSION) if expression else License(text=_shorten(stated), source=EXPRESSION)
    names = [each.removeprefix(PREFIX) for each in fields.get("classifier", ()) if each.startswith(PREFIX)]
    names = [each for each in names if each != _UMBRELLA]
    identifiers = tuple(dict.fromkeys(CLASSIFIERS[each] for each in names)) if CLASSIFIERS.keys() >= set(names) else ()
    if len(identifiers) == 1:
        return License(identifiers, source=CLASSIFIER)
    text = _first_value(fields, "license")
    if text.lower() in _EMPTY:
        text = ""
    if expression := spdx_expression(text):
        return License((expression,), source=TEXT)
    if identifiers:
        return License(identifiers, source=CLASSIFIER)
    if not text and names:
        return License(text=_shorten(", ".join(each.rpartition(" :: ")[2] for each in names)), source=CLASSIFIER)
    return License(text=_shorten(text), source=TEXT) if text else License()


@lru_cache(4096)
def spdx_expression(text: str) -> str | None:
    """Return an SPDX expression in its normal form, or None if the text is not one (PEP 639)."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    if not text or len(text) > _LONGEST:
        return None
    try:
        return str(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        return None
    except (ValueError, RecursionError, SyntaxError):  # of parentheses that are nested too deeply, among others
        return None


def _first_value(fields: Mapping[str, Sequence[str]], name: str) -> str:
    return next(iter(fields.get(name, ())), "").strip()


def _shorten(text: str) -> str:
    return shown(text, _LONGEST)
