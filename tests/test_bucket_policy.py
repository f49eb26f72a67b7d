"""The bucket policy of the documentation: everybody reads the index, nobody but the mirror what is hidden."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

POLICY = json.loads((Path(__file__).parent.parent / "docs" / "bucket-policy.json").read_text())
BUCKET = "arn:aws:s3:::pypi-example/"
MIRROR = "arn:aws:iam::123456789012:user/pypimirror"
OTHER = "arn:aws:iam::210987654321:user/somebody"
PUBLIC = ("pypi/index.html", "pypi/zope-interface/", "pypi/zope-interface/index.html", "pypi/full.html", "pypi/pins/versions.cfg",
          "pypi/zope-interface/zope_interface-8.0.tar.gz", "pypi/pypi/demo/json", "pypi/pypimirror/pypimirror-1.0.tar.gz")
HIDDEN = ("pypi/.pypimirror/trash/2026/evil-1.0.tar.gz", "pypi/.pypimirror/tmp/0123", "pypi/.pypimirror/mirror",
          "pypi/.pypimirror/", "pypi/.pypimirror/quarantine/x/y/z")
READS = ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAcl", "s3:GetObjectAttributes", "s3:GetObjectTagging")
CHANGES = ("s3:PutObject", "s3:DeleteObject", "s3:ListBucket", "s3:PutObjectAcl", "s3:GetBucketPolicy")


def decided(action: str, key: str, principal: str | None) -> str | None:
    """Evaluate the policy as S3 does: an explicit denial, else an explicit permission, else None.

    principal: the ARN of who asks, None for a request without credentials.
    """
    found = {statement["Effect"] for statement in POLICY["Statement"] if applies(statement, action, key, principal)}
    return "Deny" if "Deny" in found else "Allow" if found else None


def applies(statement: dict[str, Any], action: str, key: str, principal: str | None) -> bool:
    assert set(statement) <= {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    assert statement["Principal"] == "*"
    if not any(fnmatchcase(action, one) for one in statement["Action"]):
        return False
    if not any(fnmatchcase(BUCKET + key, one) for one in statement["Resource"]):
        return False
    for operator, keys in statement.get("Condition", {}).items():
        # Of a negated operator that meets no value, S3 says that it holds.
        assert (operator, set(keys)) == ("ArnNotEquals", {"aws:PrincipalArn"})
        if principal in keys["aws:PrincipalArn"]:
            return False
    return True


@pytest.mark.parametrize("key", PUBLIC)
@pytest.mark.parametrize("principal", [None, OTHER, MIRROR])
def test_everybody_reads_the_index(key: str, principal: str | None) -> None:
    assert decided("s3:GetObject", key, principal) == "Allow"


@pytest.mark.parametrize("key", HIDDEN)
@pytest.mark.parametrize("action", READS)
@pytest.mark.parametrize("principal", [None, OTHER])
def test_nobody_else_reads_the_trash_and_temporary_files(key: str, action: str, principal: str | None) -> None:
    assert decided(action, key, principal) == "Deny"


@pytest.mark.parametrize("key", HIDDEN)
def test_the_mirror_itself_is_not_shut_out(key: str) -> None:
    assert decided("s3:GetObject", key, MIRROR) != "Deny"
    assert decided("s3:PutObject", key, MIRROR) != "Deny"


@pytest.mark.parametrize("action", CHANGES)
@pytest.mark.parametrize("key", (*PUBLIC, *HIDDEN, "other/secret", "pypi2/index.html"))
def test_nobody_may_do_more_than_read(action: str, key: str) -> None:
    assert decided(action, key, None) != "Allow"
    assert decided(action, key, OTHER) != "Allow"


@pytest.mark.parametrize("key", ["other/secret", "pypi2/index.html", "index.html"])
def test_what_else_is_in_the_bucket_stays_as_it_is(key: str) -> None:
    assert decided("s3:GetObject", key, None) is None
