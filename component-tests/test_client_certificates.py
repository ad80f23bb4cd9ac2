"""Repositories whose servers want a client certificate, as RHUI, Pulp and Katello do: the real nginx, and TLS as openssl
speaks it. What the certificate is for sees it, and nobody else does."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from authority import Authority, Certificate, openssl
from conftest import Consumer, Module, Run, WebServer, nginx_servers
from repositories import FIRST, Repository, RpmBuilder
from test_firewall import found, list_releases, proxy, publish, refused  # noqa: F401

#: As nginx logs who shows a certificate.
SHOWN, NOT_SHOWN = "| CN=scheduler |", "| - |"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """That of the servers."""
    return Authority(tmp_path / "authority", "Acme Root")


@pytest.fixture
def clients(tmp_path: Path) -> Authority:
    """That of the clients."""
    return Authority(tmp_path / "clients", "Acme Clients")


@pytest.fixture
def client(clients: Authority) -> Certificate:
    return clients.issue("scheduler")


Serve = Callable[..., WebServer]


@pytest.fixture
def serve(tmp_path: Path, authority: Authority, clients: Authority) -> Iterator[Serve]:
    """Starts an nginx with TLS that asks for a client certificate; `verify` says how much it wants one."""
    with nginx_servers(tmp_path) as start:
        def start_asking(locations: str = "", verify: str = "on") -> WebServer:
            asks = f"ssl_verify_client {verify}; ssl_client_certificate {clients.pem}; ssl_verify_depth 3; {locations}"
            return start(asks, authority.issue("localhost"))

        yield start_asking


@pytest.fixture
def guarded(serve: Serve, rpms: RpmBuilder) -> WebServer:
    """A server that has the repository `/el9/` for those alone who show a certificate."""
    server = serve()
    publish(server, rpms)
    return server


def lists(ami: Module, url: str, authority: Authority, certificate: Path | str = "none", key: Path | str = "none") -> Run:
    """Lists the releases with files that lie where the module sees them."""
    (ami.folder / "ca.pem").write_text(authority.pem.read_text())
    options = ["--ca-file", "ca.pem"]
    for option, given in (("--client-cert", certificate), ("--client-key", key)):
        if isinstance(given, Path):
            (ami.folder / given.name).write_bytes(given.read_bytes())
            given = given.name
        options.append(f"{option}={given}")
    run = list_releases(ami, url, *options)
    for file in (key, certificate):
        assert_not_told(run, file.read_text() if isinstance(file, Path) else file)
    return run


def assert_not_told(run: Run, pem: str) -> None:
    for line in pem.splitlines():
        assert len(line) < 20 or line.startswith("-----") or line not in run.all, run.all


# ---------------------------------------------------------------- a certificate that is taken


@pytest.mark.parametrize("given_as", ["files", "text", "one file"])
def test_a_repository_is_read_with_a_client_certificate(
        ami: Module, authority: Authority, guarded: WebServer, client: Certificate, tmp_path: Path, given_as: str) -> None:
    url = f"{guarded.url}/el9/"
    if given_as == "files":
        run = lists(ami, url, authority, client.pem, client.key)
    elif given_as == "text":
        ami.env |= {"AMI_SCHEDULER_CLIENT_CERT": client.pem.read_text(), "AMI_SCHEDULER_CLIENT_KEY": client.key.read_text()}
        (ami.folder / "ca.pem").write_text(authority.pem.read_text())
        run = list_releases(ami, url, "--ca-file", "ca.pem")
        assert_not_told(run, client.key.read_text())
    else:
        both = tmp_path / "both.pem"
        both.write_text(client.key.read_text() + client.pem.read_text())
        run = lists(ami, url, authority, both)
    assert found(ami, run)
    assert guarded.requests() and all(SHOWN in line for line in guarded.requests()), guarded.requests()


FORMS = {
    "PKCS#8": ["pkey"],
    "SEC1": ["ec"],
    "RSA as PKCS#1": ["rsa", "-traditional"],
    "RSA as PKCS#8": ["pkey"],
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_a_key_is_taken(
        ami: Module, authority: Authority, clients: Authority, guarded: WebServer, tmp_path: Path, form: str) -> None:
    client = clients.issue("scheduler")
    if form.startswith("RSA"):
        request = tmp_path / "rsa.csr"
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=scheduler", "-keyout", client.key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", clients.pem, "-CAkey", clients.key, "-CAcreateserial", "-days", 30, "-out", client.pem)
    key = tmp_path / "key.pem"
    openssl(*FORMS[form], "-in", client.key, "-out", key)
    assert ("BEGIN PRIVATE KEY" in key.read_text()) == ("PKCS#8" in form), key.read_text().splitlines()[0]
    assert found(ami, lists(ami, f"{guarded.url}/el9/", authority, client.pem, key))


def test_intermediates_come_after_the_certificate(
        ami: Module, authority: Authority, clients: Authority, guarded: WebServer, tmp_path: Path) -> None:
    below = clients.below(tmp_path / "below", "Acme Teams")
    client = below.issue("scheduler")
    url = f"{guarded.url}/el9/"
    refused(lists(ami, url, authority, client.pem, client.key), "(issued by CN=Acme Teams)")
    client.pem.write_text(client.pem.read_text() + below.pem.read_text())
    assert found(ami, lists(ami, url, authority, client.pem, client.key))


def test_a_client_certificate_alone_takes_sockets(
        ami: Module, authority: Authority, guarded: WebServer, client: Certificate) -> None:
    """wasmtime's own HTTP would not say which certificate it does not believe."""
    ami.env |= {"AMI_SCHEDULER_CLIENT_CERT": client.pem.read_text(), "AMI_SCHEDULER_CLIENT_KEY": client.key.read_text()}
    refused(list_releases(ami, guarded.url), "is not among the public web's (give its certificate with --ca-file FILE")


