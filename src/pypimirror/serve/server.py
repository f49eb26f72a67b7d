"""Runs the index server until a signal stops it."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from ..errors import ConfigurationError
from ..interfaces import IClient
from ..model import NOTHING

#: Maximum size of a request: a line and a few headers; of the body of a query about advisories.
_LARGEST_REQUEST, _LARGEST_QUERY = 32 << 10, 1 << 20
_LAST_PORT = 65535
#: Hosts that mean all interfaces.
_EVERYWHERE = frozenset({"", "*", "0.0.0.0", "::"})
#: Seconds between two looks for slow clients.
_LOOK = 5
#: Maximum number of connections; further ones wait. Each can have one open file.
_CONNECTIONS = 1000
_FILES_EACH, _OTHER_FILES = 2, 40


def run(root: str, host: str = "127.0.0.1", port: int = 8080, *, threads: int = 8, base_url: str | None = None,
        figures: Callable[[], Any] = lambda: None, missed: str | None = None, final_files: bool = False,
        clients: Mapping[str, IClient] = NOTHING, clock: Callable[[], float] = time.monotonic,
        metrics: str | None = None, advisories: str | None = None, cross_origin: bool = False) -> int:
    """Serve the mirror in the directory ``root`` until SIGTERM or SIGINT. Prints the address once it listens.

    port: 0 for a free one. Sockets that systemd passes take the place of host and port.
    threads: the number of concurrent requests, without the transmission of files.
    base_url, figures, clients: arguments of the landing page. missed: the file of the record of missing projects, or None.
    final_files: whether upstream never replaces a distribution file. clock: measures slow clients.
    metrics: the file that ``/metrics`` sends; None for neither ``/metrics`` nor ``/healthz``.
    advisories: the folder with the database of advisories; None without OSV's API.
    cross_origin: whether web pages of any origin may read the index.
    Returns the exit status 0. Raises ConfigurationError if the directory does not exist or the address can't be used.
    """
    if not os.path.isdir(root):
        raise ConfigurationError(f"{root}: no such directory; run sync first")
    from .app import App
    from .missing_projects import MissingProjects

    record = MissingProjects(missed)
    app = App(root, base_url, figures, record, final_files, clients, metrics, advisories, cross_origin)
    server = _create_server(app, host, port, threads, clock)
    previous = {number: signal.signal(number, _exit_on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        print(f"Serving {root} at {_server_urls(server)}", flush=True)
        server.run()
    except SystemExit:
        pass  # a signal before the start of the server's loop, which handles SystemExit itself
    finally:
        server.close()
        record.save()
        for number, handler in previous.items():
            signal.signal(number, handler)
    return 0


def _create_server(app: Any, host: str, port: int, threads: int, clock: Callable[[], float]) -> Any:
    """Return the server, listening. Raises ConfigurationError."""
    if not 0 <= port <= _LAST_PORT:
        raise ConfigurationError(f"can't serve at {host} port {port}: ports are numbers from 0 to {_LAST_PORT}")

    import logging

    from waitress import create_server

    from . import activation
    from .connections import SHARE, ConnectionLimiter

    # waitress warns each time all threads are busy, which is normal operation here.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    most = _max_connections()
    inherited = activation.inherited_sockets()
    place: dict[str, Any] = {"sockets": inherited} if inherited else {"host": host, "port": port}
    try:
        server = create_server(
            app, **place, threads=threads, ident="pypimirror", clear_untrusted_proxy_headers=True,
            asyncore_use_poll=True, connection_limit=most, cleanup_interval=_LOOK, server_name=_server_name(host),
            max_request_header_size=_LARGEST_REQUEST, max_request_body_size=_LARGEST_QUERY)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"can't serve at {host} port {port}: {reason}") from error
    listening = list(server.map.values()) if hasattr(server, "effective_listen") else [server]
    ConnectionLimiter((one for one in listening if hasattr(one, "channel_class")), max(1, most // SHARE), clock)
    return server


def _server_name(host: str) -> str:
    """Return the server name for absolute links: that of the machine if the server listens on all interfaces."""
    return socket.gethostname() if host in _EVERYWHERE else host


def _max_connections() -> int:
    """Return the maximum number of connections; raises the limit of open files for them as far as possible."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return _CONNECTIONS
    wanted = _CONNECTIONS * _FILES_EACH + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return _CONNECTIONS if soft == resource.RLIM_INFINITY else min(_CONNECTIONS, max(1, (soft - _OTHER_FILES) // _FILES_EACH))


def _server_urls(server: Any) -> str:
    """Return the URLs of the server; a host name can have several addresses."""
    places = getattr(server, "effective_listen", None) or [(server.effective_host, server.effective_port)]
    return " and ".join(f"http://{f'[{host}]' if ':' in host else host}:{port}/" for host, port in places)


def _exit_on_signal(number: int, frame: Any) -> NoReturn:
    sys.exit(0)
