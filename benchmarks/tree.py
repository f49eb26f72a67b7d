"""A synthetic index on disk, which nginx serves (upstream.py).

  /simple/                   PEP 691 JSON or HTML (by Accept), _last-serial
  /simple/<name>/            PEP 691/700 JSON or HTML, X-PyPI-Last-Serial
  /pypi/<name>/json          legacy JSON API (releases, urls, last_serial)
  /pypi  (POST)              XML-RPC list_packages_with_serial and
                             changelog_last_serial, as canned answers
  /packages/aa/bb/h/<file>   release files, plus PEP 658 <file>.metadata
  /json/<name>, /local.json  the names shadowmire's plain-HTTP mode wants

The legacy JSON document is the single source of truth for a project; every
other page is derived from it, so that a change only reloads and rewrites those.
"""

import gzip
import hashlib
import html
import json
import os
import random
import shutil
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from synthetic import WORDS, ZOPE_PREFIXES, build_sdist, build_wheel, draw_size, make_names, normalize


def _place(blake, filename):
    return f"packages/{blake[:2]}/{blake[2:4]}/{blake[4:]}/{filename}"


class Tree:
    """One generated upstream on disk."""

    def __init__(self, root):
        self.root = Path(root)
        self.www = self.root / "www"
        self.state_file = self.root / "state.json"
        self.state = json.loads(self.state_file.read_text()) if self.state_file.exists() else {}

    @classmethod
    def there(cls, root):
        """Give one that exists. Exits with a line if it does not."""
        tree = cls(root)
        return tree if tree.state else sys.exit(f"{root}: no tree is there; upstream.py generate makes one")

    @property
    def is_part(self):
        """Whether it lists more projects than it has."""
        return bool(self.state["opts"].get("gzip_root"))

    def copied(self, root):
        """Give one like it at another place, which may be changed: files are links, and a change puts others in their place."""
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.root, root, copy_function=os.link)
        return Tree(root)

    # -- writing -----------------------------------------------------

    def put(self, rel, data, serial=None):
        """Write a file. serial: of what it tells; it is its time, too, so that nginx gives each change another ETag."""
        path = self.www / rel
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(data, str):
            data = data.encode()
        tmp = path.with_name(path.name + ".tmp")
        tmp.write_bytes(data)
        if serial is not None:
            os.utime(tmp, (serial, serial))
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
            digests = {
                "blake2b_256": hashlib.blake2b(data, digest_size=32).hexdigest(),
                "md5": hashlib.md5(data).hexdigest(),
                "sha256": hashlib.sha256(data).hexdigest(),
            }
            rel = _place(digests["blake2b_256"], filename)
            self.put(rel, data)
            core = False
            if meta is not None:
                self.put(rel + ".metadata", meta)
                core = {"sha256": hashlib.sha256(meta).hexdigest()}
            entries.append(self._entry(kind, filename, digests, len(data), rel, core, when, requires, rng.random() < 0.01))
        self._released(doc, version, entries)

    def _entry(self, kind, filename, digests, size, rel, core, when, requires, yanked):
        stamp = when.strftime("%Y-%m-%dT%H:%M:%S")
        return {
            "comment_text": "", "core-metadata": core, "digests": digests,
            "downloads": -1, "filename": filename, "has_sig": False,
            "md5_digest": digests["md5"],
            "packagetype": "bdist_wheel" if kind == "wheel" else "sdist",
            "python_version": "py3" if kind == "wheel" else "source",
            "requires_python": requires, "size": size,
            "upload_time": stamp, "upload_time_iso_8601": stamp + ".123456Z",
            "url": f"{self.state['base_url']}/{rel}",
            "yanked": yanked, "yanked_reason": "broken build" if yanked else None,
        }

    def _released(self, doc, version, entries):
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
        self.put(f"simple/{key}/index.json", compact, serial)
        self.put(f"simple/{key}/index.html", page, serial)
        self.put(f"json/{key}", json.dumps(doc))

    def write_root(self):
        """Write root listings, serial table, XML-RPC answers, manifest params."""
        serials = self.state["serials"]           # display -> serial, listing order
        last = self.state["last_serial"]
        body = json.dumps({
            "meta": {"_last-serial": last, "api-version": "1.4"},
            "projects": [{"_last-serial": s, "name": n} for n, s in serials.items()],
        }, separators=(",", ":")).encode()
        self.put("simple/index.json", body, last)
        rows = "\n".join(f'    <a href="/simple/{normalize(n)}/">{n}</a>' for n in serials)
        page = ('<!DOCTYPE html>\n<html>\n  <head>\n    <meta name="pypi:repository-version" '
                'content="1.4">\n    <title>Simple index</title>\n  </head>\n  <body>\n'
                f"{rows}\n  </body>\n</html>\n<!--SERIAL {last}-->").encode()
        self.put("simple/index.html", page, last)
        if self.state["opts"].get("gzip_root"):
            self.put("simple/index.json.gz", gzip.compress(body, 6, mtime=0), last)
            self.put("simple/index.html.gz", gzip.compress(page, 6, mtime=0), last)
        self.put("local.json", json.dumps({normalize(n): s for n, s in serials.items()}))
        self.put("local.db.serial", str(last))
        members = "".join(f"<member><name>{html.escape(n)}</name><value><int>{s}</int></value></member>"
                          for n, s in serials.items())
        envelope = "<?xml version='1.0'?>\n<methodResponse><params><param><value>{}</value></param></params></methodResponse>"
        self.put("xmlrpc/list_packages_with_serial", envelope.format(f"<struct>{members}</struct>"))
        self.put("xmlrpc/changelog_last_serial", envelope.format(f"<int>{last}</int>"))
        self.put("../serials.tsv", f"\t{last}\n" + "".join(
            f"{normalize(n)}\t{s}\n" for n, s in serials.items() if (self.www / "json" / normalize(n)).exists()))
        self.put("../state.json", json.dumps(self.state))

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

    def generate_large(self, size, base_url):
        """A tree of one project with one sdist of so many bytes, which are zeros and take no room on most disks."""
        shutil.rmtree(self.root, ignore_errors=True)
        name, serial, filename = "large", 30_000_000, "large-1.0.tar.gz"
        self.state = {"opts": {}, "base_url": base_url, "seed": "", "mutations": 0,
                      "serials": {name: serial}, "last_serial": serial, "files_per_project": 1}
        sums = {"blake2b_256": hashlib.blake2b(digest_size=32), "md5": hashlib.md5(), "sha256": hashlib.sha256()}
        block = bytes(1 << 20)
        for left in range(size, 0, -len(block)):
            for each in sums.values():
                each.update(block[:left])
        digests = {algorithm: each.hexdigest() for algorithm, each in sums.items()}
        rel = _place(digests["blake2b_256"], filename)
        self.put(rel, b"")
        os.truncate(self.www / rel, size)
        doc = {"info": {"name": name, "version": "1.0"}, "last_serial": serial, "releases": {}, "urls": [],
               "vulnerabilities": []}
        when = datetime(2024, 1, 1, tzinfo=timezone.utc)
        self._released(doc, "1.0", [self._entry("sdist", filename, digests, size, rel, False, when, ">=3.8", False)])
        self.write_project(name, doc)
        self.write_root()

    def touch(self):
        """Give a project that is but listed another serial: the list's bytes are others, and nothing that is mirrored is."""
        name = next(name for name in self.state["serials"] if not (self.www / "json" / normalize(name)).exists())
        self.state["last_serial"] += 1
        self.state["serials"][name] = self.state["last_serial"]
        self.write_root()

    def mutate(self, count):
        """Give `count` projects a new release (wheel + sdist) and new serials."""
        self.state["mutations"] += 1
        rng = random.Random(f"{self.state['seed']}/{self.state['mutations']}")
        serials = self.state["serials"]
        pool = [n for n in serials if (self.www / "json" / normalize(n)).exists()]
        if not 0 < count <= len(pool):
            sys.exit(f"{self.root}: {len(pool)} projects have files, {count} of them can't change")
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
