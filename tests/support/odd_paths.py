"""What servers answer to requests that no installer makes: one table for every server (see test_sites_odd).

To have another server answer it, add it to ``SERVERS``: the name of a function in ``servers`` that runs one.
"""

from __future__ import annotations

import socket
from typing import NamedTuple
from urllib.parse import urlsplit

from support import published_tree

SERVERS = ("serve", "apache", "caddy", "nginx")
#: The tree that the answers are for.
LONG = "ABRACADABRA-" + "A" * 40
PROJECTS = {
    "Demo.Project": [published_tree.wheel("Demo.Project", "1.0+local")],
    LONG: [published_tree.wheel(LONG, "1.0")],
    "simple": [published_tree.wheel("simple", "2.0")],
}
#: Whatever a client sends, this is never among the answers.
SECRET = "not for clients"

REFUSED = (400, 404)
MANY = 4000


class Odd(NamedTuple):
    """One request, and what each server answers."""

    #: The target as it is sent: bytes after the method.
    target: bytes
    #: The status, or those that servers may choose from where HTTP itself is broken, each before our rules are asked.
    status: int | tuple[int, ...] = 404
    #: The path that a redirect leads to, from the same host.
    leads_to: str | None = None
    #: Header lines in place of the right Host header.
    headers: tuple[bytes, ...] | None = None


def _hidden() -> list[Odd]:
    """``.pypimirror`` in every spelling."""
    return [Odd(target) for target in (
        b"/.pypimirror/state", b"/.pypimirror/", b"/.pypimirror", b"//.pypimirror//state", b"/simple/.pypimirror/state",
        b"/%2epypimirror/state", b"/%2Epypimirror/state", b"/%2e%70ypimirror/state", b"/.PyPiMirror/state",
        b"/.pypimirror%2fstate", b"/.pypimirror%2Fstate", b"/.pypimirror%5cstate", b"/.pypimirror\\state",
        b"/%252epypimirror/state", b"/.pypimirror./state", b"/.pypimirror%20/state", b"/.pypimirror;/state",
        b"/_pypimirror/state", b"/-pypimirror/state", b"/..pypimirror/state", b"/pypimirror/state", b"/pypimirror/",
        b"/demo-project/../.pypimirror/state", b"/demo-project/%2e%2e/.pypimirror/state",
        b"/demo-project/..%2f.pypimirror/state", b"/demo-project/..%5c.pypimirror/state",
        b"/demo-project/%2e%2e%2f%2epypimirror%2fstate", b"/./.pypimirror/state", b"/simple/../.pypimirror/state",
        b"/demo-project/.pypimirror/state", b"/.slash/demo-project", b"/%2eslash/demo-project", b"/.pypimirror/state?x=/demo/",
        b"/.pypimirror::$DATA", b"/%c0%aepypimirror/state", b"/%e2%80%ae.pypimirror/state")]


#: Files in a project's folder that are no page, distribution file or sidecar file, and files that are not the mirror's.
STRAYS = tuple(f"demo-project/{name}" for name in (
    "notes.txt", "README", "other.html", "index.htm", "index.html.bak", "index.v1_json~", "INDEX.HTML", "full.html", "x.json",
    "demo_project-1.0.json", "setup.cfg", "id_rsa", "dump.sql.gz", "a.whl.sha256", "a.whl.metadata.asc", "a.tar.gz.txt",
    "a.WHL", "whl", "metadata", "a.metadata", "a.asc", "json", "tmp1234", "sub/a.whl", "sub/index.html", "versions.cfg",
    "robots.txt", "a.whl.metadata~", "a.tar.gz-", "a.zip.", "pins/versions.cfg", "pypi/x/json"))
SIDECARS = tuple(f"demo-project/demo_project-1.0+local-py3-none-any.whl{suffix}"
                 for suffix in (".metadata", ".asc", ".provenance"))
OTHERS = ("keys/archive.gpg", "docs/index.html", "docs/style.css", "docs/sub/page.html", "pins/versions-0123abcd.cfg",
          "pins/pylock-0123abcd.toml", "robots.html", "pypi/demo-project/json")


