//! What an answer came to and what would follow.

use chrono_tz::Tz;
use serde::Serialize;

use crate::domain::machine::Conclusion;
use crate::domain::machine::decide::AccountPause;
use crate::domain::outcome::Failure;
use crate::domain::{Class, MandateStatus, State, Step, Timestamp};
use crate::wording;

/// What an answer came to, and what follows under the policy.
#[derive(Debug, Serialize)]
pub struct ClassifyVerdict {
    pub outcome: &'static str,
    pub class: Option<Class>,
    pub code: Option<String>,
    pub message: Option<String>,
    pub rule: Option<String>,
    pub source: Option<String>,
    pub found_by: Option<String>,
    /// The wait that the answer asks for.
    pub retry_after_s: Option<u64>,
    pub not_before: Option<Timestamp>,
    /// Where the execution stands then.
    pub state: State,
    pub next_step: Option<Step>,
    pub next_at: Option<Timestamp>,
    pub next_before: Option<Timestamp>,
    pub reason: String,
    pub mandate: Option<MandateStatus>,
    pub account: Option<&'static str>,
    pub account_until: Option<Timestamp>,
    #[serde(skip)]
    pub zone: Tz,
}

impl ClassifyVerdict {
    pub(super) fn new(
        outcome: &'static str,
        failure: Option<&Failure>,
        zone: Tz,
        conclusion: &Conclusion,
    ) -> Self {
        let decision = &conclusion.decision;
        let rule = failure.and_then(|failure| failure.rule.as_ref());
        let (account, account_until) = match decision.account {
            None => (None, None),
            Some(AccountPause::Refused) => (Some("refused"), None),
            Some(AccountPause::Throttled { until }) => (Some("throttled"), Some(until)),
        };
        Self {
            outcome,
            class: failure.map(|failure| failure.class),
            code: failure.and_then(|failure| failure.code.clone()),
            message: failure.and_then(|failure| failure.message.clone()),
            rule: rule.map(|rule| rule.id.clone()),
            source: rule.map(|rule| rule.source.clone()),
            found_by: rule.map(|rule| rule.by.clone()),
            retry_after_s: failure
                .and_then(|failure| failure.retry_after)
                .map(|wait| wait.as_secs()),
            not_before: failure.and_then(|failure| failure.not_before),
            state: conclusion.transition.to,
            next_step: decision.next.map(|next| next.step),
            next_at: decision.next.map(|next| next.span.opens),
            next_before: decision.next.and_then(|next| next.span.closes),
            reason: wording::reason(&decision.reason, zone),
            mandate: decision.mandate,
            account,
            account_until,
            zone,
        }
    }
}
