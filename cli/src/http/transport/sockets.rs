//! The transport over sockets: HTTP is ureq's, TLS is rustls's.

use std::io::{self, ErrorKind, Read};
use std::net::Ipv4Addr;
use std::sync::Arc;

use rustls::ClientConfig;
use ureq::config::Config;
use ureq::http::{self, HeaderValue, Uri, header};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Agent, Body, Error as UreqError};
use url::Position;

use super::dialler::Dialler;
use super::failure::{CertificateAlert, failed, refused};
use super::wire::{BUFFER_SIZE, USER_AGENT};
use super::{certificates, tunnel};
use crate::http::patience::Patience;
use crate::http::proxy::Proxy;
use crate::http::request::Transport;
use crate::http::{Bundle, BundleError, Method, Network, Proxies, Request, Response, Tls};

pub struct Sockets {
    bundles: Vec<Bundle>,
    proxies: Proxies,
    patience: Patience,
    config: Config,
    /// For proxies, and for servers without settings of their own.
    tls: Arc<ClientConfig>,
}

impl Sockets {
    pub fn new(network: Network, patience: Patience) -> Result<Self, BundleError> {
        let Network { bundles, proxies } = network;
        let tls = Arc::new(certificates::tls(&bundles, None)?);
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            // Not to end anything, but to tell the wire that the head of the answer is what comes.
            .timeout_recv_response(Some(patience.limits.max_time))
            .input_buffer_size(BUFFER_SIZE)
            .output_buffer_size(BUFFER_SIZE)
            .build();
        Ok(Self { bundles, proxies, patience, config, tls })
    }

    /// An agent that connects with these settings. No connection is used twice, so that each request can have its own.
    fn agent(&self, tls: &Tls) -> io::Result<Agent> {
        let server_tls = if tls.needs_sockets() {
            let bundles = self.bundles.iter().chain(tls.bundles());
            let unusable = |error| io::Error::new(ErrorKind::InvalidInput, error);
            Arc::new(certificates::tls(bundles, tls.certificate()).map_err(unusable)?)
        } else {
            Arc::clone(&self.tls)
        };
        let (proxies, proxy_tls) = (self.proxies.clone(), Arc::clone(&self.tls));
        let dialler = Dialler { server_tls, proxy_tls, proxies, patience: self.patience };
        Ok(Agent::with_parts(self.config.clone(), dialler, NoResolver))
    }

    fn exchange(&self, request: &Request, proxy: Option<&Proxy>) -> io::Result<http::Response<Body>> {
        let url = &request.url;
        let method = match request.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
            Method::Delete => http::Method::DELETE,
        };
        let uri = format!("{}://{}", url.scheme(), &url[Position::BeforeHost..Position::AfterQuery]);
        let mut builder = http::Request::builder()
            .method(method)
            .uri(uri)
            .header(header::USER_AGENT, USER_AGENT)
            // Checksums are of the files as they are.
            .header(header::ACCEPT_ENCODING, "identity");
        if request.is_fresh {
            builder = builder.header(header::CACHE_CONTROL, "no-cache");
        }
        if let Some((name, value)) = &request.credentials {
            builder = builder.header(*name, secret(value)?);
        }
        if let Some(credentials) = proxy.filter(|_| url.scheme() == "http").and_then(|proxy| proxy.credentials.as_ref())
        {
            builder = builder.header(header::PROXY_AUTHORIZATION, secret(credentials)?);
        }
        let agent = self.agent(&request.tls)?;
        let sent = match &request.body {
            Some((content_type, bytes)) => {
                let request = builder.header(header::CONTENT_TYPE, content_type).body(bytes.as_slice());
                agent.run(request.map_err(|_| refused())?)
            }
            None => agent.run(builder.body(()).map_err(|_| refused())?),
        };
        sent.map_err(failed)
    }
}

impl Transport for Sockets {
    fn send(&self, request: &Request) -> io::Result<Response> {
        let proxy = self.proxies.of(&request.url).map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))?;
        let answer = self.exchange(request, proxy.as_ref()).map_err(|error| {
            let error = match CertificateAlert::within(&error) {
                Some(alert) => io::Error::new(error.kind(), request.tls.refusal(alert.reason)),
                None => error,
            };
            match &proxy {
                // A proxy that looks into TLS shows certificates of its own.
                Some(proxy) if !error.to_string().contains(&proxy.to_string()) => {
                    io::Error::new(error.kind(), format!("{error} (by way of {proxy})"))
                }
                _ => error,
            }
        })?;
        let status = answer.status().as_u16();
        if let Some(proxy) = proxy.filter(|_| status == 407) {
            return Err(tunnel::proxy_refuses(&proxy, "the request", status));
        }
        let headers = answer.headers().iter();
        let headers = headers
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let body = answer.into_body().into_with_config().limit(u64::MAX).reader();
        Ok(Response { status, headers, body: Box::new(InWords(body)), url: request.url.clone() })
    }
}

