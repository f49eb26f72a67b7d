#!/usr/bin/env python3
"""Synthetic PyPI upstream for mirror benchmarks (standard library only).

Builds a deterministic static tree that looks like PyPI to a mirroring
client, and serves it on loopback with nginx + lua:

  /simple/                   PEP 691 JSON or HTML (by Accept), _last-serial
  /simple/<name>/            PEP 691/700 JSON or HTML, X-PyPI-Last-Serial
  /pypi/<name>/json          legacy JSON API (releases, urls, last_serial)
  /pypi  (POST)              XML-RPC list_packages_with_serial and
                             changelog_last_serial, as canned answers
  /packages/aa/bb/h/<file>   release files, plus PEP 658 <file>.metadata
  /json/<name>, /local.json  the names shadowmire's plain-HTTP mode wants

Commands
  generate TREE --projects N --files F [--seed S] ...   write a tree
  list-only TREE --projects N --match M ...             big root listing; only
                                                        the M matching projects
                                                        have pages and one file
  mutate TREE --count K                                 K projects get one more
                                                        release, new serials
  serve TREE [--port P] [--latency-ms L] [--workers W]  (re)start nginx
  reload | stop | status                                act on that nginx

The legacy JSON document is the single source of truth for a project; every
other page is derived from it, so `mutate` only reloads and rewrites those.
"""

import argparse
import base64
import gzip
import hashlib
import html
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

RUNDIR = Path(os.environ.get("BENCH_RUN", ".bench/run")).absolute()
ZOPE_PREFIXES = ("zope", "plone", "Products", "collective")
WORDS = """
acid alpha amber anchor apex api arrow async atlas auth auto axis bank base
batch beacon bell binary bird blue board bolt book boost box brain branch
bridge bright bucket build cable cache calm candle canvas carbon card case
cedar cell chain chart check chrome circle city clear click client cloud
cluster code coin color comet compact config console copper core corn craft
crypto crystal cube cycle dash data deep delta demo desk dev digital dock
domain dragon draw drift drive dust eagle echo edge elastic ember engine
event exact express fabric fast feather field file filter fire flag flash
fleet flex flow flux focus forge form forum frame frost fuse gamma garden
gate gear ghost giant glass globe gold grain graph gravity green grid group
guard harbor hash hawk heap helper hub hydro ice image index ink iron island
jade jet json jump kernel key kite lab lake lamp lane laser layer leaf learn
ledger lens level light lime line link lion list local lock log logic loop
luna magic mail map maple mark mask matrix meadow mesh meta metric micro mind
mini mint mirror mix model module moon motion multi nano native nest net nexus
night node north note nova oak ocean office olive omega open orbit order pack
page panel paper parse path peak pilot pine pipe pixel plan plasma plug point
polar port power press prime proto pulse pump py query quick quiet rain rapid
raven ray red relay repo ring river robot rocket root route ruby rule runner
safe sage sand scale scan schema scout sea search seed sense server shadow
shell shift shore sigma signal silver simple sky slate smart snow socket solar
sonic source space spark spider spring stack star state steel stem step stone
storm stream studio sun swift sync table tag task tech tensor test text theme
thread tiger time tiny token tool torch trace track trade trail tree tube turbo
twin type ultra unit utils vault vector vertex view violet vision vista voice
wave web wheel wild wind wing wire wolf wood work world yard zen zero zone
""".split()


def normalize(name):
    return re.sub(r"[-_.]+", "-", name).lower()


# ---------------------------------------------------------------- names

