"""The fetcher, against a server that breaks off."""

import socket
import threading

import pytest

from pypimirror.errors import FetchError
from pypimirror.fetch.http import RequestsFetcher


class Receiver:
    def __init__(self):
        self.body = b""

    def start(self, head):
        assert head.status == 200

    def write(self, block):
        self.body += block


def test_a_body_that_ends_early_is_an_error_that_may_pass():
    with socket.create_server(("127.0.0.1", 0)) as server:
        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it")

        thread = threading.Thread(target=answer)
        thread.start()
        fetcher, receiver = RequestsFetcher({"timeout": 30, "ca_bundle": None, "client_cert": (), "proxy": None}), Receiver()
        with pytest.raises(FetchError, match="the connection ended in the middle of the body") as caught:
            fetcher.fetch(f"http://127.0.0.1:{server.getsockname()[1]}/", receiver)
        thread.join()
        fetcher.close()
    assert caught.value.transient
    assert b"half of it".startswith(receiver.body)
