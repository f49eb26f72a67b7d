import pytest
from kinds.key import Suffixes, suffixes

from pypimirror.errors import ConfigurationError
from pypimirror.testing.checks import settings
from pypimirror.testing.filters import FilterContract
from pypimirror.testing.mirror import LocalMirror


class TestSuffixes(FilterContract):
    def make(self):
        return Suffixes(settings(suffixes=suffixes(".whl .zip", "/")))


@pytest.mark.parametrize(("value", "found"), [(None, (".tar.gz", ".whl")), (".zip", (".zip",))])
def test_the_settings_have_its_value(tmp_path, value, found):
    keys = {} if value is None else {"suffixes": value}
    mirror = LocalMirror(tmp_path, zcml="kinds:key.zcml", **keys)
    assert mirror.components().settings["suffixes"] == found


def test_a_wrong_value_names_file_and_key(tmp_path):
    mirror = LocalMirror(tmp_path, zcml="kinds:key.zcml", suffixes="whl")
    with pytest.raises(ConfigurationError) as refused:
        mirror.components()
    assert str(refused.value) == f"{mirror.config}: suffixes = 'whl': must be suffixes such as .tar.gz or .whl"
