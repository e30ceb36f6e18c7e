//! Which names of this server a request may use.
//!
//! A page of a stranger, open in a browser on this machine, can give its own name the address
//! 127.0.0.1 and then read this server as if it were its own (DNS rebinding). The header `Host`
//! tells: it holds the stranger's name. So a server that listens on loopback answers only to
//! addresses, `localhost`, this host's name and the name in `--web.external-url`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use reqwest::Url;

use crate::embedded::host_name;

/// The names that are answered to.
#[derive(Clone, Debug)]
pub struct Hosts {
    /// Names besides addresses and `localhost`; nothing where any name will do.
    names: Option<Arc<[String]>>,
}

impl Hosts {
    /// The names for a server that listens on `address` and is known by a URL.
    pub fn of(address: SocketAddr, external_url: &str) -> Self {
        let external = Url::parse(external_url).ok();
        let external = external.as_ref().and_then(Url::host_str);
        let names = [host_name(), external.unwrap_or_default().to_owned()];
        Self {
            names: address.ip().is_loopback().then(|| Arc::from(names)),
        }
    }

    /// Whether a request with these headers is answered. Without the header no browser asks.
    fn takes(&self, headers: &HeaderMap) -> bool {
        let (Some(names), Some(host)) = (&self.names, headers.get(HOST)) else {
            return true;
        };
        let Some(name) = host.to_str().ok().map(without_port) else {
            return false;
        };
        name.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || names.iter().any(|have| have.eq_ignore_ascii_case(name))
    }
}

/// `web1` of `web1:9090`, `::1` of `[::1]:9090`.
fn without_port(host: &str) -> &str {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    host.split_once(':').map_or(host, |(name, _)| name)
}

/// Refuses requests that use another name.
pub(super) async fn check(hosts: Hosts, request: Request, next: Next) -> Response {
    if hosts.takes(request.headers()) {
        return next.run(request).await;
    }
    let text = "this server listens on loopback and is not known by the name in the header Host; \
        --web.external-url names it\n";
    (StatusCode::FORBIDDEN, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(listen: &str, host: &str) -> bool {
        let hosts = Hosts::of(listen.parse().unwrap(), "https://watch.example.org/w");
        hosts.takes(&HeaderMap::from_iter([(HOST, host.parse().unwrap())]))
    }

    #[test]
    fn on_loopback_a_stranger_s_name_is_refused() {
        for host in [
            "127.0.0.1:9090",
            "[::1]:9090",
            "localhost",
            "LOCALHOST:9090",
            "watch.example.org",
            &host_name(),
        ] {
            assert!(takes("127.0.0.1:9090", host), "{host}");
        }
        for host in [
            "evil.example.com:9090",
            "127.0.0.1.evil.example.com",
            "localhost.evil.example.com:9090",
            "",
        ] {
            assert!(!takes("127.0.0.1:9090", host), "{host}");
        }
    }

    #[test]
    fn on_the_network_any_name_is_taken() {
        assert!(takes("0.0.0.0:9090", "web1:9090"));
    }
}
