"""Holds the libraries that can write to an object store against each other, on a store of loopback (moto's server).

    python benchmarks/object_libraries.py boto3 obstore s3fs

needs ``moto[s3] flask flask-cors`` and the libraries that are named. Prints a line of figures for each, measured in a process
of its own: what it takes to import, small and large objects written by eight threads, memory, and what it can do.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import resource
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

THREADS = 8
SMALL, SMALL_SIZE = 1500, 8 << 10
LARGE, LARGE_SIZE, PART = 16, 64 << 20, 8 << 20
BUCKET = "trial"


class Boto3:
    name = "boto3"

    def open(self, endpoint: str) -> None:
        import boto3
        import botocore.config

        self.client = boto3.client("s3", config=botocore.config.Config(max_pool_connections=THREADS))

    def put(self, key: str, body: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=key, Body=body, ChecksumAlgorithm="SHA256")

    def stream(self, key: str, blocks: Any) -> str:
        digest, parts = hashlib.sha256(), []
        upload = self.client.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
        for number, block in enumerate(blocks, 1):
            digest.update(block)
            done = self.client.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=number, Body=block)
            parts.append({"PartNumber": number, "ETag": done["ETag"]})
        self.client.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
        return digest.hexdigest()

    def get(self, key: str) -> bytes:
        return self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def conditional(self) -> None:
        self.client.put_object(Bucket=BUCKET, Key="once", Body=b"1", IfNoneMatch="*")
        try:
            self.client.put_object(Bucket=BUCKET, Key="once", Body=b"2", IfNoneMatch="*")
        except self.client.exceptions.ClientError:
            return
        raise AssertionError("written twice")

    def slash(self) -> None:
        self.put("slash/", b"page")
        keys = [one["Key"] for one in self.client.list_objects_v2(Bucket=BUCKET, Prefix="slash")["Contents"]]
        assert keys == ["slash/"], keys

    def checksum(self) -> None:
        self.put("checked", b"page")
        head = self.client.head_object(Bucket=BUCKET, Key="checked", ChecksumMode="ENABLED")
        assert head["ChecksumSHA256"], head

    def copy(self) -> None:
        self.client.copy_object(Bucket=BUCKET, Key="copied", CopySource={"Bucket": BUCKET, "Key": "once"},
                                MetadataDirective="REPLACE", ContentType="text/html", ChecksumAlgorithm="SHA256")
        assert self.client.head_object(Bucket=BUCKET, Key="copied")["ContentType"] == "text/html"

    def unfinished(self) -> None:
        self.client.create_multipart_upload(Bucket=BUCKET, Key="cut off")
        (left,) = self.client.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
        self.client.abort_multipart_upload(Bucket=BUCKET, Key="cut off", UploadId=left["UploadId"])


class Obstore:
    name = "obstore"

    def open(self, endpoint: str) -> None:
        import obstore
        from obstore.store import S3Store

        self.module = obstore
        self.store = S3Store(BUCKET, endpoint=endpoint, region="us-east-1", virtual_hosted_style_request=False,
                             client_options={"allow_http": True}, aws_checksum_algorithm="SHA256")

    def put(self, key: str, body: bytes) -> None:
        self.module.put(self.store, key, body, use_multipart=False)

    def stream(self, key: str, blocks: Any) -> str:
        digest = hashlib.sha256()
        with self.module.open_writer(self.store, key, buffer_size=PART) as writer:
            for block in blocks:
                digest.update(block)
                writer.write(block)
        return digest.hexdigest()

    def get(self, key: str) -> bytes:
        return bytes(self.module.get(self.store, key).bytes())

    def conditional(self) -> None:
        self.module.put(self.store, "once", b"1", mode="create", use_multipart=False)
        try:
            self.module.put(self.store, "once", b"2", mode="create", use_multipart=False)
        except self.module.exceptions.AlreadyExistsError:
            return
        raise AssertionError("written twice")

    def slash(self) -> None:
        self.put("slash/", b"page")
        keys = [one["path"] for batch in self.module.list(self.store, "slash") for one in batch]
        assert keys == ["slash/"], self.module.head(self.store, "slash/")

    def checksum(self) -> None:
        self.put("checked", b"page")
        head = self.module.head(self.store, "checked")
        assert "sha256" in str(head).lower(), head

    def copy(self) -> None:
        self.module.copy(self.store, "once", "copied", attributes={"Content-Type": "text/html"})

    def unfinished(self) -> None:
        assert hasattr(self.module, "list_multipart"), "no such function"


class S3fs:
    name = "s3fs"

    def open(self, endpoint: str) -> None:
        import s3fs

        self.fs = s3fs.S3FileSystem(endpoint_url=endpoint, use_listings_cache=False)

    def put(self, key: str, body: bytes) -> None:
        self.fs.pipe_file(f"{BUCKET}/{key}", body, ChecksumAlgorithm="SHA256")

    def stream(self, key: str, blocks: Any) -> str:
        digest = hashlib.sha256()
        with self.fs.open(f"{BUCKET}/{key}", "wb", block_size=PART) as stream:
            for block in blocks:
                digest.update(block)
                stream.write(block)
        return digest.hexdigest()

    def get(self, key: str) -> bytes:
        return self.fs.cat_file(f"{BUCKET}/{key}")

    def conditional(self) -> None:
        self.fs.pipe_file(f"{BUCKET}/once", b"1", mode="create")
        try:
            self.fs.pipe_file(f"{BUCKET}/once", b"2", mode="create")
        except FileExistsError:
            return
        raise AssertionError("written twice")

    def slash(self) -> None:
        self.put("slash/", b"page")
        keys = self.fs.call_s3("list_objects_v2", Bucket=BUCKET, Prefix="slash")["Contents"]
        assert [one["Key"] for one in keys] == ["slash/"], keys

    def checksum(self) -> None:
        self.put("checked", b"page")
        head = self.fs.call_s3("head_object", Bucket=BUCKET, Key="checked", ChecksumMode="ENABLED")
        assert head["ChecksumSHA256"], head

    def copy(self) -> None:
        self.fs.copy(f"{BUCKET}/once", f"{BUCKET}/copied", MetadataDirective="REPLACE", ContentType="text/html")
        assert self.fs.info(f"{BUCKET}/copied")["ContentType"] == "text/html"

    def unfinished(self) -> None:
        self.fs.call_s3("create_multipart_upload", Bucket=BUCKET, Key="cut off")
        self.fs.clear_multipart_uploads(BUCKET)


LIBRARIES: dict[str, Callable[[], Any]] = {made.name: made for made in (Boto3, Obstore, S3fs)}
CAN = ("conditional", "slash", "checksum", "copy", "unfinished")


def measure(name: str, endpoint: str) -> dict[str, Any]:
    """Measure one library in this process."""
    began = time.perf_counter()
    importlib.import_module(name)
    library = LIBRARIES[name]()
    library.open(endpoint)
    library.put("first", b"x")
    found: dict[str, Any] = {"library": name, "ready_s": round(time.perf_counter() - began, 2)}
    base = _memory()
    with ThreadPoolExecutor(THREADS) as pool:
        found["small_per_s"], found["small_cpu_ms"] = _timed(
            SMALL, lambda: list(pool.map(lambda n: library.put(f"small/{n}", b"x" * SMALL_SIZE), range(SMALL))))
        found["get_per_s"], found["get_cpu_ms"] = _timed(
            SMALL, lambda: list(pool.map(lambda n: library.get(f"small/{n}"), range(SMALL))))
        block = os.urandom(PART)
        rate, cpu = _timed(LARGE, lambda: list(pool.map(
            lambda n: library.stream(f"large/{n}", (block for _ in range(LARGE_SIZE // PART))), range(LARGE))))
        found["large_mb_per_s"], found["large_cpu_ms_per_mb"] = round(rate * LARGE_SIZE / 1e6), round(cpu * 1e6 / LARGE_SIZE, 2)
    found["memory_mb"] = _memory() - base
    for word in CAN:
        try:
            getattr(library, word)()
            found[word] = "yes"
        except Exception as error:
            found[word] = f"no: {type(error).__name__} {error}"[:160]
    return found


def _timed(count: int, work: Callable[[], object]) -> tuple[int, float]:
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return round(count / (time.perf_counter() - began)), round((time.process_time() - cpu) * 1000 / count, 2)


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Measure the libraries that the command line names, each against a server of its own."""
    if sys.argv[1] == "--one":
        print(json.dumps(measure(sys.argv[2], sys.argv[3])))
        return
    for name in sys.argv[1:]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        endpoint = f"http://127.0.0.1:{port}"
        environ = {**os.environ, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": endpoint,
                   "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
        server = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, env=environ)
        try:
            for _ in range(300):
                try:
                    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT")).close()
                    break
                except OSError:
                    time.sleep(0.1)
            subprocess.run([sys.executable, __file__, "--one", name, endpoint], env=environ, check=True)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
