"""The fetcher, against a server that breaks off."""

import contextlib
import socket
import threading

import pytest

import ways
from pypimirror.errors import FetchError
from pypimirror.http.requests_fetcher import RequestsFetcher

SETTINGS = {"timeout": 30, "ca_bundle": None, "client_cert": (), "proxy": None}


class Receiver:
    def __init__(self):
        self.body = b""

    def start(self, head):
        assert head.status == 200

    def write(self, block):
        self.body += block


@pytest.mark.parametrize("way", ways.WAYS)
def test_a_body_that_ends_early_is_an_error_that_may_pass(way, monkeypatch):
    ways.take(way, monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as server:
        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it")

        thread = threading.Thread(target=answer)
        thread.start()
        fetcher, receiver = RequestsFetcher(SETTINGS), Receiver()
        with pytest.raises(FetchError, match="the connection ended in the middle of the body") as caught:
            fetcher.fetch(f"http://127.0.0.1:{server.getsockname()[1]}/", receiver)
        thread.join()
        fetcher.close()
    assert caught.value.transient
    assert b"half of it".startswith(receiver.body)


@pytest.fixture(params=["plain", "netrc", "pycurl"])
def fetcher(request, monkeypatch):
    if request.param == "pycurl":
        made = pytest.importorskip("pypimirror.http.pycurl_fetcher", exc_type=ImportError).CurlFetcher(SETTINGS)
    else:
        ways.take(request.param, monkeypatch)
        made = RequestsFetcher(SETTINGS)
    yield made
    made.close()


@contextlib.contextmanager
def answering(*requests):
    """A server that takes a connection after the other; each closes without a word when it has answered so many requests."""
    taken = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def answer():
            for count in requests:
                connection, _ = server.accept()
                with connection:
                    connection.settimeout(10)
                    taken.append(0)
                    while connection.recv(1 << 16) and taken[-1] < count:
                        taken[-1] += 1
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/", taken
        thread.join()


def test_a_connection_that_upstream_closed_meanwhile_is_no_failure(fetcher):
    with answering(2, 1, 1) as (url, taken):
        for _ in range(4):
            receiver = Receiver()
            fetcher.fetch(url, receiver)
            assert receiver.body == b"ok"
        fetcher.close()
    assert taken == [2, 1, 1]


def test_an_upstream_that_answers_nothing_is_asked_once(fetcher):
    with answering(1, 0) as (url, taken):
        fetcher.fetch(url, Receiver())
        with pytest.raises(FetchError) as caught:
            fetcher.fetch(url, Receiver())
    assert caught.value.transient
    assert taken == [1, 0]
