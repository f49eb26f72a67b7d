"""The way to a certificate with a real ACME server (Caddy's) and a real client (certbot), in a network namespace.

Runs on demand, since it needs root and takes some ten seconds: PYPIMIRROR_ACME=1 bin/test tests/test_sites_acme.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pypimirror.serve.sites.nginx import Nginx
from support import published_tree, servers

HOST = "pypi.example.com"
_CADDY = """\
{
	admin off
	skip_install_trust
	http_port 8081
	https_port 14000
	auto_https disable_redirects
}
https://acme.localhost:14000 {
	tls internal
	acme_server
}
"""
#: Waits for a file or a port, then does the two steps of docs/web-servers.rst, renews, and reads a page with verified TLS.
_SCRIPT = """\
set -eu
trap 'kill $(jobs -p) 2> /dev/null || true' EXIT
mount --bind hosts /etc/hosts
ip link set lo up
export XDG_DATA_HOME=$PWD/caddy HOME=$PWD
caddy run --config Caddyfile --adapter caddyfile > caddy.log 2>&1 &
nginx -p $PWD -c $PWD/before.conf > nginx.log 2>&1 &
listens() { "$PYTHON" -c "import socket; socket.create_connection(('127.0.0.1', $1)).close()" 2> /dev/null; }
for port in 80 14000; do until listens $port; do sleep 0.1; done; done
root=$(find caddy -name root.crt)
certbot() {
    REQUESTS_CA_BUNDLE=$root command certbot "$@" --server https://acme.localhost:14000/acme/local/directory \\
        --config-dir certbot --work-dir certbot/work --logs-dir certbot/logs --non-interactive
}
certbot certonly --webroot --webroot-path acme --domain pypi.example.com --register-unsafely-without-email --agree-tos
cp complete.conf before.conf
nginx -p $PWD -c $PWD/before.conf -t
nginx -p $PWD -c $PWD/before.conf -s reload
until listens 443; do sleep 0.1; done
certbot renew --force-renewal --no-random-sleep-on-renew
"$PYTHON" - "$root" <<'END'
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[1])
reply = urllib.request.urlopen("https://pypi.example.com/simple/demo/", context=context)
print("PAGE", reply.status, reply.headers["Strict-Transport-Security"], b"demo-1.0" in reply.read())
END
"""


@pytest.mark.skipif(not os.environ.get("PYPIMIRROR_ACME"), reason="runs with PYPIMIRROR_ACME=1")
def test_a_certificate_is_got_in_two_steps_and_renewed() -> None:
    missing = [name for name in ("caddy", "nginx", "certbot", "unshare", "ip") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"needs root and {', '.join(missing) or 'nothing else'}")
    with tempfile.TemporaryDirectory(prefix="pypimirror-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        published_tree.publish(folder / "mirror", {"demo": [published_tree.wheel("demo", "1.0")]})
        (folder / "acme").mkdir()
        live = folder / "certbot" / "live" / HOST
        site = Nginx({"mirror_file_path": str(folder / "mirror"), "base_url": f"https://{HOST}", "index_url": (),
                      "local_packages": None, "external_links": False, "acme_directory": str(folder / "acme"),
                      "tls_certificate": str(live / "fullchain.pem"), "tls_key": str(live / "privkey.pem")})
        for conf, text in (("before", site.render_before_certificate()), ("complete", site.render())):
            (folder / f"{conf}.conf").write_text(servers._NGINX.format(folder=folder, site=text, user="user www-data;"))
        (folder / "hosts").write_text(f"127.0.0.1 localhost acme.localhost {HOST}\n")
        (folder / "Caddyfile").write_text(_CADDY)
        done = subprocess.run(["unshare", "--mount", "--net", "--propagation", "private", "bash", "-c", _SCRIPT], cwd=folder,
                              env={**os.environ, "PYTHON": sys.executable}, capture_output=True, text=True,
                              timeout=servers.PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PAGE 200 max-age=31536000 True" in done.stdout
