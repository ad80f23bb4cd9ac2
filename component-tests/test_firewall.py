"""Behind a firewall: certificates of private authorities, and proxies, against the real nginx and tinyproxy."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from authority import Authority, Certificate, self_signed
from conftest import PROJECT, Consumer, Module, Run, WebServer, free_port, nginx_servers, tool
from gitlab_stand_in import GitLab
from repositories import FIRST, Repository, RpmBuilder
from test_module import CHILD

NEWEST = "gitlab-runner-18.6.0-1.x86_64"
PASSWORD = "pr0xy-s3cret"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority", "Acme Root")


Serve = Callable[..., WebServer]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts an nginx: `serve(certificate)` with TLS, `serve()` without."""
    with nginx_servers(tmp_path) as start:
        yield lambda tls=None, locations="": start(locations, tls)


def publish(server: WebServer, rpms: RpmBuilder) -> str:
    return Repository(server.folder / "el9", rpms, f"{server.url}/el9/").add(*FIRST).publish().url


@pytest.fixture
def secure_url(serve: Serve, authority: Authority, rpms: RpmBuilder) -> str:
    """A repository whose server has a certificate of the private authority."""
    return publish(serve(authority.issue("localhost")), rpms)


def give(ami: Module, *files: Path) -> str:
    """Puts certificates where the module sees them."""
    (ami.folder / "ca.pem").write_text("".join(file.read_text() for file in files))
    return "ca.pem"


def list_releases(ami: Module, url: str, *more: object) -> Run:
    return ami("list", "--product", "gitlab-runner", "--repo-url", url, *more)


def found(ami: Module, run: Run) -> bool:
    assert run.code == 0, run.all
    return NEWEST in [package["package"] for package in ami.json("packages.json")["packages"]]


def refused(run: Run, *words: str) -> None:
    assert run.code == 3, run.all
    assert "trying again" not in run.all, "what is refused for good is not tried again"
    for word in words:
        assert word in run.err, run.err


# ---------------------------------------------------------------- certificates


@pytest.mark.parametrize("way", ["--ca-file", "SSL_CERT_FILE", "CI_SERVER_TLS_CA_FILE"])
def test_the_certificate_of_a_private_authority_is_believed_with_its_bundle(
        ami: Module, authority: Authority, secure_url: str, way: str) -> None:
    bundle = give(ami, authority.pem)
    if way == "--ca-file":
        run = list_releases(ami, secure_url, way, bundle)
    else:
        ami.env[way] = bundle
        run = list_releases(ami, secure_url)
    assert found(ami, run)


def test_bundles_add_up(ami: Module, authority: Authority, secure_url: str, tmp_path: Path) -> None:
    shutil.copy(authority.pem, ami.folder / "gitlab.pem")
    ami.env |= {"SSL_CERT_FILE": give(ami, Authority(tmp_path / "other", "Other Root").pem), "CI_SERVER_TLS_CA_FILE": "gitlab.pem"}
    assert found(ami, list_releases(ami, secure_url))


def test_an_authority_below_another_is_believed_by_its_own_certificate_or_by_the_chain(
        ami: Module, authority: Authority, serve: Serve, rpms: RpmBuilder, tmp_path: Path) -> None:
    below = authority.below(tmp_path / "below", "Acme Issuing")
    leaf = below.issue("localhost")
    alone = publish(serve(leaf), rpms)
    refused(list_releases(ami, alone, "--ca-file", give(ami, authority.pem)), "its issuer is CN=Acme Issuing")
    assert found(ami, list_releases(ami, alone, "--ca-file", give(ami, below.pem)))

    leaf.pem.write_text(leaf.pem.read_text() + below.pem.read_text())
    chain = publish(serve(leaf), rpms)
    assert found(ami, list_releases(ami, chain, "--ca-file", give(ami, authority.pem)))
    other = Authority(tmp_path / "other", "Other Root")
    refused(list_releases(ami, chain, "--ca-file", give(ami, other.pem)), "its issuer is CN=Acme Root,O=Acme")


