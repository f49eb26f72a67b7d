"""The bucket policy of the documentation: everybody reads the index, nobody but the mirror what is hidden."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parent.parent / "docs"
POLICY = json.loads((DOCS / "bucket-policy.json").read_text())["Statement"]
DENIAL = json.loads((DOCS / "bucket-deny.json").read_text())
#: What somebody may have permitted for the whole bucket.
CARELESS = {"Effect": "Allow", "Principal": "*", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::pypi-example/*"]}
BUCKET = "arn:aws:s3:::pypi-example/"
MIRROR = "arn:aws:iam::123456789012:user/pypimirror"
OTHER = "arn:aws:iam::210987654321:user/somebody"
PUBLIC = ("pypi/", "pypi/index.html", "pypi/Zope.Interface/", "pypi/0/", "pypi/robots.txt",
          "pypi/zope-interface/", "pypi/zope-interface/index.html", "pypi/full.html",
          "pypi/pins/versions.cfg",
          "pypi/zope-interface/zope_interface-8.0.tar.gz", "pypi/pypi/demo/json", "pypi/pypimirror/pypimirror-1.0.tar.gz")
HIDDEN = ("pypi/.pypimirror/trash/2026/evil-1.0.tar.gz", "pypi/.pypimirror/tmp/0123", "pypi/.pypimirror/mirror",
          "pypi/.pypimirror/", "pypi/.pypimirror/quarantine/x/y/z")
READS = ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAcl", "s3:GetObjectAttributes", "s3:GetObjectTagging")
CHANGES = ("s3:PutObject", "s3:DeleteObject", "s3:ListBucket", "s3:PutObjectAcl", "s3:GetBucketPolicy")


def decided(action: str, key: str, principal: str | None, *more: dict[str, Any]) -> str | None:
    """Evaluate the policy as S3 does: an explicit denial, else an explicit permission, else None.

    principal: the ARN of who asks, None for a request without credentials. more: further statements.
    """
    found = {statement["Effect"] for statement in (*POLICY, *more) if applies(statement, action, key, principal)}
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
    assert decided("s3:GetObject", key, principal, DENIAL) == "Allow"


@pytest.mark.parametrize("key", HIDDEN)
@pytest.mark.parametrize("action", READS)
@pytest.mark.parametrize("principal", [None, OTHER])
def test_nobody_else_reads_the_trash_and_temporary_files(key: str, action: str, principal: str | None) -> None:
    assert decided(action, key, principal) is None
    assert decided(action, key, principal, CARELESS) == "Allow"
    assert decided(action, key, principal, CARELESS, DENIAL) == "Deny"


@pytest.mark.parametrize("key", HIDDEN)
def test_the_mirror_itself_is_not_shut_out(key: str) -> None:
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        assert decided(action, key, MIRROR, DENIAL) is None


@pytest.mark.parametrize("action", CHANGES)
@pytest.mark.parametrize("key", (*PUBLIC, *HIDDEN, "other/secret", "pypi2/index.html"))
def test_nobody_may_do_more_than_read(action: str, key: str) -> None:
    assert decided(action, key, None) != "Allow"
    assert decided(action, key, OTHER) != "Allow"


@pytest.mark.parametrize("key", ["other/secret", "pypi2/index.html", "index.html"])
def test_what_else_is_in_the_bucket_stays_as_it_is(key: str) -> None:
    assert decided("s3:GetObject", key, None) is None
