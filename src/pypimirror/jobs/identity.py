"""How jobs are recognised: in a crontab, among files of the system, and by people."""

from __future__ import annotations

import hashlib
import os
import re
from typing import NamedTuple


class Identity(NamedTuple):
    """The identity of one job."""

    #: One line that distinguishes the job from all others of a crontab.
    mark: str
    #: A name for files and units. It has no dot: cron ignores files whose names have one.
    name: str
    #: The subject of descriptions.
    subject: str
    #: The first line of each file.
    note: str


def identity_of_part(part: str, directory: str) -> Identity:
    """Return the identity of the job of a buildout's part. directory: of the buildout."""
    mark = f"[{part}] in {directory}"
    return Identity(mark, _job_name(part, mark), f"the part {mark}",
                    f"# Written by buildout from the part {mark}; changes made here are lost.\n")


def identity_of_config(config: str) -> Identity:
    """Return the identity of the job of a configuration file. config: its absolute path."""
    stem = os.path.splitext(os.path.basename(config))[0]
    return Identity(config, _job_name(stem, config), config,
                    f"# Written by pypimirror {config} job; changes made here are lost.\n")


def _job_name(text: str, mark: str) -> str:
    """Return a name for files: of the words of the text, and a hash of the mark."""
    words = [word for word in re.split(r"[^A-Za-z0-9]+", text) if word]
    return "-".join(["pypimirror", *words, hashlib.sha256(mark.encode()).hexdigest()[:8]])
