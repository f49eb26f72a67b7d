"""Names, wheels and sdists that look like PyPI's to a mirroring client; the same seed gives the same ones."""

import base64
import gzip
import hashlib
import io
import re
import tarfile
import zipfile

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
