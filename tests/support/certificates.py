"""Certificates for tests, made with the openssl command, and upstreams behind TLS."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from support.upstream import Upstream

_EXTENSIONS = {"ca": "basicConstraints=critical,CA:TRUE", "server": "subjectAltName=IP:127.0.0.1,DNS:localhost",
               "client": "extendedKeyUsage=clientAuth", "other-server": "subjectAltName=DNS:elsewhere.example.com",
               "localhost": "extendedKeyUsage=serverAuth"}


def authority(folder: Path) -> Path:
    """Make an authority and certificates by it: ``<name>.pem`` and ``<name>.key`` in the folder, which is given back."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    _run(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
         "-subj", "/CN=Authority of tests", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", "ca.key",
         "-out", "ca.pem")
    for name in ("server", "client", "other-server", "localhost"):
        (folder / "extensions").write_text(_EXTENSIONS[name])
        _run(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
             "-keyout", f"{name}.key", "-out", f"{name}.csr")
        _run(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
             "-days", "30", "-extfile", "extensions", "-out", f"{name}.pem")
    (folder / "both.pem").write_text((folder / "client.pem").read_text() + (folder / "client.key").read_text())
    _run(folder, "ec", "-in", "client.key", "-aes256", "-passout", "pass:secret", "-out", "locked.key")
    return folder


def _run(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)


class SecureUpstream(Upstream):
    """An upstream behind TLS; may ask for certificates of its clients: of all, or ``later``, when one of its answers does."""

    def __init__(self, folder: Path, name: str = "server", asks: bool = False, later: bool = False):
        super().__init__()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
        context.post_handshake_auth = later
        if asks or later:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(folder / "ca.pem")
        self._server.handle_error = lambda request, address: None  # refused handshakes
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def host(self) -> str:
        return f"https://127.0.0.1:{self._server.server_address[1]}"