@pytest.mark.module_only  # the native program gives the reason itself
def test_without_a_bundle_it_says_how_to_give_one(ami: Module, secure_url: str) -> None:
    run = list_releases(ami, secure_url)
    assert run.code == 3, run.all
    assert "Private certificate authority? Pass its certificate with --ca-file FILE or the variable SSL_CERT_FILE" in run.err

    ami.env["HTTPS_PROXY"] = "http://localhost:1"
    ami.env["NO_PROXY"] = "localhost"
    refused(list_releases(ami, secure_url), "is not among the public web's (give its certificate with --ca-file FILE")


def test_a_certificate_of_another_authority_is_refused_by_name(ami: Module, secure_url: str, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", "Other Root")
    refused(list_releases(ami, secure_url, "--ca-file", give(ami, other.pem)),
            "the certificate of localhost is signed by an authority that is not among the public web's and those of --ca-file ca.pem; "
            "its issuer is CN=Acme Root,O=Acme")


@pytest.mark.parametrize(("issue", "told"), [
    ({"begins": "20250101000000Z", "ends": "20250201000000Z"},
     "the certificate of localhost expired on 2025-02-01T00:00:00Z; this machine's clock says 20"),
    ({"begins": "20980101000000Z"}, "the certificate of localhost is not valid yet, but from 2098-01-01T00:00:00Z on"),
    ({"extensions": "subjectAltName=DNS:yum.example.com,DNS:mirror.example.com\n"},
     "the certificate of localhost is not for that name, but for: yum.example.com, mirror.example.com"),
    ({"extensions": "extendedKeyUsage=serverAuth\n"},
     "the certificate of localhost is not for that name, but for: none (subjectAltName is missing)"),
    ({"extensions": "subjectAltName=DNS:localhost\nextendedKeyUsage=emailProtection\n"},
     "the certificate of localhost cannot be used: "),
])
def test_a_certificate_that_does_not_hold_is_refused_with_the_reason(
        ami: Module, authority: Authority, serve: Serve, issue: dict[str, str], told: str) -> None:
    server = serve(authority.issue("localhost", **issue))
    refused(list_releases(ami, server.url, "--ca-file", give(ami, authority.pem)), told)


def test_a_self_signed_certificate_is_believed_where_it_is_given_itself(
        ami: Module, authority: Authority, serve: Serve, rpms: RpmBuilder, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, "localhost")
    url = publish(serve(certificate), rpms)
    refused(list_releases(ami, url, "--ca-file", give(ami, authority.pem)),
            "the certificate of localhost is signed by itself, and is not among the public web's and those of --ca-file ca.pem")
    assert found(ami, list_releases(ami, url, "--ca-file", give(ami, authority.pem, certificate.pem)))
    refused(list_releases(ami, url.replace("localhost", "127.0.0.1"), "--ca-file", "ca.pem"),
            "the certificate of 127.0.0.1 is not for that name, but for: localhost")


@pytest.mark.parametrize(("content", "told"), [
    (None, "the certificates of --ca-file: cannot read ca.pem"),
    ("", "--ca-file ca.pem holds no certificate that can be used; expected PEM"),
    ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "--ca-file ca.pem holds no certificate that can be used"),
    ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "--ca-file ca.pem holds no certificate that can be used"),
    ("-----BEGIN CERTIFICATE-----\nAAAA\n", "--ca-file ca.pem is damaged: "),
])
def test_a_bundle_that_is_of_no_use_is_an_error(ami: Module, content: str | None, told: str) -> None:
    if content is not None:
        (ami.folder / "ca.pem").write_text(content)
    run = list_releases(ami, "https://yum.example.com/", "--ca-file", "ca.pem")
    assert run.code == 2 and told in run.err, run.all


@pytest.mark.module_only
def test_a_bundle_outside_of_the_sandbox_is_an_error_that_says_so(ami: Module, authority: Authority) -> None:
    ami.env["SSL_CERT_FILE"] = str(authority.pem)
    run = list_releases(ami, "https://yum.example.com/")
    assert run.code == 2, run.all
    assert f"the certificates of SSL_CERT_FILE: cannot read {authority.pem} (the module sees only the folders that wasmtime was given" in run.err


def test_what_does_not_speak_tls_is_told_so(ami: Module, authority: Authority, web: WebServer) -> None:
    refused(list_releases(ami, web.url.replace("http:", "https:"), "--ca-file", give(ami, authority.pem)),
            "it does not speak TLS there: is it an http:// URL?")