def make_names(rng, count, zope_count):
    """Return `count` (display, normalized) pairs, normalized names unique."""
    seen, out = set(), []

    def add(display):
        key = normalize(display)
        if key not in seen:
            seen.add(key)
            out.append((display, key))

    while len(out) < zope_count:
        prefix = rng.choice(ZOPE_PREFIXES)
        parts = [rng.choice(WORDS) for _ in range(rng.choice((1, 1, 2, 2, 3)))]
        if prefix == "Products":
            parts = ["".join(p.capitalize() for p in parts)]
        else:
            parts = [".".join(parts[:2]), *parts[2:]]
        tail = "".join(parts)
        add(f"{prefix}.{tail}" + (str(rng.randrange(10)) if rng.random() < 0.3 else ""))
    while len(out) < count:
        parts = [rng.choice(WORDS) for _ in range(rng.choice((1, 2, 2, 2, 3, 3)))]
        style = rng.random()
        if style < 0.70:
            name = "-".join(parts)
        elif style < 0.85:
            name = "_".join(parts)
        elif style < 0.90:
            name = ".".join(parts)
        else:
            name = "".join(p.capitalize() for p in parts)
        if rng.random() < 0.35:
            name += str(rng.randrange(1000))
        add(name)
    rng.shuffle(out)
    return out


# ---------------------------------------------------------------- files

EPOCH = (1980, 1, 1, 0, 0, 0)


def metadata_text(display, version, requires_python, rng):
    words = " ".join(rng.choice(WORDS) for _ in range(120))
    return (
        f"Metadata-Version: 2.1\nName: {display}\nVersion: {version}\n"
        f"Summary: synthetic benchmark project\n"
        f"Requires-Python: {requires_python}\n\n{words}\n"
    ).encode()


def build_wheel(display, version, requires_python, payload, rng):
    """A small but valid pure-Python wheel with `payload` random bytes in it."""
    stem = re.sub(r"[-_.]+", "_", display)
    info = f"{stem}-{version}.dist-info"
    meta = metadata_text(display, version, requires_python, rng)
    members = [
        (f"{stem}/__init__.py", b"# synthetic\n"),
        (f"{stem}/blob.bin", payload),
        (f"{info}/METADATA", meta),
        (f"{info}/WHEEL", b"Wheel-Version: 1.0\nGenerator: bench\n"
                          b"Root-Is-Purelib: true\nTag: py3-none-any\n"),
    ]
    record = []
    for path, data in members:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
        record.append(f"{path},sha256={digest.decode()},{len(data)}")
    record.append(f"{info}/RECORD,,")
    members.append((f"{info}/RECORD", ("\n".join(record) + "\n").encode()))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as zf:
        for path, data in members:
            zf.writestr(zipfile.ZipInfo(path, EPOCH), data)
    return f"{stem}-{version}-py3-none-any.whl", out.getvalue(), meta


def build_sdist(display, version, requires_python, payload, rng):
    stem = f"{re.sub(r'[-_.]+', '_', display).lower()}-{version}"
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tf:
        for path, data in (
            (f"{stem}/PKG-INFO", metadata_text(display, version, requires_python, rng)),
            (f"{stem}/blob.bin", payload),
        ):
            ti = tarfile.TarInfo(path)
            ti.size = len(data)
            tf.addfile(ti, io.BytesIO(data))
    return f"{stem}.tar.gz", gzip.compress(raw.getvalue(), 1, mtime=0)


def draw_size(rng, opts):
    if rng.random() < opts["big_share"]:
        return int(rng.uniform(2, 8) * 1024 * 1024)
    return max(200, int(rng.lognormvariate(0, opts["sigma"]) * opts["median"]))


