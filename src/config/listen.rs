//! `[listen]`

use std::net::SocketAddr;

use secrecy::SecretString;
use serde::Deserialize;

/// Where `/healthz` and `/readyz` are served.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    pub address: SocketAddr,
    /// What a caller of anything but `/healthz` must bear.
    pub token: Option<SecretString>,
}
