from kinds.client import Conda

from pypimirror.testing.checks import settings
from pypimirror.testing.clients import ClientContract


class TestConda(ClientContract):
    def make(self):
        return Conda(settings())