class Tree:
    """One generated upstream on disk."""

    def __init__(self, root):
        self.root = Path(root)
        self.www = self.root / "www"
        self.state_file = self.root / "state.json"
        self.state = json.loads(self.state_file.read_text()) if self.state_file.exists() else {}

    # -- writing -----------------------------------------------------

    def put(self, rel, data):
        path = self.www / rel
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(data, str):
            data = data.encode()
        tmp = path.with_name(path.name + ".tmp")
        tmp.write_bytes(data)
        tmp.rename(path)

    def add_release(self, doc, version, when, rng, kinds):
        """Create the files of one release and record them in `doc`."""
        display = doc["info"]["name"]
        entries = []
        for kind in kinds:
            payload = rng.randbytes(draw_size(rng, self.state["opts"]))
            requires = rng.choice((">=3.8", ">=3.9", ">=3.10", ">=3.6,<4"))
            meta = None
            if kind == "wheel":
                filename, data, meta = build_wheel(display, version, requires, payload, rng)
            else:
                filename, data = build_sdist(display, version, requires, payload, rng)
            blake = hashlib.blake2b(data, digest_size=32).hexdigest()
            rel = f"packages/{blake[:2]}/{blake[2:4]}/{blake[4:]}/{filename}"
            self.put(rel, data)
            core = False
            if meta is not None:
                self.put(rel + ".metadata", meta)
                core = {"sha256": hashlib.sha256(meta).hexdigest()}
            yanked = rng.random() < 0.01
            stamp = when.strftime("%Y-%m-%dT%H:%M:%S")
            entries.append({
                "comment_text": "", "core-metadata": core,
                "digests": {
                    "blake2b_256": blake,
                    "md5": hashlib.md5(data).hexdigest(),
                    "sha256": hashlib.sha256(data).hexdigest(),
                },
                "downloads": -1, "filename": filename, "has_sig": False,
                "md5_digest": hashlib.md5(data).hexdigest(),
                "packagetype": "bdist_wheel" if kind == "wheel" else "sdist",
                "python_version": "py3" if kind == "wheel" else "source",
                "requires_python": requires, "size": len(data),
                "upload_time": stamp, "upload_time_iso_8601": stamp + ".123456Z",
                "url": f"{self.state['base_url']}/{rel}",
                "yanked": yanked, "yanked_reason": "broken build" if yanked else None,
            })
        doc["releases"][version] = entries
        doc["urls"] = entries
        doc["info"]["version"] = version

    def write_project(self, key, doc):
        """Write all pages of one project from its legacy JSON document."""
        display, serial = doc["info"]["name"], doc["last_serial"]
        files = [f for rel in doc["releases"].values() for f in rel]
        simple = {
            "files": [{
                "core-metadata": f["core-metadata"],
                "data-dist-info-metadata": f["core-metadata"],
                "filename": f["filename"],
                "hashes": {"sha256": f["digests"]["sha256"]},
                "provenance": None,
                "requires-python": f["requires_python"],
                "size": f["size"],
                "upload-time": f["upload_time_iso_8601"],
                "url": f["url"],
                "yanked": f["yanked_reason"] if f["yanked"] else False,
            } for f in files],
            "meta": {"_last-serial": serial, "api-version": "1.4"},
            "name": key,
            "project-status": {"status": "active"},
            "versions": list(doc["releases"]),
        }
        rows = []
        for f in files:
            attrs = f' data-requires-python="{html.escape(f["requires_python"])}"'
            if f["core-metadata"]:
                h = f["core-metadata"]["sha256"]
                attrs += f' data-dist-info-metadata="sha256={h}" data-core-metadata="sha256={h}"'
            if f["yanked"]:
                attrs += f' data-yanked="{html.escape(f["yanked_reason"])}"'
            rows.append(f'    <a href="{f["url"]}#sha256={f["digests"]["sha256"]}"{attrs}>'
                        f'{f["filename"]}</a><br />')
        page = (
            '<!DOCTYPE html>\n<html>\n  <head>\n    <meta name="pypi:repository-version"'
            f' content="1.4">\n    <title>Links for {display}</title>\n  </head>\n  <body>\n'
            f"    <h1>Links for {display}</h1>\n" + "\n".join(rows)
            + f"\n  </body>\n</html>\n<!--SERIAL {serial}-->")
        compact = json.dumps(simple, separators=(",", ":"))
        self.put(f"simple/{key}/index.json", compact)
        self.put(f"simple/{key}/index.html", page)
        self.put(f"json/{key}", json.dumps(doc))

    def write_root(self):
        """Write root listings, serial table, XML-RPC answers, manifest params."""
        serials = self.state["serials"]           # display -> serial, listing order
        last = self.state["last_serial"]
        body = json.dumps({
            "meta": {"_last-serial": last, "api-version": "1.4"},
            "projects": [{"_last-serial": s, "name": n} for n, s in serials.items()],
        }, separators=(",", ":")).encode()
        self.put("simple/index.json", body)
        rows = "\n".join(f'    <a href="/simple/{normalize(n)}/">{n}</a>' for n in serials)
        page = ('<!DOCTYPE html>\n<html>\n  <head>\n    <meta name="pypi:repository-version" '
                'content="1.4">\n    <title>Simple index</title>\n  </head>\n  <body>\n'
                f"{rows}\n  </body>\n</html>\n<!--SERIAL {last}-->").encode()
        self.put("simple/index.html", page)
        if self.state["opts"].get("gzip_root"):
            self.put("simple/index.json.gz", gzip.compress(body, 6, mtime=0))
            self.put("simple/index.html.gz", gzip.compress(page, 6, mtime=0))
        self.put("local.json", json.dumps({normalize(n): s for n, s in serials.items()}))
        self.put("local.db.serial", str(last))
        members = "".join(f"<member><name>{html.escape(n)}</name><value><int>{s}</int></value></member>"
                          for n, s in serials.items())
        envelope = "<?xml version='1.0'?>\n<methodResponse><params><param><value>{}</value></param></params></methodResponse>"
        self.put("xmlrpc/list_packages_with_serial", envelope.format(f"<struct>{members}</struct>"))
        self.put("xmlrpc/changelog_last_serial", envelope.format(f"<int>{last}</int>"))
        with open(self.root / "serials.tsv", "w") as fh:
            fh.write(f"\t{last}\n")
            fh.writelines(f"{normalize(n)}\t{s}\n" for n, s in serials.items()
                          if (self.www / "json" / normalize(n)).exists())
        tmp = self.state_file.with_suffix(".tmp")
        tmp.write_text(json.dumps(self.state))
        tmp.rename(self.state_file)

    # -- commands ----------------------------------------------------

    def generate(self, projects, files, seed, opts, base_url, match=None):
        """Full tree, or with `match` a big listing with pages for `match` names."""
        if self.root.exists():
            shutil.rmtree(self.root)
        self.root.mkdir(parents=True)
        rng = random.Random(seed)
        share = match if match is not None else max(1, round(projects * opts["zope_share"]))
        names = make_names(rng, projects, share)
        base = 30_000_000
        order = list(range(projects))
        rng.shuffle(order)
        # serials are spread like upload order, not like listing order
        names.sort(key=lambda pair: pair[1])
        serials = {disp: base - 37 * order[i] for i, (disp, _) in enumerate(names)}
        self.state = {"opts": opts, "base_url": base_url, "seed": seed, "mutations": 0,
                      "serials": serials, "last_serial": base, "files_per_project": files}
        kinds = ["wheel", "sdist"]
        start = datetime(2024, 1, 1, tzinfo=timezone.utc)
        prefixes = tuple(p.lower() + "-" for p in ZOPE_PREFIXES)
        for display, key in names:
            if match is not None and not key.startswith(prefixes):
                continue
            doc = {"info": {"author": "Bench", "name": display, "version": "0",
                            "summary": "synthetic benchmark project", "requires_python": ">=3.8",
                            "description": " ".join(rng.choice(WORDS) for _ in
                                                    range(int(rng.lognormvariate(0, 0.8) * 400)))},
                   "last_serial": serials[display], "releases": {}, "urls": [],
                   "vulnerabilities": []}
            left, minor = files, 0
            while left > 0:
                minor += 1
                take = kinds[:min(2, left)] if left >= 2 else ["sdist"]
                self.add_release(doc, f"1.{minor}", start + timedelta(days=30 * minor,
                                 seconds=rng.randrange(86400)), rng, take)
                left -= len(take)
            self.write_project(key, doc)
        self.write_root()

    def mutate(self, count):
        """Give `count` projects a new release (wheel + sdist) and new serials."""
        self.state["mutations"] += 1
        rng = random.Random(f"{self.state['seed']}/{self.state['mutations']}")
        serials = self.state["serials"]
        pool = [n for n in serials if (self.www / "json" / normalize(n)).exists()]
        for display in rng.sample(pool, count):
            key = normalize(display)
            doc = json.loads((self.www / "json" / key).read_text())
            self.state["last_serial"] += 1 + rng.randrange(3)
            serials[display] = doc["last_serial"] = self.state["last_serial"]
            self.add_release(doc, f"2.{self.state['mutations']}",
                             datetime(2026, 1, 1, tzinfo=timezone.utc)
                             + timedelta(days=self.state["mutations"]), rng, ["wheel", "sdist"])
            self.write_project(key, doc)
        self.write_root()

    def expected(self, sidecars=True):
        """Yield (relative path, sha256, size or None) of every mirrored file."""
        for path in sorted((self.www / "json").iterdir()):
            doc = json.loads(path.read_text())
            for release in doc["releases"].values():
                for f in release:
                    rel = f["url"][len(self.state["base_url"]) + 1:]
                    yield rel, f["digests"]["sha256"], f["size"]
                    if sidecars and f["core-metadata"]:
                        yield rel + ".metadata", f["core-metadata"]["sha256"], None