/// A header's value that is never printed, not even if it is invalid.
fn secret(value: &str) -> io::Result<HeaderValue> {
    let mut value = HeaderValue::from_str(value).map_err(|_| refused())?;
    value.set_sensitive(true);
    Ok(value)
}

/// The body of an answer, with its errors in plain words.
struct InWords<R>(R);

impl<R: Read> Read for InWords<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| failed(UreqError::from(error)))
    }
}

/// Names are looked up when a connection is opened: that of the proxy, or that of the server.
#[derive(Debug)]
struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, UreqError> {
        let mut none = self.empty();
        none.push((Ipv4Addr::UNSPECIFIED, 0).into());
        Ok(none)
    }
}

// Servers of these tests are threads, which WASI does not have.
#[cfg(all(test, not(target_os = "wasi")))]
mod tests {
    use std::io::Write as _;
    use std::net::{Shutdown, TcpListener};
    use std::thread::{self, JoinHandle};

    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use rustls::{ServerConfig, ServerConnection, StreamOwned};

    use super::*;
    use crate::http::{HttpError, Limits};

    /// A certificate of localhost that is signed by itself, valid until 2099, and its key.
    const LOCALHOST: &str = "-----BEGIN CERTIFICATE-----
MIIBTTCB9aADAgECAhRI1b7lXB991+PC163uC4NJcuRpBjAKBggqhkjOPQQDAjAU
MRIwEAYDVQQDDAlsb2NhbGhvc3QwIBcNMjAwMTAxMDAwMDAwWhgPMjA5OTAxMDEw
MDAwMDBaMBQxEjAQBgNVBAMMCWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49
AwEHA0IABMX7wSJi+Y8BhEKIUtKkJ5f1E0yK1zQsIJrN/0udokhCdOs2hoeaAlxq
8QEgeyJCdxkUe3S9ewgeRV+Eo+NmyCqjIzAhMAkGA1UdEwQCMAAwFAYDVR0RBA0w
C4IJbG9jYWxob3N0MAoGCCqGSM49BAMCA0cAMEQCIGkBsSAnYqLfsxQm0rbQnHBB
pXE4sIalNx/qjZK4X1G2AiBwAIpPxvIsjSTAiVWZX7WJsZ1oWW2/YUBqJoDh/u27
nA==
-----END CERTIFICATE-----
";
    const LOCALHOST_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdAzHsvmF/gnMc+wD
NyTwpPsrur2awfBUCgzMgGpnUQehRANCAATF+8EiYvmPAYRCiFLSpCeX9RNMitc0
LCCazf9LnaJIQnTrNoaHmgJcavEBIHsiQncZFHt0vXsIHkVfhKPjZsgq
-----END PRIVATE KEY-----
";

