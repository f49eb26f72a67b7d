"""Which files of a page count in an update that looks back for some days alone."""

from __future__ import annotations

from pypimirror.model import File, Project, Stored
from pypimirror.sync.page_reading import recent

SINCE = 1_600_000_000.0
OLD = File("demo-1.tar.gz", "", upload_time="2001-01-01T00:00:00Z")
HERE = File("demo-2.tar.gz", "", upload_time="2001-01-02T00:00:00Z", stored=Stored("0" * 64, 1))
NEW = File("demo-3.tar.gz", "", upload_time="2030-01-01T00:00:00Z")
UNTOLD = File("demo-4.tar.gz", "")
PAGE = Project("demo", (OLD, HERE._replace(stored=None), NEW, UNTOLD), upstream="https://one.example.com/")


def names(project: Project) -> list[str]:
    return [file.filename for file in project.files]


def test_what_is_older_and_not_here_does_not_count() -> None:
    old = Project("demo", (HERE,), upstream="https://one.example.com/")
    assert names(recent(PAGE, old, SINCE)) == ["demo-2.tar.gz", "demo-3.tar.gz", "demo-4.tar.gz"]
    assert names(recent(PAGE, None, SINCE)) == ["demo-3.tar.gz", "demo-4.tar.gz"]


def test_all_counts_of_another_index_than_the_one_it_was_taken_from_before() -> None:
    old = Project("demo", (HERE,), upstream="https://two.example.com/")
    assert recent(PAGE, old, SINCE) == PAGE
