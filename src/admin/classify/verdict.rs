//! What an answer came to and what would follow, for people and for programs.

use std::io::{self, Write};

use chrono_tz::Tz;
use serde::Serialize;

use crate::admin::output::write_json;
use crate::admin::text::{Format, local};
use crate::domain::machine::Transition;
use crate::domain::machine::decide::AccountPause;
use crate::domain::outcome::Failure;
use crate::domain::{Class, Instant, MandateStatus, State, Step};

/// What an answer came to, and what follows under the policy.
#[derive(Debug, Serialize)]
pub struct Verdict {
    outcome: &'static str,
    class: Option<Class>,
    code: Option<String>,
    message: Option<String>,
    rule: Option<String>,
    source: Option<String>,
    found_by: Option<String>,
    /// The wait that the answer asks for.
    retry_after_s: Option<u64>,
    not_before: Option<Instant>,
    /// Where the execution stands then.
    state: State,
    next_step: Option<Step>,
    next_at: Option<Instant>,
    next_before: Option<Instant>,
    reason: String,
    mandate: Option<MandateStatus>,
    account: Option<&'static str>,
    account_until: Option<Instant>,
    #[serde(skip)]
    zone: Tz,
}

impl Verdict {
    pub(super) fn new(
        outcome: &'static str,
        failure: Option<&Failure>,
        zone: Tz,
        transition: &Transition,
    ) -> Self {
        let decision = &transition.decision;
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
            state: transition.to,
            next_step: decision.next.map(|next| next.step),
            next_at: decision.next.map(|next| next.span.opens),
            next_before: decision.next.and_then(|next| next.span.closes),
            reason: decision.reason.clone(),
            mandate: decision.mandate,
            account,
            account_until,
            zone,
        }
    }

    /// Prints it.
    pub fn write(&self, out: &mut dyn Write, format: Format) -> io::Result<()> {
        if format == Format::Json {
            return write_json(out, self);
        }
        for (name, text) in self.lines() {
            writeln!(out, "{name:<9} {text}")?;
        }
        Ok(())
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("outcome", self.outcome.to_owned())];
        if let Some(class) = self.class {
            lines.push(("class", class.to_string()));
            lines.push(("rule", self.rule_in_words()));
        }
        if let Some(found_by) = &self.found_by {
            lines.push(("found by", found_by.clone()));
        }
        if let Some(wait) = self.retry_after_s {
            let wait = humantime::format_duration(std::time::Duration::from_secs(wait));
            lines.push(("waits", format!("{wait} at least")));
        }
        if let Some(at) = self.not_before {
            lines.push(("waits", format!("until {} at least", local(at, self.zone))));
        }
        lines.push(("then", format!("{}: {}", self.state, self.reason)));
        lines.push(("next", self.next_in_words()));
        if let Some(status) = self.mandate {
            lines.push(("mandate", format!("is {status} from now on")));
        }
        match (self.account, self.account_until) {
            (Some(_), Some(until)) => {
                let until = local(until, self.zone);
                lines.push(("account", format!("makes no calls until {until}")));
            }
            (Some(_), None) => lines.push((
                "account",
                "makes no calls for its pause_after_refusal".to_owned(),
            )),
            (None, _) => {}
        }
        lines
    }

    fn rule_in_words(&self) -> String {
        match (&self.rule, &self.source) {
            (Some(rule), Some(source)) => format!("{rule} ({source})"),
            (Some(_) | None, _) => {
                "none matches; config/failures.toml shows how one is written".to_owned()
            }
        }
    }

    fn next_in_words(&self) -> String {
        let (Some(step), Some(at)) = (self.next_step, self.next_at) else {
            return "nothing".to_owned();
        };
        let at = local(at, self.zone);
        match self.next_before {
            Some(before) => format!("{step} at {at}, before {}", local(before, self.zone)),
            None => format!("{step} at {at}"),
        }
    }
}
