from kinds.web_server import Lighttpd

from pypimirror.testing.checks import settings
from pypimirror.testing.clients import WebServerContract


class TestLighttpd(WebServerContract):
    def make(self):
        return Lighttpd(settings(base_url="https://pypi.example.com"))