# ---------------------------------------------------------------- nginx

NGINX = """
load_module modules/ndk_http_module.so;
load_module modules/ngx_http_lua_module.so;
user root;
worker_processes {workers};
daemon on;
pid {run}/nginx.pid;
error_log {run}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  types {{ application/vnd.pypi.simple.v1+json json; text/html html; }}
  default_type application/octet-stream;
  access_log off;
  sendfile on; tcp_nopush on; tcp_nodelay on;
  keepalive_timeout 75s; keepalive_requests 100000000;
  gzip off;
  client_body_temp_path {run}/body; proxy_temp_path {run}/p;
  fastcgi_temp_path {run}/f; uwsgi_temp_path {run}/u; scgi_temp_path {run}/s;
  lua_shared_dict serials 64m;
  init_by_lua_block {{
    local d = ngx.shared.serials
    for line in io.lines("{root}/serials.tsv") do
      local name, serial = line:match("^([^\\t]*)\\t(%d+)$")
      if name == "" then name = "/" end
      if name then d:set(name, serial) end
    end
  }}
  # PEP 691 content negotiation, first recognised type wins
  map $http_accept $simple_ext {{
    default html;
    "~application/vnd\\.pypi\\.simple\\.v1\\+json" json;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    root {root}/www;
    {latency}
    location = /_status {{ stub_status; }}
    location = /simple {{ return 301 /simple/; }}
    location = /simple/ {{
      {gzip_static}
      add_header Vary "Accept, Accept-Encoding";
      header_filter_by_lua_block {{ ngx.header["X-PyPI-Last-Serial"] = ngx.shared.serials:get("/") }}
      try_files /simple/index.$simple_ext =404;
    }}
    location ~ ^/simple/(?<pkg>[^/]+)/$ {{
      add_header Vary Accept;
      header_filter_by_lua_block {{ ngx.header["X-PyPI-Last-Serial"] = ngx.shared.serials:get(ngx.var.pkg) }}
      try_files /simple/$pkg/index.$simple_ext =404;
    }}
    location ~ ^/simple/(?<pkg>[^/]+)/index\\.v1_json$ {{ try_files /simple/$pkg/index.json =404; }}
    location ~ ^/pypi/(?<pkg>[^/]+)/json$ {{
      default_type application/json;
      header_filter_by_lua_block {{ ngx.header["X-PyPI-Last-Serial"] = ngx.shared.serials:get(ngx.var.pkg) }}
      try_files /json/$pkg =404;
    }}
    location = /pypi {{
      client_max_body_size 1m;
      content_by_lua_block {{
        ngx.req.read_body()
        local m = (ngx.req.get_body_data() or ""):match("<methodName>([%w_]+)</methodName>")
        local fh = m and io.open("{root}/www/xmlrpc/" .. m, "rb")
        if not fh then return ngx.exit(404) end
        ngx.header["Content-Type"] = "text/xml"
        ngx.print(fh:read("*a")); fh:close()
      }}
    }}
  }}
}}
"""