@pytest.mark.module_only
def test_what_is_behind_a_failure_of_tls_is_not_asked_for_without_tls(ami: Module, web: WebServer) -> None:
    """Whoever breaks TLS on the way would answer such a request, and be believed. Both causes are told."""
    run = list_releases(ami, web.url.replace("http:", "https:"))
    assert run.code == 3, run.all
    assert "Does it not speak TLS there? Then it is an http:// URL" in run.err, run.all
    assert web.requests() and not [line for line in web.requests() if line.startswith("GET ")], web.requests()


@pytest.mark.module_only
def test_sockets_that_wasmtime_does_not_allow_are_told_so(ami: Module, authority: Authority) -> None:
    give(ami, authority.pem)
    command = [tool("wasmtime"), "run", "--wasi", "http", "--wasi", "cli-exit-with-code", "--dir", f"{ami.folder}::.", str(ami.wasm),
               "list", "--product", "p", "--ca-file", "ca.pem", "--repo-url", "http://127.0.0.1:1/"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    refused(Run(done.returncode, done.stdout, done.stderr), "wasmtime lets no sockets be opened: run it with --wasi inherit-network")


# ---------------------------------------------------------------- what a server does


class Talker:
    """A server with TLS that says the same bytes to everybody, and then closes."""

    def __init__(self, certificate: Certificate, said: bytes) -> None:
        self.said, self.asked = said, 0
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate.pem, certificate.key)
        self.socket = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        self.url = f"https://localhost:{self.socket.getsockname()[1]}/"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            connection, _ = self.socket.accept()
            connection.recv(65536)
            self.asked += 1
            connection.sendall(self.said)
            connection.close()


@pytest.mark.parametrize("said", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<repomd",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n<repomd\r\n",
    # Without a length the end of TLS is the end; a connection that is merely closed is none.
    b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<repomd",
    b"HTTP/1.1 200 OK\r\nContent-",
    b"",
    b"SSH-2.0-OpenSSH_9.2\r\n",
])
def test_an_answer_that_is_cut_short_or_none_is_an_error(ami: Module, authority: Authority, said: bytes) -> None:
    talker = Talker(authority.issue("localhost"), said)
    run = list_releases(ami, talker.url, "--ca-file", give(ami, authority.pem))
    assert run.code == 3 and "panicked" not in run.err and "trap" not in run.err, run.all
    assert talker.asked > 1, "it may pass, and is tried again"


def test_a_redirect_is_followed_by_the_client_and_carries_no_password_elsewhere(
        ami: Module, authority: Authority, serve: Serve, secure_url: str, web: WebServer) -> None:
    moved = serve(authority.issue("localhost"), f"location /moved/ {{ rewrite ^/moved/(.*) {secure_url}$1 redirect; }}")
    bundle = give(ami, authority.pem)
    assert found(ami, list_releases(ami, f"{moved.url.replace('//', '//anna:s3cret@')}/moved", "--ca-file", bundle))
    assert "Basic" in moved.log.read_text()
    elsewhere = next(ami.folder.parent.glob("nginx-10")) / "access.log"
    assert "repomd.xml" in elsewhere.read_text() and "Basic" not in elsewhere.read_text()


def test_a_server_that_refuses_an_upload_before_it_has_read_it_is_heard(
        ami: Module, authority: Authority, serve: Serve, gitlab: GitLab) -> None:
    limited = serve(authority.issue("localhost"), f"location / {{ proxy_pass {gitlab.url}; client_max_body_size 64; }}")
    job = ami.inside_job_of(gitlab)
    job.env |= {"CI_API_V4_URL": f"{limited.url}/api/v4", "SSL_CERT_FILE": give(ami, authority.pem)}
    run = job("update", "--force", "--tracker", "gitlab", "--package", NEWEST, "--target", "t")
    assert run.code == 4 and "larger than GitLab, or a proxy before it, takes" in run.err, run.all


# ---------------------------------------------------------------- proxies


