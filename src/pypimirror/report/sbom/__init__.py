"""Formats of software bills of materials, written component by component: a whole document of a library takes gigabytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from . import cyclonedx, spdx
from .document import BillOfMaterials

#: Functions that yield the text of a document, by name of the format.
FORMATS: Mapping[str, Callable[[BillOfMaterials], Iterator[str]]] = {"cyclonedx": cyclonedx.render, "spdx": spdx.render}