def pid():
    try:
        value = int((RUNDIR / "nginx.pid").read_text())
        os.kill(value, 0)
        return value
    except (OSError, ValueError):
        return None


def stop():
    value = pid()
    if value:
        os.kill(value, signal.SIGQUIT)
        for _ in range(200):
            if pid() is None:
                break
            time.sleep(0.05)


def serve(tree, port, latency_ms, workers):
    stop()
    RUNDIR.mkdir(parents=True, exist_ok=True)
    latency = ""
    if latency_ms:
        latency = f"access_by_lua_block {{ if ngx.var.uri ~= '/_status' then ngx.sleep({latency_ms / 1000}) end }}"
    gz = "gzip_static on;" if tree.state["opts"].get("gzip_root") else ""
    conf = RUNDIR / "nginx.conf"
    conf.write_text(NGINX.format(run=RUNDIR, root=tree.root.resolve(), port=port,
                                 latency=latency, workers=workers, gzip_static=gz))
    subprocess.run(["nginx", "-c", str(conf), "-e", str(RUNDIR / "error.log")], check=True)


def reload_server():
    """Restart rather than HUP: synchronous, and drops nginx's open-file cache."""
    value = pid()
    if value:
        stop()
        subprocess.run(["nginx", "-c", str(RUNDIR / "nginx.conf"),
                        "-e", str(RUNDIR / "error.log")], check=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    sub = ap.add_subparsers(dest="cmd", required=True)
    for cmd in ("generate", "list-only"):
        p = sub.add_parser(cmd)
        p.add_argument("tree")
        p.add_argument("--projects", type=int, required=True)
        p.add_argument("--files", type=int, default=5 if cmd == "generate" else 1)
        p.add_argument("--match", type=int, default=None if cmd == "generate" else 4000)
        p.add_argument("--seed", default="bench")
        p.add_argument("--median", type=float, default=20_000 if cmd == "generate" else 2_000)
        p.add_argument("--sigma", type=float, default=0.8)
        p.add_argument("--big-share", type=float, default=0.001 if cmd == "generate" else 0.0)
        p.add_argument("--zope-share", type=float, default=0.01)
        p.add_argument("--gzip-root", action="store_true", default=cmd == "list-only")
        p.add_argument("--base-url", default="http://127.0.0.1:8080")
    p = sub.add_parser("mutate")
    p.add_argument("tree")
    p.add_argument("--count", type=int, required=True)
    p = sub.add_parser("serve")
    p.add_argument("tree")
    p.add_argument("--port", type=int, default=8080)
    p.add_argument("--latency-ms", type=float, default=0)
    p.add_argument("--workers", type=int, default=2)
    for cmd in ("reload", "stop", "status"):
        sub.add_parser(cmd)
    a = ap.parse_args()
    if a.cmd in ("generate", "list-only"):
        opts = {"median": a.median, "sigma": a.sigma, "big_share": a.big_share,
                "zope_share": a.zope_share, "gzip_root": a.gzip_root}
        Tree(a.tree).generate(a.projects, a.files, a.seed, opts, a.base_url, a.match)
    elif a.cmd == "mutate":
        Tree(a.tree).mutate(a.count)
        reload_server()
    elif a.cmd == "serve":
        serve(Tree(a.tree), a.port, a.latency_ms, a.workers)
    elif a.cmd == "reload":
        reload_server()
    elif a.cmd == "stop":
        stop()
    print("nginx pid", pid())


if __name__ == "__main__":
    sys.exit(main())