# ---------------------------------------------------------------- who sees it


def test_a_redirect_to_another_server_shows_it_no_certificate(
        ami: Module, authority: Authority, serve: Serve, rpms: RpmBuilder, client: Certificate) -> None:
    elsewhere = serve(verify="optional")
    publish(elsewhere, rpms)
    guarded = serve(f"location /el9/ {{ return 302 {elsewhere.url}$request_uri; }}")
    assert found(ami, lists(ami, f"{guarded.url}/el9/", authority, client.pem, client.key))
    assert guarded.requests() and all(SHOWN in line for line in guarded.requests())
    assert elsewhere.requests() and all(NOT_SHOWN in line for line in elsewhere.requests()), elsewhere.requests()


def test_a_redirect_to_a_server_that_wants_one_says_which_url_to_give(
        ami: Module, authority: Authority, serve: Serve, guarded: WebServer, client: Certificate) -> None:
    front = serve(f"location /el9/ {{ return 302 {guarded.url}$request_uri; }}", verify="off")
    refused(lists(ami, f"{front.url}/el9/", authority, client.pem, client.key),
            f"{guarded.url}/el9/repodata/repomd.xml answers 400: it wants a client certificate, and the one that is given is shown "
            "to the repository's own server and its https mirrors alone")


def test_the_mirrors_of_the_repositorys_list_are_shown_it_as_by_dnf(
        ami: Module, authority: Authority, serve: Serve, guarded: WebServer, client: Certificate) -> None:
    """RHUI's list of mirrors names its content servers."""
    front = serve()
    (front.folder / "mirrorlist").write_text(f"{guarded.url}/el9/\n")
    assert found(ami, lists(ami, f"{front.url}/mirrorlist?repo=el9", authority, client.pem, client.key))
    for server in (front, guarded):
        assert server.requests() and all(SHOWN in line for line in server.requests()), server.requests()


def test_a_list_of_mirrors_that_came_by_http_names_nobody_who_is_shown_it(
        ami: Module, authority: Authority, web: WebServer, guarded: WebServer, client: Certificate) -> None:
    (web.folder / "mirrorlist").write_text(f"{guarded.url}/el9/\n")
    refused(lists(ami, f"{web.url}/mirrorlist?repo=el9", authority, client.pem, client.key), "answers 400: it wants a client certificate")