    /// A server that reads the head of one request, answers with these bytes, and returns what it has read.
    fn server(answer: &'static [u8]) -> (u16, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).expect("a request") > 0 {
                head.push(byte[0]);
                // A ClientHello of TLS has no such end.
                if head.starts_with(&[0x16]) {
                    break;
                }
            }
            stream.write_all(answer).expect("answered");
            let _ = stream.shutdown(Shutdown::Write);
            String::from_utf8_lossy(&head).into_owned()
        });
        (port, served)
    }

    fn get(url: &str) -> Request {
        Request::new(Method::Get, url.parse().expect(url))
    }

    fn send(request: &Request, variables: &[(&str, String)]) -> io::Result<Response> {
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let network = Network { bundles: Vec::new(), proxies: Proxies::new(variable) };
        Sockets::new(network, Patience::new(Limits::DEFAULT)).expect("a transport").send(request)
    }

    fn failure(url: &str, variables: &[(&str, String)]) -> (String, bool) {
        let request = get(url);
        let error = send(&request, variables).map(|response| response.status).expect_err(url);
        let words = error.to_string();
        (words, HttpError::Unreachable { url: (&request.url).into(), error }.is_transient())
    }

    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: \"x\"\r\n\r\nbody";

    #[test]
    fn a_request_is_sent_with_its_headers_and_answered() {
        let (port, served) = server(OK);
        let url = format!("http://127.0.0.1:{port}/el%209/?a=b");
        let credentials = Some(("authorization", "Basic dTpw".to_owned()));
        let mut response = send(&Request { credentials, ..get(&url) }, &[]).expect("an answer");
        let mut body = String::new();
        response.body.read_to_string(&mut body).expect("a body");
        assert_eq!((response.status, response.header("etag"), body.as_str()), (200, Some("\"x\""), "body"));
        let head = served.join().expect("a request").to_lowercase();
        assert!(head.starts_with("get /el%209/?a=b http/1.1\r\n"), "{head}");
        for line in ["accept-encoding: identity", "authorization: basic dtpw", "user-agent: ami-scheduler/"] {
            assert!(head.contains(line), "{head}");
        }
    }

    /// A server with TLS that answers one request.
    fn secure_server() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let provider = Arc::new(crate::http::transport::crypto::provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let certificate = CertificateDer::from_pem_slice(LOCALHOST.as_bytes()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(LOCALHOST_KEY.as_bytes()).expect("a key");
        let config = config.expect("versions").with_no_client_auth().with_single_cert(vec![certificate], key);
        let connection = ServerConnection::new(Arc::new(config.expect("a pair"))).expect("a connection");
        thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a client");
            let mut stream = StreamOwned::new(connection, stream);
            // Whoever does not believe the certificate asks nothing.
            if stream.read(&mut [0; 4096]).is_ok() {
                stream.write_all(OK).expect("answered");
            }
        });
        port
    }

    #[test]
    fn an_authority_of_a_repository_counts_for_its_requests_alone() {
        let bundle = Bundle { name: "sslcacert own.pem".to_owned(), pem: LOCALHOST.as_bytes().to_vec() };
        let own = Tls::new(vec![bundle], None).expect("settings");
        let transport = Sockets::new(Network::default(), Patience::new(Limits::DEFAULT)).expect("a transport");
        let asked = |tls: &Tls| {
            let request = get(&format!("https://localhost:{}/", secure_server()));
            transport.send(&Request { tls: tls.clone(), ..request }).map(|response| response.status)
        };
        assert_eq!(asked(&own).expect("an answer"), 200);
        assert_eq!(asked(&own.elsewhere()).expect("an answer"), 200, "what it redirects to is a part of it");
        let told = "the certificate of localhost is signed by itself, and is not among the public web's";
        let error = asked(&Tls::default()).expect_err("nobody knows it");
        assert!(error.to_string().starts_with(told), "{error}");
    }

    #[test]
    fn http_to_a_port_that_speaks_tls_is_told_and_final() {
        // The alert "unexpected message".
        let (port, _) = server(&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x0a]);
        let told = "it speaks TLS there: is it an https:// URL?";
        assert_eq!(failure(&format!("http://127.0.0.1:{port}/"), &[]), (told.to_owned(), false));
    }

    #[test]
    fn https_to_a_port_that_speaks_http_is_told_and_final() {
        let (port, _) = server(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let told = "it does not speak TLS there: is it an http:// URL?";
        assert_eq!(failure(&format!("https://127.0.0.1:{port}/"), &[]), (told.to_owned(), false));
    }

    #[test]
    fn what_is_no_answer_is_told_and_may_pass() {
        for (answer, told) in [
            (&b"SSH-2.0-OpenSSH\r\n\r\n"[..], "its answer is not HTTP"),
            (b"", "the connection ended before the answer did"),
        ] {
            let (port, _) = server(answer);
            assert_eq!(failure(&format!("http://127.0.0.1:{port}/"), &[]), (told.to_owned(), true));
        }
    }

    #[test]
    fn a_port_where_nobody_listens_refuses_the_connection() {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        assert_eq!(failure(&format!("http://127.0.0.1:{port}/"), &[]), ("connection refused".to_owned(), true));
    }

    #[test]
    fn a_proxy_is_sent_the_whole_url_and_its_own_credentials() {
        let (port, served) = server(OK);
        let proxy = [("HTTP_PROXY", format!("http://u:p@127.0.0.1:{port}"))];
        assert_eq!(send(&get("http://yum.example.com/el9/"), &proxy).expect("an answer").status, 200);
        let head = served.join().expect("a request").to_lowercase();
        assert!(head.starts_with("get http://yum.example.com/el9/ http/1.1\r\n"), "{head}");
        assert!(
            head.contains("proxy-authorization: basic dtpw\r\n") && head.contains("host: yum.example.com\r\n"),
            "{head}"
        );
    }

    #[test]
    fn a_proxy_that_refuses_a_tunnel_is_told_with_what_to_do() {
        for (answer, told, transient) in [
            (
                &b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"[..],
                "with 407: it wants a user and password: ",
                false,
            ),
            (b"HTTP/1.1 403 Forbidden\r\n\r\n", "with 403: it does not allow that server or port", false),
            (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "with 502: it does not reach that server", true),
            (b"SSH-2.0-OpenSSH\r\n\r\n", " is none: its answer is not HTTP", true),
            (b"", " cannot be reached: it closed the connection", true),
        ] {
            let (port, served) = server(answer);
            let proxy = [("HTTPS_PROXY", format!("127.0.0.1:{port}"))];
            let (error, is_transient) = failure("https://yum.example.com/el9/", &proxy);
            assert!(error.starts_with(&format!("the proxy http://127.0.0.1:{port} of HTTPS_PROXY ")), "{error}");
            assert!(error.contains(told), "{error}");
            assert_eq!(is_transient, transient, "{error}");
            let head = served.join().expect("a request");
            assert!(head.starts_with("CONNECT yum.example.com:443 HTTP/1.1\r\n"), "{head}");
        }
    }
}
