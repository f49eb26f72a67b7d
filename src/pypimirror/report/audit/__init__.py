"""Formats of the result of ``audit``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...maintenance.audit import Audit
from . import cyclonedx, plain, sarif

#: Functions that return the result as plain data, by name of the format.
FORMATS: Mapping[str, Callable[[Audit], Any]] = {"json": plain.as_json, "sarif": sarif.as_sarif, "cyclonedx": cyclonedx.as_vex}