def test_a_server_that_does_not_ask_is_shown_nothing(
        ami: Module, authority: Authority, serve: Serve, rpms: RpmBuilder, client: Certificate) -> None:
    server = serve(verify="off")
    assert found(ami, lists(ami, publish(server, rpms), authority, client.pem, client.key))
    assert all(NOT_SHOWN in line for line in server.requests())


def test_a_certificate_is_shown_through_the_tunnel_of_a_proxy(
        ami: Module, authority: Authority, guarded: WebServer, client: Certificate, proxy) -> None:  # noqa: F811
    url = f"{guarded.url}/el9/"
    proxy = proxy(url)
    ami.env["https_proxy"] = proxy.url()
    assert found(ami, lists(ami, url, authority, client.pem, client.key))
    assert {request.split(":")[0] for request in proxy.requests()} == {"CONNECT localhost"}
    assert all(SHOWN in line for line in guarded.requests())


# ---------------------------------------------------------------- a server that refuses


def test_a_server_that_is_shown_none_says_how_to_give_one(ami: Module, authority: Authority, guarded: WebServer) -> None:
    refused(lists(ami, f"{guarded.url}/el9/", authority),
            "answers 400: it wants a client certificate, and is shown none: list takes one for a repository (--client-cert and --client-key")


def test_a_certificate_of_an_issuer_that_the_server_does_not_know_is_refused(
        ami: Module, authority: Authority, guarded: WebServer, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", "Other Root").issue("scheduler")
    refused(lists(ami, f"{guarded.url}/el9/", authority, other.pem, other.key),
            "answers 400: it refuses the client certificate in --client-cert scheduler.pem (issued by CN=Other Root,O=Acme): ask whoever runs")


class Strict:
    """A server that refuses in TLS itself, as Apache and openssl do, by an alert."""

    def __init__(self, certificate: Certificate, clients: Authority, version: ssl.TLSVersion) -> None:
        self.asked = 0
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=clients.pem)
        context.load_cert_chain(certificate.pem, certificate.key)
        context.verify_mode = ssl.CERT_REQUIRED
        context.minimum_version = context.maximum_version = version
        self.socket, self.context = socket.create_server(("127.0.0.1", 0)), context
        self.url = f"https://localhost:{self.socket.getsockname()[1]}/el9/"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            connection, _ = self.socket.accept()
            self.asked += 1
            try:
                self.context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(("issue", "told"), [
    (None, ", whose issuer it does not know: ask whoever runs the repository for one that it takes"),
    ({"extensions": "extendedKeyUsage=serverAuth\n"}, ", which is not one for clients: ask"),
])
def test_a_refusal_by_an_alert_says_why_and_is_final(
        ami: Module, authority: Authority, clients: Authority, tmp_path: Path, version: ssl.TLSVersion, issue: dict[str, str] | None, told: str) -> None:
    strict = Strict(authority.issue("localhost"), clients, version)
    client = clients.issue("scheduler", **issue) if issue else Authority(tmp_path / "other", "Other Root").issue("scheduler")
    refused(lists(ami, strict.url, authority, client.pem, client.key),
            f"{strict.url}repodata/repomd.xml cannot be reached: it refuses the client certificate in --client-cert scheduler.pem (issued by ", told)
    assert strict.asked == 1


@pytest.mark.parametrize(("version", "told"), [
    # openssl's alert is that of any handshake that fails.
    (ssl.TLSVersion.TLSv1_2, "or wants a client certificate (--client-cert, input client_cert)"),
    (ssl.TLSVersion.TLSv1_3, "it wants a client certificate, and is shown none: list takes one for a repository"),
])
def test_an_alert_about_a_missing_certificate_says_how_to_give_one(
        ami: Module, authority: Authority, clients: Authority, version: ssl.TLSVersion, told: str) -> None:
    strict = Strict(authority.issue("localhost"), clients, version)
    refused(lists(ami, strict.url, authority), f"{strict.url}repodata/repomd.xml cannot be reached: ", told)
    assert strict.asked == 1


# ---------------------------------------------------------------- a pair that is none


