"""Sockets that systemd has opened for this process (sd_listen_fds(3))."""

from __future__ import annotations

import os
import socket

from ..errors import ConfigurationError

#: The first descriptor of a passed socket.
_FIRST = 3


def inherited_sockets() -> list[socket.socket]:
    """Return the passed sockets, none without activation. Raises ConfigurationError if one can't be used."""
    process, count = os.environ.pop("LISTEN_PID", ""), os.environ.pop("LISTEN_FDS", "")
    os.environ.pop("LISTEN_FDNAMES", None)
    if process != str(os.getpid()) or not count.isdecimal():
        return []
    found = []
    for number in range(_FIRST, _FIRST + int(count)):
        try:
            passed = socket.socket(fileno=number)
            listens = passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        except OSError as error:
            raise ConfigurationError(f"LISTEN_FDS: descriptor {number} is not a socket: {error.strerror}") from error
        if not listens or passed.type != socket.SOCK_STREAM or passed.family == socket.AF_UNIX:
            raise ConfigurationError(f"LISTEN_FDS: descriptor {number}: must be a TCP socket that listens, such as of "
                                     "ListenStream=127.0.0.1:8080")
        passed.set_inheritable(False)
        found.append(passed)
    return found
