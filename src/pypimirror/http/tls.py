"""Certificates: the trusted authorities, and checks of the configured files before the first request."""

from __future__ import annotations

import os

from ..errors import ConfigurationError
from ..interfaces import ISettings
from ..regular_file import open_regular

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def check(settings: ISettings) -> None:
    """Raise ConfigurationError for certificates and keys that are unreadable or invalid."""
    bundle, certificate = settings["ca_bundle"], settings["client_cert"]
    if not (bundle or certificate):
        return
    import ssl  # loaded only if needed

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if bundle:
        try:
            _check_kind(bundle)
            context.load_verify_locations(**{"capath" if os.path.isdir(bundle) else "cafile": bundle})
        except OSError as error:
            raise ConfigurationError(f"ca_bundle: {bundle}: {_why(error)}") from error
    if certificate:
        try:
            for path in certificate:
                _check_kind(path)
            # Without a password: there is no terminal to type one.
            context.load_cert_chain(certificate[0], certificate[-1], password=b"")
        except OSError as error:
            raise ConfigurationError(f"client_cert: {' '.join(certificate)}: {_why(error)}") from error


def _check_kind(path: str) -> None:
    """Raise OSError for a FIFO or a device, on which the TLS library would block."""
    if not os.path.isdir(path):
        open_regular(path).close()


def bundle(settings: ISettings) -> str:
    """Return the file or directory of trusted authorities: the configured one, else the one that requests uses."""
    found = settings["ca_bundle"] or next(filter(None, map(os.environ.get, _BUNDLES)), None)
    if found is None:
        import certifi  # a dependency of requests; loaded only for TLS

        found = certifi.where()
    return str(found)


def library() -> str:
    """Return the TLS library of Python, with its version."""
    import ssl

    return ssl.OPENSSL_VERSION


def bundle_origin(settings: ISettings) -> str:
    """Return where the bundle of certificates comes from: a key, a variable of the environment, or a library."""
    return "ca_bundle" if settings["ca_bundle"] else next(filter(os.environ.get, _BUNDLES), "certifi")


def _why(error: OSError) -> str:
    if error.errno is None or os.strerror(error.errno) != error.strerror:  # of TLS, not of the system
        return "no certificates in PEM, or no matching key without a password"
    return error.strerror or str(error)
