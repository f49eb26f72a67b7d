"""One bucket of an object store that speaks S3: its requests, by boto3, and what can go wrong with them.

What is told of an error is the object and the store's code, such as ``AccessDenied``, and nothing else that the store says:
credentials are never shown.
"""

from __future__ import annotations

import base64
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..errors import ConfigurationError, StorageError
from ..http.configured_url import configured_url, hidden
from ..secret import register
from ..settings.extras import missing

#: As S3 wants them (its user guide, "Bucket naming rules"), and capitals, which older ones may have.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchUpload"})
#: What the store says of who asks: nothing that asking again helps with.
_REFUSED = frozenset({"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken",
                      "InvalidToken", "NoSuchBucket", "InvalidBucketName", "AllAccessDisabled", "AccountProblem",
                      "PermanentRedirect"})
#: Larger objects can't be copied by one request.
_TOO_LARGE = frozenset({"InvalidRequest", "EntityTooLarge"})


class NoObject(StorageError):
    """There is no such object."""


class RequestRefused(StorageError):
    """The store does not let us, or there is no such bucket."""


class ObjectInfo(NamedTuple):
    """What the store says of an object."""

    size: int
    #: Hex sha256 of the whole content as the store keeps it, or None where it keeps none.
    sha256: str | None
    #: What was put there with it.
    metadata: Mapping[str, str]


