"""Starts real servers of a published tree on loopback, each given back as its address and ended with the test."""

import contextlib
import functools
import http.client
import http.server
import importlib.metadata
import os
import platform
import random
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from pypimirror.serve.sites.apache import Apache
from pypimirror.serve.sites.caddy import Caddy
from pypimirror.serve.sites.nginx import Nginx
from pypimirror.settings.index_settings import has_final_files

#: What Debian's packages enable by themselves, and what the site says it needs besides.
APACHE_MODULES = """
    mpm_event access_compat alias auth_basic authn_core authn_file authz_core authz_host authz_user autoindex
    deflate dir env filter mime negotiation reqtimeout setenvif status
"""
_APACHE = """\
ServerRoot /usr/lib/apache2
PidFile {folder}/pid
DefaultRuntimeDir {folder}
Mutex file:{folder}
ErrorLog {folder}/error.log
ServerName localhost
{user}
{modules}
TypesConfig /etc/mime.types
<Directory />
    Options FollowSymLinks
    AllowOverride None
    Require all denied
</Directory>
AccessFileName .htaccess
AddEncoding x-gzip .gz .tgz
AddEncoding x-bzip2 .bz2
AddLanguage de .de
{site}
"""
_NGINX = """\
{user}
pid {folder}/pid;
error_log {folder}/error.log;
daemon off;
events {{ worker_connections 256; }}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    gzip on;
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""

#: Not what tests seed, which would choose the same in each process.
_CHANCE = random.SystemRandom()
#: Seconds that a server may take to start or end on a busy machine.
PATIENCE = 600


class Reply(NamedTuple):
    """One answer, as it came."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


def ask(address: str, path: str, method: str = "GET", **headers: str) -> Reply:
    """Ask for a path exactly as it is written here. headers: with underscores for dashes. Nothing is followed or unpacked."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


@functools.cache
def version(server: str) -> str:
    """Give the version of a server of the matrix; empty for the product's own. The bucket has nginx in front of it."""
    if server == "serve":
        return ""
    if server == "bare":
        return f"Python {platform.python_version()}"
    command = {"apache": ["apache2", "-v"], "caddy": ["caddy", "version"]}.get(server, ["nginx", "-v"])
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    found = re.search(r"[0-9]+(?:\.[0-9]+)+", done.stdout)
    assert found, done.stdout
    return f"nginx {found[0]}, moto {importlib.metadata.version('moto')}" if server == "bucket" else found[0]


