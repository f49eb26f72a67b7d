from kinds.timed_filter import MaxAge

from pypimirror.model import Project
from pypimirror.testing.checks import file, settings
from pypimirror.testing.filters import FilterContract

YEARS = 100 * 365 * 86400


class TestMaxAge(FilterContract):
    def make(self):
        return MaxAge(settings(max_age=YEARS))


def test_old_files_are_left_out_and_the_next_change_is_known():
    old = file("one-1.0.tar.gz", upload_time="1900-01-01T00:00:00Z")
    new = file("one-2.0.tar.gz", upload_time="2026-01-01T00:00:00Z")
    project = Project("one", (old, new))
    assert MaxAge(settings(max_age=YEARS)).select(project) == [new]
    assert MaxAge(settings(max_age=YEARS)).next_change(project) == 1767225600 + YEARS
