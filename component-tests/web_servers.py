"""Web servers as people have them, each listing folders in its own way: the real programs."""

from __future__ import annotations

import functools
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from conftest import free_port, tool


class Answers(BaseHTTPRequestHandler):
    """The handler of a server that a test writes itself, where no program will do."""

    def answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering(handler: type[Answers]) -> Iterator[str]:
    """The URL of a server with this handler."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def wait_until_it_answers(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, process.args
        time.sleep(0.02)
    raise AssertionError(f"it does not come up: {process.args}")


@contextmanager
def started(command: list[str], port: int, folder: Path) -> Iterator[str]:
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"HOME": str(folder)})
    try:
        wait_until_it_answers(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def nginx(served: Path, folder: Path, listing: str = "") -> Iterator[str]:
    port, config = free_port(), folder / "nginx.conf"
    config.write_text(f"""
        {"user root;" if os.geteuid() == 0 else ""}
        daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}
        http {{ access_log off; client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
          uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
          server {{ listen 127.0.0.1:{port}; root {served}; autoindex on; {listing} }} }}""")
    with started([tool("nginx"), "-c", str(config), "-e", str(folder / "error.log")], port, folder) as url:
        yield url


@contextmanager
def apache(served: Path, folder: Path, options: str = "") -> Iterator[str]:
    program = next(name for name in ("apache2", "httpd") if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin"))
    modules = next(path for path in map(Path, ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules"))
                   if path.is_dir())
    load = [f"LoadModule {name}_module {modules}/mod_{name}.so" for name in ("mpm_event", "unixd", "authz_core", "dir", "autoindex")
            if (modules / f"mod_{name}.so").exists()]
    port, config = free_port(), folder / "apache.conf"
    config.write_text("\n".join([
        f"ServerRoot {folder}", "ServerName localhost", f"Listen 127.0.0.1:{port}", *load, f"PidFile {folder}/pid",
        f"ErrorLog {folder}/error.log", f"DocumentRoot {served}",
        f"<Directory {served}>", "Options +Indexes", "Require all granted", f"IndexOptions {options}" if options else "", "</Directory>"]))
    with started([tool(program), "-D", "FOREGROUND", "-f", str(config)], port, folder) as url:
        yield url


@contextmanager
def lighttpd(served: Path, folder: Path) -> Iterator[str]:
    port, config = free_port(), folder / "lighttpd.conf"
    config.write_text(f'server.document-root = "{served}"\nserver.bind = "127.0.0.1"\nserver.port = {port}\n'
                      'server.modules = ("mod_dirlisting")\ndir-listing.activate = "enable"\n')
    with started([tool("lighttpd"), "-D", "-f", str(config)], port, folder) as url:
        yield url


@contextmanager
def caddy(served: Path, folder: Path) -> Iterator[str]:
    port, config = free_port(), folder / "Caddyfile"
    config.write_text(f"{{\n admin off\n auto_https off\n}}\nhttp://127.0.0.1:{port} {{\n root * {served}\n file_server browse\n}}\n")
    with started([tool("caddy"), "run", "--config", str(config), "--adapter", "caddyfile"], port, folder) as url:
        yield url


@contextmanager
def python(served: Path, _: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(served)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


#: Each way in which a server lists a folder.
LISTINGS: dict[str, Callable[[Path, Path], object]] = {
    "nginx": nginx,
    "nginx-json": functools.partial(nginx, listing="autoindex_format json;"),
    "nginx-xml": functools.partial(nginx, listing="autoindex_format xml;"),
    "apache-plain": apache,
    "apache-fancy": functools.partial(apache, options="FancyIndexing"),
    "apache-table": functools.partial(apache, options="FancyIndexing HTMLTable SuppressDescription"),
    "lighttpd": lighttpd,
    "caddy": caddy,
    "python": python,
}
