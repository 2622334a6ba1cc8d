//! `[providers.*]`

use std::time::Duration;

use serde::Deserialize;

use crate::domain::ProviderKind;

/// How a provider behaves by itself, and its own limits. Where its rail has the same limit, the stricter counts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderRules {
    #[serde(with = "humantime_serde")]
    pub retry_horizon: Duration,
    pub max_attempts: Option<u16>,
    pub max_attempts_in_period: Option<u16>,
    #[serde(default, with = "humantime_serde")]
    pub min_gap: Option<Duration>,
    #[serde(default, with = "humantime_serde")]
    pub min_gap_after_failure: Option<Duration>,
}

/// The rules of every provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Providers {
    pub juspay: ProviderRules,
    pub signzy: ProviderRules,
}

impl Providers {
    pub const fn get(&self, provider: ProviderKind) -> &ProviderRules {
        match provider {
            ProviderKind::Juspay => &self.juspay,
            ProviderKind::Signzy => &self.signzy,
        }
    }
}