@dataclass
class Proxy:
    port: int
    log: Path

    def url(self, user_info: str = f"anna:{PASSWORD}@") -> str:
        return f"http://{user_info}localhost:{self.port}"

    def requests(self) -> list[str]:
        return [line.split("): ", 1)[1] for line in self.log.read_text().splitlines() if "Request (file" in line]


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Callable[..., Proxy]]:
    """Starts a tinyproxy that wants a password, and allows CONNECT to the ports of these URLs alone."""
    started = []

    def start(*urls: str) -> Proxy:
        proxy = Proxy(free_port(), tmp_path / "tinyproxy.log")
        ports = [f"ConnectPort {url.split(':')[2].split('/')[0]}" for url in urls] or ["ConnectPort 1"]
        config = tmp_path / "tinyproxy.conf"
        config.write_text("\n".join([f"Port {proxy.port}", "Listen 127.0.0.1", "Timeout 60", f'LogFile "{proxy.log}"',
                                     "LogLevel Connect", "MaxClients 50", f"BasicAuth anna {PASSWORD}", *ports]) + "\n")
        proxy.log.touch()
        started.append(subprocess.Popen([tool("tinyproxy"), "-d", "-c", str(config)], stdout=subprocess.DEVNULL))
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", proxy.port)) == 0:
                    return proxy
            time.sleep(0.02)
        raise AssertionError("tinyproxy does not come up")

    yield start
    for process in started:
        process.terminate()
        process.wait()


def test_https_goes_through_a_tunnel_of_the_proxy(ami: Module, authority: Authority, secure_url: str, proxy) -> None:
    proxy = proxy(secure_url)
    ami.env |= {"https_proxy": proxy.url(), "SSL_CERT_FILE": give(ami, authority.pem)}
    assert found(ami, list_releases(ami, secure_url))
    assert {request.split(":")[0] for request in proxy.requests()} == {"CONNECT localhost"}


def test_http_is_passed_on_by_the_proxy_and_needs_no_tunnel(ami: Module, web: WebServer, rpms: RpmBuilder, proxy) -> None:
    url = publish(web, rpms)
    proxy = proxy()
    ami.env["HTTP_PROXY"] = proxy.url()
    assert found(ami, list_releases(ami, url.replace("//", "//anna:pa55@")))
    assert all(request.startswith(f"GET {url}repodata/") for request in proxy.requests()), proxy.requests()
    assert len(proxy.requests()) == 2
    assert PASSWORD not in web.log.read_text() and "Basic YW5uYTpwYTU1" in web.log.read_text()


def test_no_proxy_goes_straight(ami: Module, web: WebServer, rpms: RpmBuilder, proxy) -> None:
    url = publish(web, rpms)
    proxy = proxy()
    ami.env |= {"ALL_PROXY": proxy.url(), "NO_PROXY": "example.com, 127.0.0.0/8"}
    assert found(ami, list_releases(ami, url))
    assert proxy.requests() == []


@pytest.mark.parametrize(("user_info", "told"), [
    ("", "it wants a user and password: USER:PASSWORD@ before its host"),
    ("anna:wr0ng-s3cret@", "it does not accept the user and password in its URL"),
])
def test_a_proxy_that_wants_another_password_is_told_so(
        ami: Module, authority: Authority, secure_url: str, web: WebServer, proxy, user_info: str, told: str) -> None:
    proxy = proxy(secure_url)
    shown = f"the proxy http://localhost:{proxy.port} of ALL_PROXY refused"
    ami.env |= {"ALL_PROXY": proxy.url(user_info), "SSL_CERT_FILE": give(ami, authority.pem)}
    tunnelled = list_releases(ami, secure_url)
    refused(tunnelled, f"{shown} CONNECT to localhost:", told)
    assert "s3cret" not in tunnelled.all
    if not user_info:  # a wrong one tinyproxy refuses as if it were the server itself
        refused(list_releases(ami, web.url), f"{shown} the request with 407", told)


def test_a_proxy_that_does_not_allow_a_server_is_told_so(ami: Module, authority: Authority, secure_url: str, proxy) -> None:
    ami.env |= {"HTTPS_PROXY": proxy().url(), "SSL_CERT_FILE": give(ami, authority.pem)}
    run = list_releases(ami, secure_url)
    refused(run, "with 403: it does not allow that server or port; is it one for NO_PROXY?")
    assert PASSWORD not in run.all