def test_what_is_no_pair_is_told_before_anything_is_asked(
        ami: Module, authority: Authority, clients: Authority, guarded: WebServer, client: Certificate, tmp_path: Path) -> None:
    encrypted = [tmp_path / "pkcs8.pem", tmp_path / "as-once.pem"]
    openssl("pkcs8", "-topk8", "-in", client.key, "-passout", "pass:s3cret", "-out", encrypted[0])
    openssl("ec", "-in", client.key, "-aes256", "-passout", "pass:s3cret", "-out", encrypted[1])
    past = clients.issue("past", "20250101000000Z", "20250201000000Z")
    other = clients.issue("other")
    for certificate, key, told in [
        (client.pem, other.key, "the key in --client-key other.key does not belong to the certificate in --client-cert scheduler.pem"),
        (client.key, client.key, "--client-cert scheduler.key holds no certificate; expected PEM"),
        (client.pem, "none", "--client-cert scheduler.pem holds no private key; expected PEM"),
        ("none", client.key, "--client-key has a key, and --client-cert no certificate"),
        *((client.pem, key, f"the key in --client-key {key.name} is encrypted, and its passphrase cannot be given: decrypt it with openssl pkey")
          for key in encrypted),
        (past.pem, past.key, "the certificate in --client-cert past.pem expired on 2025-02-01T00:00:00Z; it is 20"),
        ("", client.key, "a client certificate was asked for, and its value expanded to nothing"),
        (client.pem, " ", "the key of a client certificate was asked for, and its value expanded to nothing"),
        ("https://example.com/client.pem", "none", "--client-cert is a URL, and is not fetched: give the file that is there, or its text"),
    ]:
        run = lists(ami, f"{guarded.url}/el9/", authority, certificate, key)
        assert run.code == 2 and told in run.err, run.all
    assert guarded.requests() == []


def test_a_key_on_the_command_line_is_warned_of(ami: Module, client: Certificate) -> None:
    """`ps` shows it to whoever is on the machine; a variable it does not show."""
    told = "WARNING: while this runs, whoever can list this machine's processes (ps) sees the key in --client-key"
    ami.env["AMI_SCHEDULER_CLIENT_CERT"] = client.pem.read_text()
    typed = list_releases(ami, "file:nowhere", "--client-key", client.key.read_text())
    ami.env["AMI_SCHEDULER_CLIENT_KEY"] = client.key.read_text()
    given = list_releases(ami, "file:nowhere")
    assert (typed.code, given.code) == (3, 3), typed.all + given.all
    assert told in typed.err and told not in given.err
    assert_not_told(typed, client.key.read_text())


@pytest.mark.parametrize("words", [("--client-key",), ("--clientkey",), ("--client-cert", "none", "--client-key"), ("--product",)])
def test_no_mistake_on_the_command_line_repeats_a_key(ami: Module, client: Certificate, words: tuple[str, ...]) -> None:
    run = list_releases(ami, "file:nowhere", *words, client.key.read_text())
    assert run.code == 2, run.all
    assert_not_told(run, client.key.read_text())


# ---------------------------------------------------------------- the component


@pytest.mark.parametrize("given_as", ["text", "variables of type File"])
def test_the_component_takes_a_client_certificate_as_text_or_as_files(
        consumer: Consumer, authority: Authority, guarded: WebServer, client: Certificate, given_as: str) -> None:
    consumer.repo_url = f"{guarded.url}/el9/"
    values = {"CLIENT_CERT": client.pem, "CLIENT_KEY": client.key}
    consumer.variables = {"SSL_CERT_FILE": str(authority.pem)} | {
        name: file.read_text() if given_as == "text" else str(file) for name, file in values.items()}
    consumer.edit(".gitlab-ci.yml", "      repo_url: $REPO_URL\n",
                  "      repo_url: $REPO_URL\n      client_cert: $CLIENT_CERT\n      client_key: $CLIENT_KEY\n")

    night = consumer.schedule()

    assert "list" in night.jobs("PASS") and len(night.builds()) == 2, night.log
    for line in client.key.read_text().splitlines()[1:-1]:
        assert line not in night.log
    assert all(SHOWN in line for line in guarded.requests())

    del consumer.variables["CLIENT_CERT"]
    assert "list" in consumer.schedule().jobs("FAIL"), "what expanded to nothing is no certificate that is off"
