"""Contracts of the files for clients and web servers."""

from __future__ import annotations

from zope.interface import Attribute, Interface


class IClient(Interface):
    """Renders the configuration file of a client. Named; selected by the verb ``client``; adapts the settings."""

    filename: str = Attribute("The usual name of the file, such as ``pip.conf``; that of the file in a buildout's part.")
    title: str = Attribute("The heading above the file on the landing page, such as 'pip, in pip.conf'.")

    def render(index: str) -> str:
        """Return a file with which the client uses only this index.

        index: its URL with a trailing slash; a ``file:`` URL for clients on the mirror's host if there is no ``base_url``.
        """


class IWebServer(Interface):
    """Renders a site configuration. Named; selected by the verb ``webserver``; adapts the settings."""

    filename: str = Attribute("The name of the file in a buildout's part, such as ``nginx.conf``.")

    def render() -> str:
        """Return a complete site configuration that serves the mirror at ``base_url``.

        Raises ConfigurationError for a value that can't be written into it.
        """


class ICertificateSite(IWebServer):
    """A web server whose site answers the challenges of an ACME client from ``acme_directory``."""

    def render_before_certificate() -> str:
        """Return a site that needs no certificate and answers challenges.

        Raises ConfigurationError if ``base_url`` is not https.
        """