def _strays() -> list[Odd]:
    return [*[Odd(f"{start}{path}".encode()) for start in ("/", "/simple/") for path in STRAYS],
            *[Odd(f"/{path}".replace("demo-project", "Demo.Project").encode()) for path in STRAYS[:4]],
            *[Odd(f"/{path}".replace("-project/", "-project//").encode()) for path in STRAYS[:4]],
            Odd(b"/demo-project/notes%2etxt"), Odd(b"/demo-project/notes.txt?x=a.whl"),
            *[Odd(f"{start}{path}".encode(), 200) for start in ("/", "/simple/") for path in (*SIDECARS, *OTHERS[:-1])],
            Odd(f"/{OTHERS[-1]}".encode(), 200)]


ODD: tuple[Odd, ...] = (
    # What lies in a project's folder and does not belong there.
    *_strays(),
    # Headers that somebody wants to set.
    *[Odd(target) for target in (
        b"/x%0d%0aSet-Cookie:%20a=b", b"/x%0aSet-Cookie:%20a=b", b"/x%0d%0a%0d%0a<html>", b"/x%0d", b"/x%0a", b"/simple%0a",
        b"/simple/x%0d%0aSet-Cookie:%20a=b", b"/demo-project%0d%0aSet-Cookie:%20a=b", b"/demo-project%0a",
        b"/demo-project/%0a", b"/demo-project/%0d%0aSet-Cookie:%20a=b", b"/demo-project/x%0d%0aSet-Cookie:%20a=b",
        b"/Demo.Project%0d%0aSet-Cookie:%20a=b/", b"/x%E5%98%8A%E5%98%8DSet-Cookie:%20a=b",
        b"/demo-project%09", b"/demo-project%0b/", b"/demo-project%7f", b"/demo-project%1b[31m/")],
    # Redirects that somebody wants to leave the host.
    *[Odd(target) for target in (
        b"/https:evil.example", b"/http:evil.example/", b"/https:%2f%2fevil.example", b"/https://evil.example",
        b"//evil.example", b"///evil.example", b"//evil.example/", b"//evil.example/%2e%2e", b"/%2f%2fevil.example",
        b"/%2fevil.example",
        b"/%5c%5cevil.example", b"/%5cevil.example", b"/\\evil.example", b"/\\\\evil.example", b"/\\/evil.example",
        b"/javascript:alert(1)", b"/javascript:alert(1)/", b"/data:text/html,x", b"/evil.example", b"/@evil.example",
        b"/simple//evil.example", b"/simple/%2f%2fevil.example", b"/simple/https:evil.example", b"/simple/..//evil.example",
        b"/.evil.example", b"/evil.example%2f..", b"/demo-project@evil.example", b"/demo-project:80", b"/:80",
        b"/%09/evil.example", b"/%20//evil.example", b"/demo-project%3f/evil", b"/demo-project%23")],
    *_hidden(),
    # Dot segments: clients resolve them before they ask.
    *[Odd(target) for target in (
        b"/.", b"/./", b"/%2e", b"/demo-project/..", b"/demo-project/.", b"/demo-project/./",
        b"/demo-project/../demo-project/", b"/simple/../demo-project/",
        b"/%252e%252e/outside/secret.txt", b"/demo-project/..;/outside", b"/demo-project/...", b"/demo-project/..../")],
    Odd(b"/..", REFUSED), Odd(b"/../", REFUSED), Odd(b"/%2e%2e/", REFUSED), Odd(b"/..%2foutside/secret.txt", REFUSED),
    Odd(b"/%2e%2e/outside/secret.txt", REFUSED), Odd(b"/../outside/secret.txt", REFUSED),
    Odd(b"/../../../../etc/passwd", REFUSED),
    # NUL, percent signs that encode nothing, encodings of encodings, other letters.
    Odd(b"/demo-project%00", REFUSED), Odd(b"/demo-project/%00", REFUSED), Odd(b"/demo-project%00/", REFUSED),
    Odd(b"/%00", REFUSED), Odd(b"/x%00%0d%0aa:b", REFUSED),
    Odd(b"/demo-project/index.html%00.whl", REFUSED),
    Odd(b"/%", REFUSED), Odd(b"/%zz", REFUSED), Odd(b"/%2", REFUSED), Odd(b"/demo-project%", REFUSED),
    Odd(b"/%u002e/", REFUSED),
    Odd(b"/demo%2dproject/%g0", REFUSED), Odd(b"/caf\xc3\xa9/", REFUSED), Odd(b"/\xff", REFUSED),
    *[Odd(target) for target in (
        b"/%25", b"/%2525", b"/%252f", b"/%25%32%65/", b"/demo%252dproject/", b"/demo-project/%25", b"/caf%c3%a9/", b"/%ff/",
        b"/%ff", b"/demo-project/%ff", b"/demo%ef%bc%8dproject/", b"/%ef%bc%8e%ef%bc%8e/", b"/demo-projec%c5%a7/",
        b"/%E2%84%AAelvin/", b"/demo-project%c2%a0/", b"/demo%20project/", b"/%20", b"/%20/", b"/demo-project%20")],
    # Names: too long, of capitals alone, with separators at their ends or nothing else.
    Odd(b"/" + b"n" * 201 + b"/"), Odd(b"/" + b"n" * MANY + b"/"), Odd(b"/" + b"n" * MANY),
    Odd(b"/demo-project/" + b"n" * MANY),
    Odd(b"/simple/" + b"N" * MANY + b"/"), Odd(b"/" + b"_a" * 100 + b"/"), Odd(b"/" + b"_a" * 100),
    Odd(b"/a" + b"_" * 199 + b"/"),
    Odd(b"/" + b"A" * 40 + b"/"), Odd(b"/" + b"A" * 40), Odd(b"/" + b"A" * 200 + b"/"), Odd(b"/" + b"A" * 200),
    Odd(b"/" + b"AbC." * 50 + b"/"), Odd(b"/" + b"a.b_" * 50 + b"/x.whl"), Odd(b"/simple/" + b"Z" * 200 + b"/x.whl"),
    Odd(b"/demo-project./"), Odd(b"/demo-project."), Odd(b"/demo-project.../"), Odd(b"/demo-project-/"), Odd(b"/_/"),
    Odd(b"/-"),
    Odd(b"/___"), Odd(b"/demo-project/index.html."), Odd(b"/demo-project/index.html/"), Odd(b"/index.html/"),
    Odd(b"/index.html/demo-project/"), Odd(b"/demo-project/x/"), Odd(b"/demo-project/" + b"a/" * 1000),
    Odd(LONG.encode(), REFUSED), Odd(f"/{LONG}/".encode(), 200), Odd(f"/simple/{LONG}/".encode(), 200),
    Odd(f"/{LONG}".encode(), 301, f"/{published_tree.normalize(LONG)}/"),
    # What browsers and crawlers look for.
    *[Odd(target) for target in (b"/robots.txt", b"/favicon.ico", b"/sitemap.xml", b"/wp-login.php", b"/nothing",
                                 b"/simple/nothing", b"/snapshots/nothing/simple", b"/simple/snapshots/nothing/simple",
                                 b"/simple/favicon.ico", b"/Nothing.Here", b"/pypi/demo-project/json/",
                                 b"/pypi/.pypimirror/json")],
    # Query strings and parameters belong to no name.
    Odd(b"/demo-project/?x=1", 200), Odd(b"/demo-project/?/../.pypimirror/", 200), Odd(b"/?next=//evil.example", 200),
    Odd(b"/demo-project?next=//evil.example", 301, "/demo-project/"),
    Odd(b"/demo-project?%0d%0aSet-Cookie:%20a=b", 301, "/demo-project/"),
    Odd(b"/simple?x=%0d%0aa:b", 301, "/simple/"), Odd(b"/demo-project;x=1/"), Odd(b"/demo-project&x=1/"),
    Odd(b"/demo-project,x/"),
    # Every honest spelling, with and without the slash.
    Odd(b"/demo-project/", 200), Odd(b"/Demo.Project/", 200), Odd(b"/DEMO__PROJECT/", 200), Odd(b"/demo%2eproject/", 200),
    Odd(b"/%64emo-project/", 200), Odd(b"//demo-project//", 200), Odd(b"/simple//demo-project/", 200),
    Odd(b"/demo-project/demo_project-1.0+local-py3-none-any.whl", 200),
    Odd(b"/simple/Demo.Project/demo_project-1.0%2blocal-py3-none-any.whl", 200),
    Odd(b"/demo-project", 301, "/demo-project/"), Odd(b"/Demo.Project", 301, "/demo-project/"),
    Odd(b"/DEMO_.PROJECT", 301, "/demo-project/"), Odd(b"/simple/Demo_Project", 301, "/simple/demo-project/"),
    Odd(b"/simple", 301, "/simple/"), Odd(b"/simple/simple", 301, "/simple/simple/"), Odd(b"/simple/simple/", 200),
    # Request targets in other forms, and what is none.
    Odd(b"http://evil.example/demo-project/", 200), Odd(b"http://evil.example/demo-project", 301, "/demo-project/"),
    Odd(b"http://evil.example/.pypimirror/state"), Odd(b"http://evil.example/x%0d%0aSet-Cookie:%20a=b"),
    Odd(b"http://evil.example/..%2f.pypimirror/state", REFUSED), Odd(b"http://evil.example//evil.example"),
    Odd(b"https:evil.example", REFUSED), Odd(b"javascript:alert(1)", REFUSED), Odd(b"*", REFUSED),
    Odd(b"demo-project/", REFUSED),
    Odd(b"evil.example:443", REFUSED), Odd(b"http://[", REFUSED), Odd(b"http://[::1", REFUSED),
    Odd(b"http://", (*REFUSED, 200)),
    Odd(b"/demo\tproject/", REFUSED), Odd(b"/demo-project/\x01", REFUSED), Odd(b"/demo-project\x00/", REFUSED),
    # Host headers.
    *[Odd(b"/demo-project", 301, "/demo-project/", (b"Host: " + host,)) for host in (
        b"evil.example", b"evil.example:80", b"127.0.0.1", b"localhost", b"127.0.0.1.evil.example")],
    Odd(b"/Demo.Project", 301, "/demo-project/", (b"Host: evil.example", b"X-Forwarded-Host: evil.example",
                                                  b"X-Forwarded-Proto: https", b"Forwarded: host=evil.example")),
    Odd(b"/x%0d%0aSet-Cookie:%20a=b", 404, None, (b"Host: evil.example",)),
    Odd(b"/demo-project", (*REFUSED, 301), "/demo-project/", (b"Host: evil.example/x",)),
    Odd(b"/demo-project", (*REFUSED, 301), "/demo-project/", (b"Host: evil.example", b"Host: 127.0.0.1")),
)


def sent(address: str, odd: Odd) -> bytes:
    """Send a request byte for byte; return the whole answer, byte for byte."""
    place = urlsplit(address)
    headers = (b"Host: " + place.netloc.encode(),) if odd.headers is None else odd.headers
    request = b"\r\n".join([b"GET " + odd.target + b" HTTP/1.1", *headers, b"Connection: close", b"", b""])
    answer = b""
    with socket.create_connection((place.hostname or "", place.port or 0), 60) as client:
        client.sendall(request)
        while block := client.recv(1 << 16):
            answer += block
    return answer


def is_foreign(odd: Odd) -> bool:
    """Return whether a request is for another host."""
    if odd.target.startswith(b"http://evil.example"):
        return True
    return any(word in line for line in odd.headers or () for word in (b"Host: evil", b"localhost", b".evil.example"))


def path(odd: Odd) -> str:
    """Return the path that a redirect is relative to."""
    place = urlsplit(odd.target.decode("latin-1"))
    return place.path if place.scheme else odd.target.decode("latin-1").partition("?")[0]
