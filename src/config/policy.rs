//! From the rules of a rail and a provider to the [`Policy`] of an execution.

use super::Config;
use crate::domain::policy::Policy;
use crate::domain::{ProviderKind, Rail};

impl Config {
    /// The rules that an execution on a rail lives under when it is planned now: of the rail's and the provider's the stricter.
    pub fn policy(&self, provider: ProviderKind, rail: Rail) -> Policy {
        let rules = self.rails.get(rail);
        let provider = self.providers.get(provider);
        Policy {
            rail,
            cycle_closes: rules.cycle_closes,
            debit_windows: rules.windows.clone(),
            notify_windows: rules.notify_windows.clone(),
            jitter: rules.jitter,
            notify_lead: rules.notify_lead,
            notify_to_debit: rules.notify_to_debit,
            notification_validity: rules.notification_validity,
            notification_attempts: rules.notification_attempts,
            max_attempts: fewer(Some(rules.max_attempts), provider.max_attempts)
                .unwrap_or(rules.max_attempts),
            max_attempts_in_period: fewer(
                rules.max_attempts_in_period,
                provider.max_attempts_in_period,
            ),
            min_gap: rules.min_gap.max(provider.min_gap.unwrap_or_default()),
            min_gap_after_failure: rules
                .min_gap_after_failure
                .max(provider.min_gap_after_failure.unwrap_or_default()),
            max_orders: rules.max_orders,
            provider_retry_horizon: provider.retry_horizon,
            processing_time: rules.processing_time,
            lookup_after: rules.lookup_after.clone(),
            lookup_every: rules.lookup_every,
            lookup_window: rules.lookup_window,
            review_after: rules.review_after,
            recheck_after: rules.recheck_after,
            retry: self.retry.get(&rail).cloned().unwrap_or_default(),
            max_attempts_in_30_days: rules.max_attempts_in_30_days,
            max_lateness: rules.max_lateness,
            paused_check_every: rules.paused_check_every,
        }
    }
}

/// The stricter of two limits.
fn fewer(rail: Option<u16>, provider: Option<u16>) -> Option<u16> {
    match (rail, provider) {
        (Some(rail), Some(provider)) => Some(rail.min(provider)),
        (Some(one), None) | (None, Some(one)) => Some(one),
        (None, None) => None,
    }
}
