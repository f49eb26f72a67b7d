#!/usr/bin/env python3
"""Serves a synthetic index (tree.py) on loopback, by nginx with its Lua module.

  generate TREE --projects N --files F [--seed S] ...   write a tree
  list-only TREE --projects N --match M ...             big root listing; only
                                                        the M matching projects
                                                        have pages and one file
  mutate TREE --count K                                 K projects get one more
                                                        release, new serials
  serve TREE [--latency-ms L] [--workers W] [--redirect]
                                                        (re)start nginx
  reload | stop | status                                act on that nginx
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from places import OTHER_PORT, PORT, PROXY_PORT, RUN, URL
from tree import Tree

NEEDED = "nginx and its Lua module are needed: apt-get install nginx-light libnginx-mod-http-lua"
NGINX = """
load_module modules/ndk_http_module.so;
load_module modules/ngx_http_lua_module.so;
{user}
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
    {redirect}
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
  # the host of redirected files
  server {{ listen 127.0.0.1:{other} backlog=4096; root {root}/www; }}
  # a forward proxy
  upstream index {{ server 127.0.0.1:{port}; keepalive 64; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{proxy} backlog=4096;
    location / {{
      proxy_pass http://index$request_uri; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $http_host;
    }}
  }}
  {more}
}}
"""


def pid():
    """Give the number of nginx's first process, or None if it does not run."""
    try:
        value = int((RUN / "nginx.pid").read_text())
        command = Path(f"/proc/{value}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return value if os.fsencode(RUN / "nginx.conf") in command else None  # numbers are given to others, too


def stop():
    value = pid()
    if value:
        os.kill(value, signal.SIGQUIT)
        for _ in range(200):
            if pid() is None:
                break
            time.sleep(0.05)


def program():
    """Give nginx. Exits with a line if it is not there."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return found or sys.exit(NEEDED)


def serve(tree, latency_ms=0, workers=2, redirect=False, more=""):
    """Serve a tree until ``stop``, each request after so many milliseconds.

    redirect: whether files are on another host; more: further servers, as nginx's configuration.
    """
    stop()
    RUN.mkdir(parents=True, exist_ok=True)
    latency = ""
    if latency_ms:
        latency = f"access_by_lua_block {{ if ngx.var.uri ~= '/_status' then ngx.sleep({latency_ms / 1000}) end }}"
    elsewhere = f"location /packages/ {{ return 302 http://127.0.0.1:{OTHER_PORT}$request_uri; }}" if redirect else ""
    gz = "gzip_static on;" if tree.is_part else ""
    conf = RUN / "nginx.conf"
    conf.write_text(NGINX.format(run=RUN, root=tree.root.resolve(), port=PORT,
                                 latency=latency, workers=workers, redirect=elsewhere, more=more,
                                 other=OTHER_PORT, proxy=PROXY_PORT,
                                 user="user root;" if os.geteuid() == 0 else "", gzip_static=gz))
    _start()


def _start():
    log = RUN / "error.log"
    started = subprocess.run([program(), "-c", str(RUN / "nginx.conf"), "-e", str(log)], stderr=subprocess.PIPE, text=True)
    if started.returncode:
        told = started.stderr.splitlines()
        sys.exit(f"nginx on port {PORT}: {next((line for line in told if '[emerg]' in line), f'see {log}')}")


def reload_server():
    """Restart rather than HUP: synchronous, and drops nginx's open-file cache."""
    value = pid()
    if value:
        stop()
        _start()


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
        p.add_argument("--base-url", default=URL)
    p = sub.add_parser("mutate")
    p.add_argument("tree")
    p.add_argument("--count", type=int, required=True)
    p = sub.add_parser("serve")
    p.add_argument("tree")
    p.add_argument("--latency-ms", type=float, default=0)
    p.add_argument("--workers", type=int, default=2)
    p.add_argument("--redirect", action="store_true")
    for cmd in ("reload", "stop", "status"):
        sub.add_parser(cmd)
    a = ap.parse_args()
    if a.cmd in ("generate", "list-only"):
        opts = {"median": a.median, "sigma": a.sigma, "big_share": a.big_share,
                "zope_share": a.zope_share, "gzip_root": a.gzip_root}
        Tree(a.tree).generate(a.projects, a.files, a.seed, opts, a.base_url, a.match)
    elif a.cmd == "mutate":
        Tree.there(a.tree).mutate(a.count)
        reload_server()
    elif a.cmd == "serve":
        serve(Tree.there(a.tree), a.latency_ms, a.workers, a.redirect)
    elif a.cmd == "reload":
        reload_server()
    elif a.cmd == "stop":
        stop()
    print("nginx pid", pid())


if __name__ == "__main__":
    sys.exit(main())