class Bucket:
    """A bucket, and in it the prefix that all keys of ours begin with. Makes no request before it is asked to.

    url: ``s3://bucket/prefix``. connections: how many threads use it at once. timeout: seconds; retries: how often a request
    that fails is made again. Raises ConfigurationError for a URL that names no bucket.
    """

    def __init__(self, url: str, connections: int, timeout: int, retries: int):
        place = urlsplit(url)
        if "@" in place.netloc or place.query or place.fragment:
            raise ConfigurationError("mirror_file_path: credentials and options have no place in the URL of an object store; "
                                     "they come from the environment")
        if not _NAME.fullmatch(place.netloc):
            raise ConfigurationError(f"mirror_file_path = {url}: {place.netloc!r} is no name of a bucket; "
                                     "s3://bucket/prefix is meant")
        self.name = place.netloc
        prefix = place.path.strip("/")
        if any(part in ("", ".", "..") for part in prefix.split("/")) and prefix:
            raise ConfigurationError(f"mirror_file_path = {url}: {prefix!r} is no prefix; s3://bucket/prefix is meant")
        self.prefix = f"{prefix}/" if prefix else ""
        self.url = f"s3://{self.name}/{self.prefix}"
        self._options = {"max_pool_connections": connections, "connect_timeout": timeout, "read_timeout": timeout,
                         "retries": {"mode": "standard", "total_max_attempts": retries + 1},
                         # Our own checksums travel as plain headers, which every store understands.
                         "request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
        self._client: Any = None
        self._making = threading.Lock()

    @property
    def client(self) -> Any:
        """The client, made when first asked for. Raises ConfigurationError where boto3 is missing or has no credentials."""
        with self._making:
            if self._client is None:
                self._client = self._made()
            return self._client

    def _made(self) -> Any:
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError
        except ImportError as error:
            raise missing(f"mirror_file_path = {self.url}", error) from error
        _check_environment()
        try:
            session = boto3.session.Session()
            # What no environment tells is no matter to most stores but AWS itself, which has a default region.
            made = session.client("s3", region_name=session.region_name or "us-east-1", config=Config(**self._options))
            if session.get_credentials() is None:
                raise ConfigurationError(f"mirror_file_path = {self.url}: no credentials; set AWS_ACCESS_KEY_ID and "
                                         "AWS_SECRET_ACCESS_KEY, or what else boto3 takes them from")
        except (BotoCoreError, ValueError) as error:
            raise ConfigurationError(f"mirror_file_path = {self.url}: {type(error).__name__}: {_bare(error)}") from error
        return made

    def close(self) -> None:
        """Give connections back; a later request makes new ones."""
        with self._making:
            if self._client is not None:
                self._client.close()
                self._client = None

    # --- requests; keys are those below the prefix

    def head(self, key: str) -> ObjectInfo | None:
        """Ask what the store knows of an object; None if there is none."""
        try:
            found = self._call("head_object", key, ChecksumMode="ENABLED")
        except NoObject:
            return None
        # Names of headers, which some stores give back with capitals.
        metadata = {name.lower(): value for name, value in found.get("Metadata", {}).items()}
        return ObjectInfo(found["ContentLength"], _sha256(found), metadata)

    def blocks(self, key: str, size: int, part: str | None = None) -> Iterator[bytes]:
        """Yield the content in blocks. part: what a Range header says, for a part of it. Raises Absent."""
        stream = self._call("get_object", key, **({"Range": part} if part else {}))["Body"]
        try:
            with self._told(key):
                yield from stream.iter_chunks(size)
        finally:
            stream.close()

    def put(self, key: str, body: bytes, sha256: bytes, headers: Mapping[str, Any]) -> None:
        """Write a whole object. sha256: its digest, which the store checks and keeps. headers: as boto3 calls them."""
        self._call("put_object", key, Body=body, ChecksumAlgorithm="SHA256", ChecksumSHA256=base64.b64encode(sha256).decode(),
                   **headers)

    def copy(self, key: str, target: str, headers: Mapping[str, Any]) -> None:
        """Copy an object within the store, which computes and keeps the sha256 of the whole. Raises Absent."""
        source = {"Bucket": self.name, "Key": self.prefix + key}
        try:
            self._call("copy_object", target, CopySource=source, MetadataDirective="REPLACE", ChecksumAlgorithm="SHA256",
                       **headers)
        except StorageError as error:
            if getattr(error.__cause__, "response", {}).get("Error", {}).get("Code") not in _TOO_LARGE:
                raise
            with self._told(target):
                self.client.copy(source, self.name, self.prefix + target, ExtraArgs={"MetadataDirective": "REPLACE", **headers})

    def delete(self, key: str) -> None:
        """Delete an object, if it is there."""
        self._call("delete_object", key)

    def listdir(self, folder: str, most: int | None = None) -> Iterator[str]:
        """Yield the keys below a folder (empty, or with a slash at its end) up to the next slash, without the folder itself.

        most: how many to ask for at once, where the first answer will do.
        """
        prefix = self.prefix + folder
        more: dict[str, Any] = {"MaxKeys": most} if most else {}
        while True:
            with self._told(folder):
                found = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix, Delimiter="/", **more)
            yield from (one["Prefix"][len(prefix):] for one in found.get("CommonPrefixes", ()))
            yield from (one["Key"][len(prefix):] for one in found.get("Contents", ()) if one["Key"] != prefix)
            if most or not found.get("IsTruncated"):
                return
            more = {"ContinuationToken": found["NextContinuationToken"]}

    # --- objects in parts

    def begin(self, key: str, headers: Mapping[str, Any]) -> str:
        """Begin an object in parts; return what the upload is called."""
        return str(self._call("create_multipart_upload", key, **headers)["UploadId"])

    def part(self, key: str, upload: str, number: int, body: bytes | bytearray) -> dict[str, Any]:
        """Send a part, counted from 1; return what ``complete`` is to name it by."""
        done = self._call("upload_part", key, UploadId=upload, PartNumber=number, Body=body)
        return {"PartNumber": number, "ETag": done["ETag"]}

    def complete(self, key: str, upload: str, parts: list[dict[str, Any]]) -> None:
        """Make the parts an object."""
        self._call("complete_multipart_upload", key, UploadId=upload, MultipartUpload={"Parts": parts})

    def abort(self, key: str, upload: str) -> None:
        """Forget an upload and its parts, if it is there."""
        try:
            self._call("abort_multipart_upload", key, UploadId=upload)
        except NoObject:
            return

    def unfinished(self, folder: str) -> list[tuple[str, str]]:
        """Return the uploads below a folder that were begun and neither completed nor aborted: pairs of key and upload."""
        prefix = self.prefix + folder
        found: list[tuple[str, str]] = []
        more: dict[str, Any] = {}
        while True:
            try:
                with self._told(folder):
                    page = self.client.list_multipart_uploads(Bucket=self.name, Prefix=prefix, **more)
            except NoObject:
                return found  # some stores know no such thing as an empty list of uploads
            found += [(one["Key"][len(self.prefix):], one["UploadId"]) for one in page.get("Uploads", ())]
            if not page.get("IsTruncated"):
                return found
            more = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}

    def _call(self, operation: str, key: str, **arguments: Any) -> Any:
        request: Callable[..., Any] = getattr(self.client, operation)
        with self._told(key):
            return request(Bucket=self.name, Key=self.prefix + key, **arguments)

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        """Turn what boto3 raises into an error that names the object. Raises StorageError, Absent, Refused."""
        client = self.client
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except client.exceptions.ClientError as error:
            assert isinstance(error, ClientError)
            code = str(error.response.get("Error", {}).get("Code", "unknown"))
            kind = NoObject if code in _ABSENT else RequestRefused if code in _REFUSED else StorageError
            raise kind(f"{self.url}{key}: the store answers {code}") from error
        except (BotoCoreError, Boto3Error) as error:
            raise StorageError(f"{self.url}{key}: {_bare(error)}") from error


def _check_environment() -> None:
    """Raise ConfigurationError for an endpoint that is no URL, and have the environment's secrets removed from all messages."""
    for name, value in os.environ.items():
        if name.startswith("AWS_ENDPOINT_URL") and value:
            try:
                configured_url(value)
            except ValueError as error:
                raise ConfigurationError(f"{name}: must be {error}") from None
        elif name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            register(value)


def _bare(error: Exception) -> str:
    """Give what an error says on one line, without credentials that an endpoint's URL may hold and without queries."""
    text = hidden(" ".join(str(error).split()))
    return re.sub(r"\?[^\s\"']*", "", text)


def _sha256(found: Mapping[str, Any]) -> str | None:
    """Give the sha256 of the whole content; that of an object in parts is one of its parts' digests, and no use here."""
    kept = found.get("ChecksumSHA256")
    if not kept or "-" in kept or "-" in found.get("ETag", "") or found.get("ChecksumType") == "COMPOSITE":
        return None
    try:
        return base64.b64decode(kept, validate=True).hex()
    except ValueError:
        return None
