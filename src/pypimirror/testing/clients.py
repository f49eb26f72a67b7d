"""The contracts of clients and web servers as tests."""

from __future__ import annotations

from typing import Any

from ..interfaces import IClient, IWebServer
from . import checks


class _FileContract:
    """Tests of a component that renders a file."""

    def make(self) -> Any:
        """Return a new component, for a mirror at ``https://pypi.example.com``."""
        raise NotImplementedError

    def test_its_file_has_a_name_without_folders(self) -> None:
        assert checks.is_plain_name(self.make().filename)


class ClientContract(_FileContract):
    """The tests of an ``IClient``. Derived classes have names that begin with ``Test``."""

    def test_it_provides_its_interface(self) -> None:
        client = self.make()
        checks.implements(client, IClient)
        assert isinstance(client.title, str) and client.title

    def test_the_file_has_the_index(self) -> None:
        client = self.make()
        for index in ("https://pypi.example.com/", "file:///srv/pypi/"):
            text = client.render(index)
            assert isinstance(text, str)
            assert index.rstrip("/") in text
            assert text.endswith("\n")
            assert text == client.render(index)


class WebServerContract(_FileContract):
    """The tests of an ``IWebServer``. Derived classes have names that begin with ``Test``."""

    def test_it_provides_its_interface(self) -> None:
        checks.implements(self.make(), IWebServer)

    def test_the_site_serves_the_mirror(self) -> None:
        server = self.make()
        text = server.render()
        assert isinstance(text, str)
        assert "pypi.example.com" in text
        assert text.endswith("\n")
        assert text == server.render()
