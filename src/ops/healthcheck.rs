//! Asks the daemon on this machine for `/readyz`. Images need no curl for it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::config::Listen;

/// Orchestrators give up sooner or later; this says why before they do.
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum Unhealthy {
    #[error("prepare the call")]
    Client(#[source] reqwest::Error),
    #[error("nothing answers at {address} (listen.address)")]
    NoAnswer {
        address: SocketAddr,
        #[source]
        source: reqwest::Error,
    },
    #[error("the daemon at {address} answered {status}: {body}")]
    NotReady {
        address: SocketAddr,
        status: reqwest::StatusCode,
        body: String,
    },
}

/// Nothing, when the daemon is ready.
pub async fn check(listen: &Listen) -> Result<(), Unhealthy> {
    let address = reachable(listen.address);
    let client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(Unhealthy::Client)?;
    let mut request = client.get(format!("http://{address}/readyz"));
    if let Some(token) = listen.token.as_ref().map(SecretString::expose_secret) {
        request = request.bearer_auth(token);
    }
    let no_answer = |source: reqwest::Error| Unhealthy::NoAnswer {
        address,
        source: source.without_url(),
    };
    let response = request.send().await.map_err(no_answer)?;
    let status = response.status();
    let body = response.text().await.map_err(no_answer)?.trim().to_owned();
    if status.is_success() {
        Ok(())
    } else {
        Err(Unhealthy::NotReady {
            address,
            status,
            body,
        })
    }
}

/// "Everywhere" is a place to listen at, not one to call.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everywhere_is_called_at_home() {
        for (listens, called) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("10.0.0.7:80", "10.0.0.7:80"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()), called.parse().unwrap());
        }
    }
}
