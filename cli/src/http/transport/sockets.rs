//! The transport over sockets: HTTP is ureq's, TLS is rustls's.

use std::io::{self, ErrorKind, Read};
use std::net::Ipv4Addr;
use std::sync::Arc;

use ureq::http::{self, HeaderValue, Uri, header};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Agent, Body, Error as UreqError};
use url::Position;

use super::dialler::Dialler;
use super::failure::{failed, refused};
use super::wire::BUFFER_SIZE;
use super::{TIMEOUT, USER_AGENT, certificates, tunnel};
use crate::http::proxy::Proxy;
use crate::http::request::Transport;
use crate::http::{BundleError, Method, Network, Proxies, Request, Response};

pub struct Sockets {
    agent: Agent,
    proxies: Proxies,
}

impl Sockets {
    pub fn new(network: Network) -> Result<Self, BundleError> {
        let Network { bundles, proxies } = network;
        let dialler = Dialler { tls: Arc::new(certificates::tls(&bundles)?), proxies: proxies.clone() };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .timeout_recv_response(Some(TIMEOUT))
            .input_buffer_size(BUFFER_SIZE)
            .output_buffer_size(BUFFER_SIZE)
            .build();
        Ok(Self { agent: Agent::with_parts(config, dialler, NoResolver), proxies })
    }

    fn exchange(&self, request: &Request, proxy: Option<&Proxy>) -> io::Result<http::Response<Body>> {
        let url = &request.url;
        let method = match request.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Delete => http::Method::DELETE,
        };
        let uri = format!("{}://{}", url.scheme(), &url[Position::BeforeHost..Position::AfterQuery]);
        let mut builder = http::Request::builder()
            .method(method)
            .uri(uri)
            .header(header::USER_AGENT, USER_AGENT)
            // Checksums are of the files as they are.
            .header(header::ACCEPT_ENCODING, "identity");
        if let Some((name, value)) = &request.credentials {
            builder = builder.header(*name, secret(value)?);
        }
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if let Some(credentials) = proxy.filter(|_| url.scheme() == "http").and_then(|proxy| proxy.credentials.as_ref())
        {
            builder = builder.header(header::PROXY_AUTHORIZATION, secret(credentials)?);
        }
        let sent = match &request.body {
            Some((content_type, bytes)) => {
                let request = builder.header(header::CONTENT_TYPE, content_type).body(bytes.as_slice());
                self.agent.run(request.map_err(|_| refused())?)
            }
            None => self.agent.run(builder.body(()).map_err(|_| refused())?),
        };
        sent.map_err(failed)
    }
}

impl Transport for Sockets {
    fn send(&self, request: &Request) -> io::Result<Response> {
        let proxy = self.proxies.of(&request.url).map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))?;
        let answer = self.exchange(request, proxy.as_ref()).map_err(|error| match &proxy {
            // A proxy that looks into TLS shows certificates of its own.
            Some(proxy) if !error.to_string().contains(&proxy.to_string()) => {
                io::Error::new(error.kind(), format!("{error} (by way of {proxy})"))
            }
            _ => error,
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

/// A value that is kept out of what is printed. What is wrong with it is not told either.
fn secret(value: &str) -> io::Result<HeaderValue> {
    let mut value = HeaderValue::from_str(value).map_err(|_| refused())?;
    value.set_sensitive(true);
    Ok(value)
}

/// The body of an answer, whose errors are told as those before it.
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
    fn resolve(&self, _: &Uri, _: &ureq::config::Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, UreqError> {
        let mut none = self.empty();
        none.push((Ipv4Addr::UNSPECIFIED, 0).into());
        Ok(none)
    }
}
