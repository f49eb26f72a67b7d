"""The server as a process: its address, its end, and what it can't do."""

import signal
import socket
import subprocess
import sys

import pytest

from pypimirror.errors import ConfigurationError
from pypimirror.serve.server import run
from support import published_tree, servers
from support.servers import ask


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "mirror"
    published_tree.publish(root, {"demo": [published_tree.wheel("demo", "1.0")]})
    return root


def start(root, *arguments):
    code = f"from pypimirror.serve.server import run; raise SystemExit(run({str(root)!r}, {', '.join(arguments)}))"
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_address_and_ends_cleanly_when_told(root, number):
    with start(root, "port=0") as process:
        line = process.stdout.readline()
        assert line.startswith(f"Serving {root} at http://127.0.0.1:")
        assert ask(line.split()[-1], "/simple/demo/").status == 200
        process.send_signal(number)
        rest, errors = process.communicate(timeout=servers.PATIENCE)
        assert (process.returncode, rest, errors) == (0, "", "")


def test_it_ends_while_clients_hold_connections(root):
    with start(root, "port=0") as process:
        address = process.stdout.readline().split()[-1]
        port = int(address.rstrip("/").rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as idle:
            idle.sendall(b"GET /demo/ HTTP/1.1\r\nHost: mirror\r\n")
            process.terminate()
            _, errors = process.communicate(timeout=servers.PATIENCE)
        assert (process.returncode, errors) == (0, "")


def test_a_name_with_several_addresses_prints_each(root):
    with start(root, "host='localhost'", "port=0") as process:
        line = process.stdout.readline()
        process.terminate()
        process.communicate(timeout=servers.PATIENCE)
    addresses = line.partition(" at ")[2].split(" and ")
    assert addresses
    assert all(address.strip().startswith(("http://127.0.0.1:", "http://[::1]:")) for address in addresses)


def test_a_port_that_is_taken_is_one_clear_line(root):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ConfigurationError) as caught:
            run(str(root), port=port)
    assert str(caught.value) == f"can't serve at 127.0.0.1 port {port}: Address already in use"


@pytest.mark.parametrize("place", [{"host": "nowhere.invalid"}, {"port": 70000}, {"port": -1}])
def test_a_place_that_does_not_exist_is_one_clear_line(root, place):
    with pytest.raises(ConfigurationError, match=r"can't serve at \S+ port -?\d+: .+") as caught:
        run(str(root), **place)
    assert "\n" not in str(caught.value)


def test_a_mirror_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(ConfigurationError, match="missing: no such directory"):
        run(str(tmp_path / "missing"))


def test_requests_that_are_no_http_or_far_too_big_are_refused(root, tmp_path):
    with servers.serve(root, tmp_path / "log") as address:
        port = int(address.rpartition(":")[2])
        for request in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), servers.PATIENCE) as client:
                client.sendall(request)
                assert client.recv(100).startswith((b"HTTP/1.0 4", b"HTTP/1.1 4"))
        assert ask(address, "/demo/").status == 200
