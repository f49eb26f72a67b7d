"""Site configurations for all kinds of addresses and places, and what can't be written into one."""

import http.client
import re
import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pypimirror.errors import ConfigurationError
from pypimirror.serve.sites.apache import Apache
from pypimirror.serve.sites.caddy import Caddy
from pypimirror.serve.sites.nginx import Nginx
from support import odd_paths, published_tree, servers
from support.servers import ask

JSON = "application/vnd.pypi.simple.v1+json"
DEMO = published_tree.wheel("Demo.Project", "1.0")


@pytest.fixture
def root():
    """A mirror in a place with a space in its name, which the web servers' own users may enter."""
    with tempfile.TemporaryDirectory(prefix="pypimirror ") as folder:
        Path(folder).chmod(0o755)
        root = Path(folder, "the mirror")
        published_tree.publish(root, {"Demo.Project": [DEMO], "simple": [DEMO]})
        yield root


SERVERS = {"apache": Apache, "caddy": Caddy, "nginx": Nginx}


def site(server, settings):
    return SERVERS[server](settings).render()


def settings(**others):
    return {"mirror_file_path": "/srv/pypi", "base_url": None, "tls_certificate": None, "tls_key": None,
            "index_url": (), "local_packages": None, "external_links": False, **others}


def self_signed(folder):
    """Create a certificate for 127.0.0.1; return its file and that of its key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    program = shutil.which("openssl") or pytest.skip("openssl is not installed")
    subprocess.run([program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    return certificate, key


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("path", ["/pypi", "/a.b/c-d"])
def test_a_mirror_may_live_below_a_path(server, path, root, tmp_path):
    with getattr(servers, server)(root, tmp_path / "log", path) as address:
        for below in (path, f"{path}/simple"):
            assert ask(address, f"{below}/", Accept=JSON).headers["Content-Type"] == JSON
            for spelling in ("demo-project", "Demo.Project", "DEMO_._PROJECT"):
                assert ask(address, f"{below}/{spelling}/{DEMO.filename}").body == DEMO.content
                assert DEMO.filename.encode() in ask(address, f"{below}/{spelling}/").body
        assert ask(address, f"{path}/simple/simple/", Accept=JSON).headers["Content-Type"] == JSON
        assert ask(address, f"{path}/.pypimirror/state").status == 404
        assert ask(address, "/demo-project/").status in (403, 404)


@pytest.mark.parametrize("server", SERVERS)
def test_an_address_that_ends_in_simple_means_the_same_site(server, root, tmp_path):
    with getattr(servers, server)(root, tmp_path / "log", "/simple") as address:
        for path in ("/demo-project/", "/simple/demo-project/"):
            assert DEMO.filename.encode() in ask(address, path).body


@pytest.mark.parametrize("server", SERVERS)
def test_https_is_served_with_the_certificate_that_was_named(server, root, tmp_path):
    certificate, key = self_signed(tmp_path)
    with getattr(servers, server)(root, tmp_path / "log", tls_certificate=str(certificate), tls_key=str(key)) as address:
        context = ssl.create_default_context(cafile=str(certificate))
        port = urlsplit(address).port
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=servers.PATIENCE)
        connection.request("GET", "/simple/demo-project/")
        assert DEMO.filename.encode() in connection.getresponse().read()
        connection.close()


@pytest.mark.parametrize("server", SERVERS)
def test_a_site_for_a_name_answers_on_the_standard_port(server):
    text = site(server, settings(base_url="http://pypi.example.com"))
    assert "pypi.example.com" in text and "80" in text
    assert "443" not in text and not re.search(r"@[A-Z_]+@", text)


@pytest.mark.parametrize("server", ["apache", "nginx"])
def test_a_site_for_https_leads_there_and_has_a_usual_certificate(server):
    text = site(server, settings(base_url="https://pypi.example.com/"))
    assert "/etc/letsencrypt/live/pypi.example.com/fullchain.pem" in text
    assert "https://pypi.example.com" in text and "443" in text and "80" in text


def test_caddy_gets_its_certificate_itself_unless_one_is_named():
    text = site("caddy", settings(base_url="https://pypi.example.com"))
    assert "\nhttps://pypi.example.com:443 {\n" in text and "\ttls " not in text
    assert '\ttls "/c.pem" "/k.pem"\n' in site("caddy", settings(
        base_url="https://pypi.example.com", tls_certificate="/c.pem", tls_key="/k.pem"))


@pytest.mark.parametrize("server", SERVERS)
def test_with_tls_there_are_http_2_and_headers_for_browsers(server, root, tmp_path):
    pycurl = pytest.importorskip("pycurl")
    certificate, key = self_signed(tmp_path)
    with getattr(servers, server)(root, tmp_path / "log", tls_certificate=str(certificate), tls_key=str(key)) as address:
        heads = {}
        for path in ("/simple/", "/simple/demo-project/", f"/simple/demo-project/{DEMO.filename}"):
            lines = []
            request = pycurl.Curl()
            for option, value in ((pycurl.URL, address + path), (pycurl.CAINFO, str(certificate)), (pycurl.PROXY, ""),
                                  (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS), (pycurl.HEADERFUNCTION, lines.append),
                                  (pycurl.WRITEFUNCTION, len)):
                request.setopt(option, value)
            request.perform()
            assert request.getinfo(pycurl.RESPONSE_CODE) == 200
            heads[path] = b"".join(lines).decode().lower()
            request.close()
    assert all(head.startswith("http/2 200") for head in heads.values())
    assert all("\r\nstrict-transport-security: max-age=31536000\r\n" in head for head in heads.values())
    *pages, file = heads.values()
    assert all("\r\ncontent-security-policy: default-src 'none'; " in head for head in pages)
    assert "content-security-policy" not in file


@pytest.mark.parametrize("server", SERVERS)
def test_without_tls_there_are_no_such_headers(server, root, tmp_path):
    with getattr(servers, server)(root, tmp_path / "log") as address:
        names = {name.lower() for name in ask(address, "/simple/").headers}
    assert not names & {"strict-transport-security", "content-security-policy"}


@pytest.mark.parametrize("server", ["apache", "nginx"])
@pytest.mark.parametrize("complete", [False, True])
def test_challenges_are_answered_before_and_with_a_certificate(server, complete, root, tmp_path):
    """The site at port 80, here at another one: alone, and as a part of the complete site."""
    folder = root.parent / "acme"
    token = folder / ".well-known" / "acme-challenge" / "a_token-1"
    token.parent.mkdir(parents=True)
    token.write_text("a_token-1.thumbprint")
    made = SERVERS[server](settings(mirror_file_path=str(root), base_url="https://127.0.0.1", acme_directory=str(folder)))
    port = servers.free_port()
    alone = made.render_before_certificate()
    if complete:
        alone = "\n".join(alone.splitlines()[2:])
        assert alone in made.render()
    text = alone.replace("127.0.0.1:80", f"127.0.0.1:{port}")
    if server == "apache":
        text = f"# a2enmod rewrite\nListen 127.0.0.1:{port}\n{text}"
    with getattr(servers, f"{server}_with")(text, f"http://127.0.0.1:{port}", tmp_path / "log"):
        address = f"http://127.0.0.1:{port}"
        reply = ask(address, "/.well-known/acme-challenge/a_token-1")
        assert (reply.status, reply.body) == (200, token.read_bytes())
        for path in ("/robots.txt", "/favicon.ico", "/.well-known/acme-challenge/other", "/.well-known/x", "/.pypimirror/state",
                     "/.well-known/acme-challenge/../../../mirror/index.html", "/x%0d%0aSet-Cookie:a=b", "/a:b"):
            assert ask(address, path).status in (400, 404), path
        for path in ("/", "/simple/", "/simple/Demo.Project/", f"/demo-project/{DEMO.filename}"):
            reply = ask(address, path)
            assert (reply.status, reply.headers["Location"]) == (301, f"https://127.0.0.1{path}")
        for odd in odd_paths.ODD:
            head = odd_paths.sent(address, odd).partition(b"\r\n\r\n")[0]
            location = re.search(rb"^location: *(.*?)\r?$", head, re.IGNORECASE | re.MULTILINE)
            # Any well-formed name leads to the same host, whatever the Host header has; the site there decides about it.
            assert location is None or re.fullmatch(rb"https://127\.0\.0\.1/[!-~]*", location[1]), odd
            assert b"set-cookie" not in head.lower() and odd_paths.SECRET.encode() not in head, odd
            assert location is None or b"?" not in location[1], odd
            if odd.status == 200:
                assert location is not None, odd


@pytest.mark.parametrize("server", ["apache", "nginx"])
@pytest.mark.parametrize("url", [None, "http://pypi.example.com", "https://pypi.example.com:8443"])
def test_a_site_without_a_certificate_of_its_own_has_no_challenges(server, url):
    with pytest.raises(ConfigurationError, match="--before-certificate needs one with https and the standard port"):
        SERVERS[server](settings(base_url=url)).render_before_certificate()


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("key, value", [
    ("mirror_file_path", "/srv/$pypi"), ("mirror_file_path", '/srv/"pypi"'), ("mirror_file_path", "/srv/py\npi"),
    ("mirror_file_path", "s3://bucket/prefix"), ("base_url", "http://pypi.example.com/a%20b"),
    ("base_url", "http://pypi.example.com:99999"), ("base_url", "http://under;score"), ("base_url", "http://a.example.com/b;c"),
])
def test_what_no_configuration_file_holds_is_one_clear_line(server, key, value):
    with pytest.raises(ConfigurationError, match=key) as caught:
        site(server, settings(**{key: value}))
    assert "\n" not in str(caught.value)


def test_nginx_takes_two_mirrors_at_once(root, tmp_path):
    ports = servers.free_port(), servers.free_port()
    sites = [site("nginx", settings(mirror_file_path=str(root), base_url=f"http://127.0.0.1:{port}")) for port in ports]
    with servers.nginx_with("\n".join(sites), f"http://127.0.0.1:{ports[1]}", tmp_path / "log"):
        for port in ports:
            assert ask(f"http://127.0.0.1:{port}", "/demo-project/", Accept=JSON).headers["Content-Type"] == JSON


def test_apache_takes_two_mirrors_at_once(root, tmp_path):
    ports = servers.free_port(), servers.free_port()
    sites = [site("apache", settings(mirror_file_path=str(root), base_url=f"http://127.0.0.1:{port}")) for port in ports]
    with servers.apache_with("\n".join(sites), f"http://127.0.0.1:{ports[1]}", tmp_path / "log"):
        for port in ports:
            assert ask(f"http://127.0.0.1:{port}", "/demo-project/", Accept=JSON).headers["Content-Type"] == JSON


@pytest.mark.parametrize("server", SERVERS)
def test_a_name_of_capitals_alone_is_found(server, tmp_path):
    name = "ABRACADABRA-ALABAMA"
    with tempfile.TemporaryDirectory(prefix="pypimirror-") as folder:
        Path(folder).chmod(0o755)
        published_tree.publish(Path(folder, "mirror"), {name: [published_tree.wheel(name, "1.0")]})
        with getattr(servers, server)(Path(folder, "mirror"), tmp_path / "log") as address:
            assert b"abracadabra_alabama-1.0" in ask(address, f"/simple/{name}/").body