@contextlib.contextmanager
def running(*command: object, log: Path, environ: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for the time of the block."""
    with log.open("wb") as stream:
        process = subprocess.Popen([str(word) for word in command], stdout=stream, stderr=subprocess.STDOUT,
                                   env={**os.environ, **(environ or {})})
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def free_port() -> int:
    """Give a port that is free, and stays so but for the unlikely: none of those that Linux gives out by itself meanwhile."""
    while True:
        port = _CHANCE.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def until(condition: Callable[[], object]) -> None:
    """Wait until a condition is met."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> str:
    """Wait until something listens on the port and give its address."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return f"http://127.0.0.1:{port}"
        time.sleep(0.05)
    raise AssertionError(f"no server on port {port}: {log.read_text()}")


@contextlib.contextmanager
def serve(root: Path, log: Path, **settings: Any) -> Iterator[str]:
    """Run our own server. settings: others than the defaults, of those that decide what caches may keep."""
    port = free_port()
    final = has_final_files(_settings(root, "", settings))
    code = ("from pypimirror.clients.files import Buildout, Pip, Uv; from pypimirror.serve.server import run; "
            "from pypimirror.clients.project_files import CondaLock, Pdm, Pixi, Poetry; "
            "classes = {'pip': Pip, 'uv': Uv, 'buildout': Buildout, 'poetry': Poetry, 'pdm': Pdm, 'pixi': Pixi, "
            "'conda-lock': CondaLock}; "
            "clients = {name: client({'versions': (), 'requirements': ()}) for name, client in classes.items()}; "
            f"raise SystemExit(run({str(root)!r}, port={port}, final_files={final}, clients=clients, "
            f"cross_origin={settings.get('cross_origin', False)}))")
    with running(sys.executable, "-c", code, log=log) as process:
        yield wait_for(process, port, log)


@contextlib.contextmanager
def answered_by(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Run a server in a thread of this process; the handler answers."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def saying(answer: bytes | None) -> Iterator[str]:
    """A server that says this to each request and hangs up; with None it says nothing at all."""
    over = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            if answer is None:
                over.wait(10)
            else:
                self.wfile.write(answer)

    with answered_by(Handler) as address:
        yield address
        over.set()


@contextlib.contextmanager
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """Run a server, and proxy, that has nothing and remembers what it was asked for. Gives its address and the requests."""
    asked: list[str] = []

    class Nothing(http.server.BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            self.close_connection = True
            if self.raw_requestline:
                asked.append(self.raw_requestline.decode("latin-1").strip())
                self.wfile.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with answered_by(Nothing) as address:
        yield address, asked


@contextlib.contextmanager
def bare_python(root: Path, log: Path) -> Iterator[str]:
    """Run ``python -m http.server``."""
    port = free_port()
    with running(sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", root, port, log=log) as process:
        yield wait_for(process, port, log)


@contextlib.contextmanager
def apache(root: Path, log: Path, path: str = "", **settings: Any) -> Iterator[str]:
    """Run Apache with the site that we make for it, in a main configuration like Debian's.

    path: that of ``base_url``. settings: others than the defaults.
    """
    address = f"http{'s' if 'tls_certificate' in settings else ''}://127.0.0.1:{free_port()}{path}"
    with apache_with(Apache(_settings(root, address, settings)).render(), address, log):
        yield address


@contextlib.contextmanager
def nginx(root: Path, log: Path, path: str = "", **settings: Any) -> Iterator[str]:
    """Run nginx with the site that we make for it, in a main configuration like Debian's. Arguments as for Apache."""
    address = f"http{'s' if 'tls_certificate' in settings else ''}://127.0.0.1:{free_port()}{path}"
    with nginx_with(Nginx(_settings(root, address, settings)).render(), address, log):
        yield address


@contextlib.contextmanager
def caddy(root: Path, log: Path, path: str = "", **settings: Any) -> Iterator[str]:
    """Run Caddy with the site that we make for it. Arguments as for Apache."""
    address = f"http{'s' if 'tls_certificate' in settings else ''}://127.0.0.1:{free_port()}{path}"
    with caddy_with(Caddy(_settings(root, address, settings)).render(), address, log):
        yield address


@contextlib.contextmanager
def bare_apache(root: Path, log: Path, *lines: str) -> Iterator[str]:
    """Run Apache with nothing but a document root. lines: further ones for it."""
    port = free_port()
    text = "\n".join([f"Listen 127.0.0.1:{port}", f'DocumentRoot "{root}"', f'<Directory "{root}">', "Require all granted",
                      *lines, "</Directory>\n"])
    with apache_with(text, f"http://127.0.0.1:{port}", log):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def bare_nginx(root: Path, log: Path) -> Iterator[str]:
    """Run nginx with nothing but a root."""
    port = free_port()
    with nginx_with(f'server {{ listen 127.0.0.1:{port}; root "{root}"; }}', f"http://127.0.0.1:{port}", log):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def apache_with(text: str, address: str, log: Path) -> Iterator[None]:
    """Run Apache with the text in its configuration. It must mention the modules that it needs as ``a2enmod`` does."""
    program = shutil.which("apache2") or pytest.skip("apache2 is not installed")
    needed = [line.partition("a2enmod ")[2] for line in text.splitlines() if "a2enmod " in line]
    modules = [f"LoadModule {name}_module modules/mod_{name}.so" for name in " ".join([APACHE_MODULES, *needed]).split()]
    folder = log.parent
    user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
    configuration = folder / "apache2.conf"
    configuration.write_text(_APACHE.format(folder=folder, modules="\n".join(modules), site=text, user=user))
    with running(program, "-f", configuration, "-DFOREGROUND", log=log) as process:
        wait_for(process, urlsplit(address).port or 0, log)
        yield


@contextlib.contextmanager
def nginx_with(text: str, address: str, log: Path) -> Iterator[None]:
    """Run nginx with the text in the ``http`` block of its configuration."""
    program = shutil.which("nginx") or pytest.skip("nginx is not installed")
    folder = log.parent
    configuration = folder / "nginx.conf"
    user = "user www-data;" if os.geteuid() == 0 else ""
    configuration.write_text(_NGINX.format(folder=folder, site=text, user=user))
    with running(program, "-p", folder, "-c", configuration, log=log) as process:
        wait_for(process, urlsplit(address).port or 0, log)
        yield


@contextlib.contextmanager
def caddy_with(text: str, address: str, log: Path) -> Iterator[None]:
    """Run Caddy with the sites in the text, without its interface for administrators and without getting certificates."""
    program = shutil.which("caddy") or pytest.skip("caddy is not installed")
    configuration = log.parent / "Caddyfile"
    configuration.write_text("{\n\tadmin off\n\tauto_https disable_redirects\n"
                             f"\tskip_install_trust\n}}\n{text}")
    places = {"HOME": str(log.parent), "XDG_DATA_HOME": str(log.parent / "data"), "XDG_CONFIG_HOME": str(log.parent / "config")}
    command = (program, "run", "--config", configuration, "--adapter", "caddyfile")
    with running(*command, log=log, environ=places) as process:
        wait_for(process, urlsplit(address).port or 0, log)
        yield


def _settings(root: Path, address: str, others: Mapping[str, Any]) -> dict[str, Any]:
    return {"mirror_file_path": str(root), "base_url": address, "tls_certificate": None, "tls_key": None,
            "index_url": (), "local_packages": None, "external_links": False, **others}
