"""Signatures of manifests by OpenSSH (``ssh-keygen -Y``): keys that administrators have, and no library."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from typing import BinaryIO

from ..errors import ConfigurationError, InvalidBundle
from ..names import shown
from ..regular_file import open_regular

#: The namespace of the signatures; a signature for another purpose is not valid for a bundle (PROTOCOL.sshsig).
NAMESPACE = "pypimirror-bundle"
_PROGRAM = "ssh-keygen"
#: The principals of a line of allowed signers, without quotes; bytes of the file that are read.
_PRINCIPALS, _MOST_ALLOWED = re.compile(r'\s*"?([^#\s"][^\s"]*)'), 1 << 20
#: Maximum bytes of a signature, and of an output.
_MOST = 1 << 16


def sign(path: str, key: str) -> bytes:
    """Return the signature of a file. key: a private key, or a public one whose private key ssh-agent has.

    Reads a passphrase from the terminal. Raises ConfigurationError.
    """
    with open_regular(path) as content:
        done = _run_ssh_keygen(["-Y", "sign", "-q", "-f", key, "-n", NAMESPACE], content, ask=True)
    if done.returncode or not done.stdout:
        raise ConfigurationError(f"--sign {key}: {_last_line(done) or 'no signature was made'}")
    return done.stdout


def check_key(key: str) -> None:
    """Raise ConfigurationError if a key can't be read or ssh-keygen is missing, before an export begins."""
    if not os.path.isfile(key):
        raise ConfigurationError(f"--sign {key}: no such file; create a key with: ssh-keygen -t ed25519 -f {key}")
    done = _run_ssh_keygen(["-l", "-f", key], None)
    if done.returncode:
        raise ConfigurationError(f"--sign {key}: {_last_line(done)}")


def verify(path: str, signature: str, allowed: str) -> str:
    """Return who signed a file. allowed: the file of allowed signers (ssh-keygen(1)).

    Raises InvalidBundle for a signature that is not valid or not of an allowed key, ConfigurationError if ``allowed`` can't be
    read.
    """
    if not os.path.isfile(allowed):
        raise ConfigurationError(f"allowed_signers: {allowed}: no such file")
    if not os.path.exists(signature):
        raise InvalidBundle(f"{signature}: missing; the bundle is not signed, and allowed_signers requires a signature")
    found = _run_ssh_keygen(["-Y", "find-principals", "-f", allowed, "-s", signature], None)
    names = [line for line in found.stdout.decode("utf-8", "replace").splitlines() if line]
    if found.returncode or not names:
        raise InvalidBundle(f"{signature}: signed by a key that is not in {allowed}, or not valid there at this time")
    # One key may have several lines with different namespaces; ssh-keygen finds the first one only.
    for name in dict.fromkeys((*names, *_principals(allowed))):
        with open_regular(path) as content:
            done = _run_ssh_keygen(["-Y", "verify", "-f", allowed, "-I", name, "-n", NAMESPACE, "-s", signature], content)
        if not done.returncode:
            return name
    raise InvalidBundle(f"{signature}: not a valid signature of the manifest for {NAMESPACE}: {_last_line(done)}")


def _principals(allowed: str) -> Iterator[str]:
    """Yield the first principal of each line of a file of allowed signers."""
    with open_regular(allowed) as stream:
        for line in stream.read(_MOST_ALLOWED).decode("utf-8", "replace").splitlines():
            if (found := _PRINCIPALS.match(line)) is not None:
                yield found[1].partition(",")[0].strip()


def _run_ssh_keygen(arguments: list[str], content: BinaryIO | None, ask: bool = False) -> subprocess.CompletedProcess[bytes]:
    """Run ssh-keygen. ask: whether it may ask on the terminal."""
    try:
        return subprocess.run([_PROGRAM, *arguments], stdin=content if content is not None else subprocess.DEVNULL,
                              capture_output=True, check=False, start_new_session=not ask)
    except FileNotFoundError as error:
        raise ConfigurationError("ssh-keygen: not found; install the client of OpenSSH") from error
    except OSError as error:
        raise ConfigurationError(f"ssh-keygen: {error.strerror}") from error


def _last_line(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return the last line that ssh-keygen printed."""
    lines = (done.stderr or done.stdout)[:_MOST].decode("utf-8", "replace").strip().splitlines()
    return shown(lines[-1], 300) if lines else ""
