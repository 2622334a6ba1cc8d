//! `[accounts.*]`

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use url::{Host, Url};

use super::known_keys::KnownKeys;
use super::layer::DEFAULT_ORIGIN;
use super::merchant;
use super::tree::{self, Table};
use crate::domain::ProviderKind;

/// The accounts by name.
pub type Accounts = BTreeMap<String, Account>;

/// One set of provider credentials.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    pub provider: ProviderKind,
    #[serde(deserialize_with = "url")]
    pub base_url: Url,
    /// Juspay's; empty for Signzy.
    #[serde(default)]
    pub merchant_id: String,
    pub api_key: SecretString,
    /// For a whole call.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// Calls under way at once, by all daemons.
    pub max_in_flight: u32,
    /// Calls a second, by all daemons.
    pub tps: u32,
    /// How long every daemon leaves the account alone after its key was refused.
    #[serde(with = "humantime_serde")]
    pub pause_after_refusal: Duration,
}

impl Account {
    /// Who we are at the provider: the same for every way to write the same address and merchant.
    pub fn merchant(&self) -> String {
        merchant::identity(self)
    }

    /// Whether the provider is on this machine, as the sandbox is.
    pub fn is_loopback(&self) -> bool {
        match self.base_url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }
}

/// The error must not repeat the text: people put keys into addresses.
fn url<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    Url::parse(&text)
        .map_err(|error| serde::de::Error::custom(format!("this is not an address: {error}")))
}

/// Fills in what an account does not say, from the example in the reference.
pub(super) fn fill(root: &mut Table, known: &KnownKeys) {
    for name in tree::names(root, "accounts") {
        for default in ["timeout", "max_in_flight", "tps", "pause_after_refusal"] {
            let key = format!("accounts.{name}.{default}");
            if tree::get(root, &key).is_none()
                && let Some(example) = known.example(&key)
            {
                let origin = DEFAULT_ORIGIN.to_owned();
                tree::set(
                    root,
                    &key,
                    config::Value::new(Some(&origin), example.kind.clone()),
                );
            }
        }
    }
}
