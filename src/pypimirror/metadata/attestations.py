"""Verification of attestations in provenance files (PEP 740) by pypi-attestations and Sigstore. Sends no request."""

from __future__ import annotations

import importlib.util
import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, missing_library
from ..names import shown
from ..regular_file import open_regular
from .errors import InvalidContent
from .provenance import LARGEST

if TYPE_CHECKING:
    from pypi_attestations import Attestation
    from sigstore.verify import Verifier

#: Maximum number of attestations of one file.
_MOST = 100
#: Maximum size of the trusted root in bytes; Sigstore's own has 7 kB.
_LARGEST_ROOT = 4 << 20
#: Length of messages of the libraries.
_LONGEST = 300


class AttestationVerifier:
    """Verifies that all attestations of a file are about its content, and by the publishers that the provenance names."""

    def __init__(self, trusted_root: str):
        """trusted_root: path of the JSON file. Raises ConfigurationError if it can't be one."""
        self._path = trusted_root
        try:
            with open_regular(trusted_root) as stream:
                document = json.loads(stream.read(_LARGEST_ROOT))
            if not all(document[name] for name in ("tlogs", "certificateAuthorities", "ctlogs")):
                raise ValueError("a part of it is empty")
        except OSError as error:
            raise ConfigurationError(f"trusted_root: {trusted_root}: can't be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ConfigurationError(f"trusted_root: {trusted_root}: is not a trusted root of Sigstore (trusted_root.json), "
                                     "with tlogs, certificateAuthorities and ctlogs") from error
        # The libraries take a while to load, and most runs fetch nothing with provenance.
        if importlib.util.find_spec("pypi_attestations") is None:
            raise missing_library("trusted_root", ModuleNotFoundError(name="pypi_attestations"))

    @cached_property
    def _verifier(self) -> Verifier:
        from sigstore.models import TrustedRoot
        from sigstore.verify import Verifier

        try:
            return Verifier(trusted_root=TrustedRoot.from_file(self._path))
        except Exception as error:  # the libraries raise many kinds
            raise ConfigurationError(f"trusted_root: {self._path}: can't be used: {shown(str(error), _LONGEST)}") from error

    def verify(self, filename: str, sha256: str, provenance: bytes) -> None:
        """Verify all attestations of a file. Raises InvalidContent with the reason if one of them is not valid."""
        from pydantic import ValidationError
        from pypi_attestations import Provenance

        if len(provenance) > LARGEST:
            raise InvalidContent("the provenance is too large")
        try:
            bundles = Provenance.model_validate_json(provenance).attestation_bundles
        except ValidationError as error:
            raise InvalidContent(f"the provenance is not understood: {_first(error)}") from error
        found = [(bundle.publisher, attestation) for bundle in bundles for attestation in bundle.attestations]
        if not found or len(found) > _MOST:
            raise InvalidContent(f"the provenance has {len(found)} attestations, not 1 to {_MOST}")
        for publisher, attestation in found:
            self._verify(filename, sha256, publisher, attestation)

    def _verify(self, filename: str, sha256: str, publisher: Any, attestation: Attestation) -> None:
        verifier = self._verifier
        try:
            # Attestation.verify takes Sigstore's own trusted root out of a cache; with another root these are its steps.
            kind, payload = verifier.verify_dsse(attestation.to_bundle(), publisher._as_policy())
        except Exception as error:  # the libraries raise many kinds for data that are not valid
            why = shown(str(error), _LONGEST)
            raise InvalidContent(f"the attestation of {publisher.kind} does not verify: {why}") from error
        if kind != "application/vnd.in-toto+json":
            raise InvalidContent(f"the attestation is of type {shown(kind)}, not of in-toto")
        _check_statement(payload, filename, sha256)


def _check_statement(payload: bytes, filename: str, sha256: str) -> None:
    """Raise InvalidContent unless a statement is about this file."""
    from pypi_attestations import AttestationType

    try:
        statement = json.loads(payload)
        (subject,) = statement["subject"]
        name, digest, predicate = subject["name"], subject["digest"]["sha256"], statement["predicateType"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidContent("the attestation has no statement about one file") from error
    if digest != sha256:
        raise InvalidContent(f"the attestation is about the sha256 {shown(str(digest))}, not {sha256}")
    if _parsed(name) != _parsed(filename):
        raise InvalidContent(f"the attestation is about {shown(str(name))}")
    if predicate not in {each.value for each in AttestationType}:
        raise InvalidContent(f"the attestation is of an unknown type, {shown(str(predicate))}")


def _parsed(filename: Any) -> Any:
    """Return the parts of a file's name, which may be written in several ways."""
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

    try:
        return parse_wheel_filename(filename) if str(filename).endswith(".whl") else parse_sdist_filename(filename)
    except (InvalidSdistFilename, InvalidWheelFilename):
        return filename


def _first(error: Any) -> str:
    """Return the first fault that pydantic has found, on one line."""
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, fault["loc"]))
    return shown(f"{place}: {fault['msg']}" if place else fault["msg"], _LONGEST)
