"""A web server: ``pypimirror CONFIG webserver lighttpd`` prints its site configuration."""

from urllib.parse import urlsplit

from zope.interface import implementer

from pypimirror.errors import ConfigurationError
from pypimirror.interfaces import IWebServer


@implementer(IWebServer)
class Lighttpd:
    """Serves the HTML pages. The state, the trash and unfinished files in ``.pypimirror`` stay private."""

    filename = "lighttpd.conf"

    def __init__(self, settings):
        self._root, self._address = settings["mirror_file_path"], settings["base_url"]

    def render(self):
        if not self._address or '"' in self._root:
            raise ConfigurationError("lighttpd needs a base_url, and a mirror_file_path without quotes")
        return (f'$HTTP["host"] == "{urlsplit(self._address).netloc}" {{\n'
                f'    server.document-root = "{self._root}"\n'
                '    index-file.names = ( "index.html" )\n'
                '    $HTTP["url"] =~ "^/\\.pypimirror" { url.access-deny = ( "" ) }\n}\n')
