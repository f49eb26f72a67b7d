"""Requests to one S3 bucket with boto3, and the translation of its errors.

Error messages have the object and the store's error code, such as ``AccessDenied``. The store's own text is left out, since it
may contain credentials.
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

from ..errors import ConfigurationError, StorageError, missing_library
from ..http.configured_url import configured_url, hidden
from ..secret import register

#: Bucket names (S3 user guide, "Bucket naming rules"); older buckets may have capitals.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchUpload"})
#: Error codes for wrong credentials and wrong buckets; retrying does not help.
_REFUSED = frozenset({"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken",
                      "InvalidToken", "NoSuchBucket", "InvalidBucketName", "AllAccessDisabled", "AccountProblem",
                      "PermanentRedirect"})
#: Error codes for an object too large for a single copy request.
_TOO_LARGE = frozenset({"InvalidRequest", "EntityTooLarge"})


class NoObject(StorageError):
    """The object does not exist."""


class RequestRefused(StorageError):
    """Access is denied, or the bucket does not exist."""


class ObjectInfo(NamedTuple):
    """Size, checksum and metadata of an object."""

    size: int
    #: Hex sha256 of the whole content, or None if the store has none.
    sha256: str | None
    #: User-defined metadata.
    metadata: Mapping[str, str]
    #: When it was written, in seconds since 1970.
    written: float


class Bucket:
    """A bucket and the prefix of the mirror's keys. Makes no request when it is created.

    url: ``s3://bucket/prefix``. connections: the number of threads that use it at once. timeout: in seconds. retries: of a
    failed request. Raises ConfigurationError if the URL does not name a bucket.
    """

    def __init__(self, url: str, connections: int, timeout: int, retries: int):
        place = urlsplit(url)
        if "@" in place.netloc or place.query or place.fragment:
            raise ConfigurationError("mirror_file_path: credentials and options are not allowed in the URL of an object store; "
                                     "set them in the environment")
        if not _NAME.fullmatch(place.netloc):
            raise ConfigurationError(f"mirror_file_path = {url}: {place.netloc!r} is not the name of a bucket; "
                                     "expected s3://bucket/prefix")
        self.name = place.netloc
        prefix = place.path.strip("/")
        if any(part in ("", ".", "..") for part in prefix.split("/")) and prefix:
            raise ConfigurationError(f"mirror_file_path = {url}: {prefix!r} is not a prefix; expected s3://bucket/prefix")
        self.prefix = f"{prefix}/" if prefix else ""
        self.url = f"s3://{self.name}/{self.prefix}"
        self._options = {"max_pool_connections": connections, "connect_timeout": timeout, "read_timeout": timeout,
                         "retries": {"mode": "standard", "total_max_attempts": retries + 1},
                         # The checksums of this module are plain headers, which all stores support.
                         "request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
        self._client: Any = None
        self._making = threading.Lock()

    @property
    def client(self) -> Any:
        """The boto3 client, created on first access. Raises ConfigurationError if boto3 or credentials are missing."""
        with self._making:
            if self._client is None:
                self._client = self._create_client()
            return self._client

    def _create_client(self) -> Any:
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError
        except ImportError as error:
            raise missing_library(f"mirror_file_path = {self.url}", error) from error
        _check_environment()
        try:
            session = boto3.session.Session()
            # Most stores ignore the region; AWS has a default one.
            made = session.client("s3", region_name=session.region_name or "us-east-1", config=Config(**self._options))
            if session.get_credentials() is None:
                raise ConfigurationError(f"mirror_file_path = {self.url}: no credentials; set AWS_ACCESS_KEY_ID and "
                                         "AWS_SECRET_ACCESS_KEY, or another source that boto3 reads")
        except (BotoCoreError, ValueError) as error:
            raise ConfigurationError(f"mirror_file_path = {self.url}: {type(error).__name__}: {_bare(error)}") from error
        return made

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        with self._making:
            if self._client is not None:
                self._client.close()
                self._client = None

    # --- requests; all keys are relative to the prefix

    def head(self, key: str) -> ObjectInfo | None:
        """Return the size, checksum and metadata of an object, or None if it does not exist."""
        try:
            found = self._call("head_object", key, ChecksumMode="ENABLED")
        except NoObject:
            return None
        # Metadata names are header names; some stores capitalise them.
        metadata = {name.lower(): value for name, value in found.get("Metadata", {}).items()}
        return ObjectInfo(found["ContentLength"], _sha256(found), metadata, found["LastModified"].timestamp())

    def blocks(self, key: str, size: int, part: str | None = None) -> Iterator[bytes]:
        """Yield the content in blocks. part: the value of a Range header. Raises NoObject."""
        stream = self._call("get_object", key, **({"Range": part} if part else {}))["Body"]
        try:
            with self._errors_translated(key):
                yield from stream.iter_chunks(size)
        finally:
            stream.close()

    def put(self, key: str, body: bytes, sha256: bytes, arguments: Mapping[str, Any]) -> None:
        """Write an object. sha256: its digest, which the store verifies and keeps. arguments: more of ``put_object``."""
        self._call("put_object", key, Body=body, ChecksumAlgorithm="SHA256", ChecksumSHA256=base64.b64encode(sha256).decode(),
                   **arguments)

    def copy(self, key: str, target: str, arguments: Mapping[str, Any]) -> None:
        """Copy an object within the store, which computes and keeps the sha256 of the content. Raises NoObject.

        arguments: more of ``copy_object``.
        """
        source = {"Bucket": self.name, "Key": self.prefix + key}
        try:
            self._call("copy_object", target, CopySource=source, MetadataDirective="REPLACE", ChecksumAlgorithm="SHA256",
                       **arguments)
        except StorageError as error:
            if getattr(error.__cause__, "response", {}).get("Error", {}).get("Code") not in _TOO_LARGE:
                raise
            with self._errors_translated(target):
                self.client.copy(source, self.name, self.prefix + target,
                                 ExtraArgs={"MetadataDirective": "REPLACE", **arguments})

    def delete(self, key: str) -> None:
        """Delete an object; a missing one is not an error."""
        self._call("delete_object", key)

    def listdir(self, folder: str, most: int | None = None) -> Iterator[str]:
        """Yield the names in a folder: keys below it up to the next slash, without the folder itself.

        folder: empty, or with a trailing slash. most: the maximum number of names; only one request is made then.
        """
        prefix = self.prefix + folder
        more: dict[str, Any] = {"MaxKeys": most} if most else {}
        while True:
            with self._errors_translated(folder):
                found = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix, Delimiter="/", **more)
            yield from (one["Prefix"][len(prefix):] for one in found.get("CommonPrefixes", ()))
            yield from (one["Key"][len(prefix):] for one in found.get("Contents", ()) if one["Key"] != prefix)
            if most or not found.get("IsTruncated"):
                return
            more = {"ContinuationToken": found["NextContinuationToken"]}

    # --- multipart uploads

    def begin(self, key: str, headers: Mapping[str, Any]) -> str:
        """Begin a multipart upload; return its id."""
        return str(self._call("create_multipart_upload", key, **headers)["UploadId"])

    def part(self, key: str, upload: str, number: int, body: bytes | bytearray) -> dict[str, Any]:
        """Upload a part; return its entry for ``complete``. number: counted from 1."""
        done = self._call("upload_part", key, UploadId=upload, PartNumber=number, Body=body)
        return {"PartNumber": number, "ETag": done["ETag"]}

    def complete(self, key: str, upload: str, parts: list[dict[str, Any]]) -> None:
        """Complete a multipart upload."""
        self._call("complete_multipart_upload", key, UploadId=upload, MultipartUpload={"Parts": parts})

    def abort(self, key: str, upload: str) -> None:
        """Abort a multipart upload and delete its parts; a missing one is not an error."""
        try:
            self._call("abort_multipart_upload", key, UploadId=upload)
        except NoObject:
            return

    def unfinished(self, folder: str) -> list[tuple[str, str]]:
        """Return the multipart uploads below a folder that were neither completed nor aborted: pairs of key and upload id."""
        prefix = self.prefix + folder
        found: list[tuple[str, str]] = []
        more: dict[str, Any] = {}
        while True:
            try:
                with self._errors_translated(folder):
                    page = self.client.list_multipart_uploads(Bucket=self.name, Prefix=prefix, **more)
            except NoObject:
                return found  # some stores answer 404 in place of an empty list
            found += [(one["Key"][len(self.prefix):], one["UploadId"]) for one in page.get("Uploads", ())]
            if not page.get("IsTruncated"):
                return found
            more = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}

    def _call(self, operation: str, key: str, **arguments: Any) -> Any:
        request: Callable[..., Any] = getattr(self.client, operation)
        with self._errors_translated(key):
            return request(Bucket=self.name, Key=self.prefix + key, **arguments)

    @contextmanager
    def _errors_translated(self, key: str) -> Iterator[None]:
        """Translate errors of boto3 into StorageError, NoObject or RequestRefused, with the object's URL."""
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
    """Validate the endpoint URLs in the environment, and register its secrets for redaction. Raises ConfigurationError."""
    for name, value in os.environ.items():
        if name.startswith("AWS_ENDPOINT_URL") and value:
            try:
                configured_url(value)
            except ValueError as error:
                raise ConfigurationError(f"{name}: must be {error}") from None
        elif name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            register(value)


def _bare(error: Exception) -> str:
    """Return the text of an error on one line, without the credentials and queries of URLs."""
    text = hidden(" ".join(str(error).split()))
    return re.sub(r"\?[^\s\"']*", "", text)


def _sha256(found: Mapping[str, Any]) -> str | None:
    """Return the sha256 of the whole content, or None: a multipart object has a checksum of its parts' checksums only."""
    kept = found.get("ChecksumSHA256")
    if not kept or "-" in kept or "-" in found.get("ETag", "") or found.get("ChecksumType") == "COMPOSITE":
        return None
    try:
        return base64.b64decode(kept, validate=True).hex()
    except ValueError:
        return None
