"""The contract of a storage, kept by an object store, and what only an object store has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pypimirror.errors import ConfigurationError, StorageError
from pypimirror.storage import bucket as buckets
from pypimirror.storage.object_upload import PART
from pypimirror.storage.s3 import S3Storage
from pypimirror.testing.storage import StorageContract, settings
from support.object_store import PREFIX, SECRET, Store

PAGE = "text/html; charset=utf-8"
DAY = "public, max-age=600"


class TestObjectStore(StorageContract):
    @pytest.fixture(autouse=True)
    def place(self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in store.environ.items():
            monkeypatch.setenv(name, value)
        self.store, self.state, self.bucket = store, tmp_path, store.bucket()
        self.large = 2 * PART + 1

    def make(self, prefix: str = f"/{PREFIX}", **others: object) -> S3Storage:
        return S3Storage(settings(f"s3://{self.bucket}{prefix}", str(self.state),
                                    **{"folder_keys": self.store.folder_keys, **others}))

    def head(self, key: str) -> dict[str, object]:
        found = self.store.client.head_object(Bucket=self.bucket, Key=key)
        return {**found, "Metadata": {name.lower(): value for name, value in found["Metadata"].items()}}

    def keys(self) -> list[str]:
        return [one["Key"] for one in self.store.client.list_objects_v2(Bucket=self.bucket).get("Contents", ())]

    def test_a_reader_sees_the_old_or_the_new_whole(self) -> None:
        if self.store.name != "moto":
            pytest.skip(f"{self.store.name} keeps objects in files that it writes in their place")
        super().test_a_reader_sees_the_old_or_the_new_whole()

    def test_clients_and_caches_are_told_what_is_right(self) -> None:
        storage = self.ready()
        for path, kind, cache in (
                ("one/index.html", PAGE, DAY), ("one/index.v1_json", "application/vnd.pypi.simple.v1+json", DAY),
                ("pypi/one/json", "application/json", DAY), ("pins/versions.cfg", "text/plain; charset=utf-8", DAY),
                ("one/one-1.tar.gz", "application/octet-stream", "public, max-age=31536000, immutable"),
                ("one/one-1-py3-none-any.whl.metadata", "application/octet-stream", "public, max-age=31536000, immutable"),
                (".pypimirror/trash/file", "application/octet-stream", "no-store")):
            for size in (1, PART + 1) if path == "one/index.html" else (1,):
                storage.write(path, [b"x" * size])
                found = self.head(f"{PREFIX}/{path}")
                assert (found["ContentType"], found["CacheControl"], found.get("ContentEncoding")) == (kind, cache, None)
                assert found["Metadata"] == {"sha256": storage.digest(path)}
            storage.move(path, f"{path}.moved")
            storage.move(f"{path}.moved", path)
            found = self.head(f"{PREFIX}/{path}")
            assert (found["ContentType"], found["CacheControl"]) == (kind, cache)
            # The store has the time of the copy for its own.
            assert found["Metadata"] == {"sha256": storage.digest(path), "modified": f"{storage.modified(path):.0f}"}

    @pytest.mark.parametrize("prefix", ["", f"/{PREFIX}", f"/{PREFIX}/deep/"])
    def test_a_page_lies_under_the_key_of_its_folder_too(self, prefix: str) -> None:
        if not self.store.folder_keys:
            pytest.skip(f"{self.store.name} takes no key that ends in a slash")
        storage = self.make(prefix)
        storage.prepare()
        base = f"{prefix.strip('/')}/".lstrip("/")
        for page in ("one/index.html", "index.html"):
            storage.write(page, [b"page"])
            storage.write(page, [b"x" * (PART + 1)])
            storage.write(page, [b"new page"])
        twins = [key for key in self.keys() if key.endswith("/")]
        assert twins == sorted(filter(None, (base, f"{base}one/")))
        for key in twins:
            assert self.head(key)["ContentType"] == PAGE
            assert self.store.client.get_object(Bucket=self.bucket, Key=key)["Body"].read() == b"new page"
        assert storage.listdir("one") == ["index.html"]
        storage.remove("one/index.html")
        storage.remove("index.html")
        assert not [key for key in self.keys() if key.endswith("/")]

    def test_such_keys_can_be_left_out(self) -> None:
        storage = self.make(folder_keys=False)
        storage.prepare()
        storage.write("one/index.html", [b"page"])
        assert not [key for key in self.keys() if key.endswith("/")]

    def test_the_page_under_the_key_of_a_folder_can_be_json(self) -> None:
        if not self.store.folder_keys:
            pytest.skip(f"{self.store.name} takes no key that ends in a slash")
        storage = self.make(folder_key_format="json")
        storage.prepare()
        storage.write("one/index.html", [b"page"])
        storage.write("one/index.v1_json", [b"{}"])
        (twin,) = (key for key in self.keys() if key.endswith("/"))
        assert self.head(twin)["ContentType"] == "application/vnd.pypi.simple.v1+json"
        storage.remove("one/index.v1_json")
        assert not [key for key in self.keys() if key.endswith("/")]

    def test_the_digest_is_the_stores_own_and_costs_no_download(self) -> None:
        storage = self.ready()
        if self.store.name != "moto":
            pytest.skip("only moto tells what it was asked for")
        for size in (10, self.large):
            storage.write("one/file", [b"x" * size])
            storage.move("one/file", "two/file")
            self.store.asked()
            assert storage.digest("two/file")
            assert [request.partition(" ")[0] for request in self.store.asked()] == ["HEAD"]

    def test_what_somebody_else_put_there_is_hashed_as_it_is(self) -> None:
        storage = self.ready()
        storage.write("one/file", [b"ours"])
        before = storage.digest("one/file")
        self.store.client.put_object(Bucket=self.bucket, Key=f"{PREFIX}/one/file", Body=b"hers")
        assert storage.digest("one/file") != before
        assert storage.read("one/file") == b"hers"

    def test_a_digest_of_parts_is_none_of_the_whole(self) -> None:
        storage, client, key = self.ready(), self.store.client, f"{PREFIX}/one/file"
        upload = client.create_multipart_upload(Bucket=self.bucket, Key=key, ChecksumAlgorithm="SHA256")["UploadId"]
        done = [client.upload_part(Bucket=self.bucket, Key=key, UploadId=upload, PartNumber=n, Body=b"x" * size,
                                   ChecksumAlgorithm="SHA256") for n, size in ((1, 5 << 20), (2, 7))]
        parts = [{"PartNumber": n, "ETag": one["ETag"]} for n, one in enumerate(done, 1)]
        client.complete_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
        found = storage.digest("one/file")
        storage.write("two/file", [b"x" * ((5 << 20) + 7)])
        assert found == storage.digest("two/file")

    def test_what_is_too_large_for_one_copy_is_copied_in_parts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        storage = self.ready()
        storage.write("one/file", [b"x" * self.large])
        client, real = storage.bucket.client, storage.bucket.client.copy_object

        def refusing(**arguments: object) -> object:
            raise client.exceptions.ClientError({"Error": {"Code": "InvalidRequest"}}, "CopyObject")

        monkeypatch.setattr(client, "copy_object", refusing)
        if self.store.name == "moto":
            storage.move("one/file", "two/file")
            monkeypatch.setattr(client, "copy_object", real)
            assert storage.read("two/file") == b"x" * self.large
            assert self.head(f"{PREFIX}/two/file")["ContentType"] == "application/octet-stream"

    def test_long_lists_come_in_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        storage = self.ready()
        names = [f"file{number}" for number in range(7)] + ["deep/"]
        for name in names:
            storage.write(f"one/{name}file" if name == "deep/" else f"one/{name}", [b"a"])
        real = storage.bucket.client.list_objects_v2
        monkeypatch.setattr(storage.bucket.client, "list_objects_v2", lambda **given: real(**{"MaxKeys": 2, **given}))
        assert storage.listdir("one") == sorted(names)

    def test_what_is_no_mirror_is_refused(self) -> None:
        self.store.client.put_object(Bucket=self.bucket, Key=f"{PREFIX}/strange/file", Body=b"x")
        with pytest.raises(ConfigurationError, match=f"s3://{self.bucket}/{PREFIX}/: neither empty nor a mirror"):
            self.make().check()

    def test_a_mirror_that_was_copied_there_is_one(self) -> None:
        for path in ("one/index.html", ".pypimirror/state.sqlite"):
            self.store.client.put_object(Bucket=self.bucket, Key=f"{PREFIX}/{path}", Body=b"x")
        self.make().check()

    def test_what_others_put_beside_the_prefix_is_no_business_of_ours(self) -> None:
        self.store.client.put_object(Bucket=self.bucket, Key=f"{PREFIX}-other/file", Body=b"x")
        assert self.ready().listdir("") == [".pypimirror/"]

    def test_no_bucket_is_told_in_one_line(self) -> None:
        with pytest.raises(ConfigurationError, match="s3://nosuchbucket/x/: the store answers NoSuchBucket; check the bucket"):
            S3Storage(settings("s3://nosuchbucket/x", str(self.state))).check()

    def test_a_store_that_cant_be_reached_is_told_in_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://somebody:hidden@127.0.0.1:9")
        with pytest.raises(StorageError) as raised:
            self.make(retries=0).check()
        assert str(raised.value).startswith(f"s3://{self.bucket}/{PREFIX}/.pypimirror/mirror: Could not connect")
        assert "hidden" not in str(raised.value) and SECRET not in str(raised.value)

    def test_no_credentials_are_told_in_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        with pytest.raises(ConfigurationError, match="no credentials; set AWS_ACCESS_KEY_ID"):
            self.make().check()

    @pytest.mark.parametrize("url", ["s3://", "s3:///prefix", "s3://b", "s3://bucket/a/../b", "s3://bucket//a//b",
                                     "s3://buck et/a"])
    def test_a_url_that_names_no_place_is_refused(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="mirror_file_path = "):
            S3Storage(settings(url, str(self.state))).check()

    @pytest.mark.parametrize("url", [f"s3://key:{SECRET}@bucket/a", f"s3://bucket/a?secret={SECRET}"])
    def test_credentials_in_a_url_are_refused_and_not_shown(self, url: str) -> None:
        with pytest.raises(ConfigurationError) as raised:
            S3Storage(settings(url, str(self.state))).check()
        assert SECRET not in str(raised.value)


def test_boto3_is_loaded_by_mirrors_in_object_stores_alone() -> None:
    code = ("import sys; from pypimirror.zcml import registry; registry.load(()); "
            "from pypimirror.storage.s3 import S3Storage; "
            "from pypimirror.testing.storage import settings; S3Storage(settings('s3://bucket', '/state')).bucket; "
            "print([name for name in sys.modules if name.startswith('boto')])")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_missing_library_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ConfigurationError, match=r"needs boto3, which is not installed; it comes with .*\[objectstore\]"):
        buckets.Bucket("s3://bucket/x", 1, 1, 0).head("key")