def test_a_proxy_that_is_down_is_told_so(ami: Module, secure_url: str) -> None:
    port = free_port()
    ami.env["HTTPS_PROXY"] = f"http://anna:{PASSWORD}@localhost:{port}"
    run = list_releases(ami, secure_url)
    assert run.code == 3, run.all
    assert f"cannot be reached: the proxy http://localhost:{port} of HTTPS_PROXY cannot be reached: connection refused" in run.err
    assert PASSWORD not in run.all


def test_a_proxy_of_a_kind_that_is_not_known_is_told_so(ami: Module) -> None:
    ami.env["ALL_PROXY"] = f"socks5://anna:{PASSWORD}@localhost:1080"
    run = list_releases(ami, "https://yum.example.com/")
    refused(run, "ALL_PROXY names no proxy of http: or https:")
    assert PASSWORD not in run.all


def test_a_certificate_that_is_refused_by_way_of_a_proxy_names_the_proxy(
        ami: Module, secure_url: str, proxy, tmp_path: Path) -> None:
    """A proxy that looks into TLS has certificates of its own."""
    proxy = proxy(secure_url)
    ami.env |= {"HTTPS_PROXY": proxy.url(), "SSL_CERT_FILE": give(ami, Authority(tmp_path / "other", "Other Root").pem)}
    refused(list_releases(ami, secure_url), "its issuer is CN=Acme Root,O=Acme (by way of the proxy http://localhost:")


# ---------------------------------------------------------------- all of it


@pytest.fixture
def secure_gitlab(serve: Serve, authority: Authority, gitlab: GitLab) -> str:
    """GitLab's API behind a server with a certificate of the private authority."""
    server = serve(authority.issue("localhost"), f"location / {{ proxy_pass {gitlab.url}; client_max_body_size 6m; }}")
    return f"{server.url}/api/v4"


def test_a_night_goes_through_private_certificates_and_a_proxy(
        ami: Module, authority: Authority, secure_url: str, secure_gitlab: str, gitlab: GitLab, proxy) -> None:
    proxy = proxy(secure_url, secure_gitlab)
    job = ami.inside_job_of(gitlab)
    job.env |= {"CI_API_V4_URL": secure_gitlab, "CI_SERVER_TLS_CA_FILE": give(ami, authority.pem), "HTTPS_PROXY": proxy.url()}

    for words in [("list", "--product", "gitlab-runner", "--repo-url", secure_url),
                  ("diff", "--tracker", "gitlab", "--targets", "al2023", *CHILD),
                  ("update", "--force", "--tracker", "gitlab", "--package", NEWEST, "--target", "al2023"),
                  ("update", "--force", "--tracker", "gitlab", "--package", NEWEST, "--target", "rhel9"),
                  ("status", "--tracker", "gitlab")]:
        run = job(*words)
        assert run.code == 0, run.all
        assert PASSWORD not in run.all

    assert NEWEST in run.out and "built" in run.out
    assert gitlab.requests("POST") and gitlab.requests("DELETE"), "heads are uploaded, and deleted"
    assert len(gitlab.files(PROJECT)) == 2
    assert len({request.split()[1] for request in proxy.requests()}) == 2, "both servers by the proxy"


def test_a_runner_with_a_certificate_authority_is_all_that_the_component_needs(
        consumer: Consumer, authority: Authority, secure_url: str, secure_gitlab: str) -> None:
    consumer.repo_url = secure_url
    consumer.variables = {"CI_API_V4_URL": secure_gitlab, "CI_SERVER_TLS_CA_FILE": str(authority.pem)}

    night = consumer.schedule()

    assert night.code == 0, night.log
    assert consumer.states()["18.6.0-1 al2023"] == "built"
    assert consumer.schedule(fails="").builds() == []


def test_a_runner_with_a_proxy_is_all_that_the_component_needs(
        consumer: Consumer, authority: Authority, secure_url: str, secure_gitlab: str, proxy) -> None:
    proxy = proxy(secure_url, secure_gitlab)
    consumer.repo_url = secure_url
    consumer.variables = {"CI_API_V4_URL": secure_gitlab, "SSL_CERT_FILE": str(authority.pem), "https_proxy": proxy.url(),
                          "no_proxy": "169.254.169.254"}

    night = consumer.schedule()

    assert night.code == 0, night.log
    assert consumer.states()["18.6.0-1 al2023"] == "built"
    assert len(proxy.requests()) > 4 and PASSWORD not in night.log
