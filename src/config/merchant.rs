//! Who we are at a provider: one text for every way to write the same address and the same merchant.
//!
//! Two accounts of one merchant would debit each of its mandates twice. So what is written in two ways counts as one, even where a server
//! could tell the two apart: no provider has two APIs whose addresses differ in the case of a letter.

use std::net::IpAddr;

use url::{Host, Url};

use super::Account;
use crate::domain::percent;

/// What a hosts file calls this machine, besides `localhost` and the names under it.
const THIS_MACHINE: [&str; 4] = [
    "localhost",
    "localhost.localdomain",
    "ip6-localhost",
    "ip6-loopback",
];

/// The merchant of an account.
pub(super) fn identity(account: &Account) -> String {
    let url = &account.base_url;
    let (provider, server, path) = (account.provider, server(url), path(url));
    let merchant = account.merchant_id.trim().to_lowercase();
    format!("{provider} {server}{path} {merchant}")
        .trim_end()
        .to_owned()
}

/// Scheme, host and port. For this machine one name stands, with the port: there no other name and no scheme leads to anybody else.
fn server(url: &Url) -> String {
    let Some(host) = host(url) else {
        let port = url.port_or_known_default().unwrap_or_default();
        return format!("http://127.0.0.1:{port}");
    };
    let scheme = url.scheme();
    // `Url` has no port that is the scheme's own.
    match url.port() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

/// The host; nothing if it is this machine.
fn host(url: &Url) -> Option<String> {
    match url.host() {
        None => Some(String::new()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_lowercase();
            let is_here = THIS_MACHINE.contains(&name.as_str()) || name.ends_with(".localhost");
            (!is_here).then_some(name)
        }
        Some(Host::Ipv4(address)) => address_of_another(address.into()),
        Some(Host::Ipv6(address)) => address_of_another(address.into()),
    }
}

/// An address as it stands in a URL; nothing of one that leads to this machine, as the unspecified one does too.
fn address_of_another(address: IpAddr) -> Option<String> {
    match address.to_canonical() {
        address if address.is_loopback() || address.is_unspecified() => None,
        IpAddr::V4(address) => Some(address.to_string()),
        IpAddr::V6(address) => Some(format!("[{address}]")),
    }
}

/// The path as a server may read it: decoded, without case, without what leads nowhere, and without parameters.
fn path(url: &Url) -> String {
    let decoded = percent::decode(url.path()).to_lowercase();
    let mut segments: Vec<&str> = Vec::new();
    for segment in decoded.split(['/', '\\']) {
        let (name, _) = segment.split_once(';').unwrap_or((segment, ""));
        match name.trim() {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        path.push_str(segment);
    }
    path
}
