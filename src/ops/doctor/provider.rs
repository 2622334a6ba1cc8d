//! An account: do its credentials open the provider's door, and does the provider live at the same time?

use chrono::TimeDelta;

use super::Finding;
use crate::domain::Timestamp;
use crate::domain::outcome::CallFailure;
use crate::provider::{Client, ProbeResult, Provider, in_words};

/// HTTP writes whole seconds, and the answer takes its time.
const SKEW: TimeDelta = TimeDelta::seconds(30);

/// Who is to be asked.
#[derive(Debug)]
pub(super) struct Patient<'a> {
    pub(super) account: &'a str,
    pub(super) address: &'a str,
    pub(super) client: &'a Client,
}

/// Asks the provider about something that nobody has. `at` is the business time, and `now` what this machine's clock shows.
pub(super) async fn provider(
    patient: &Patient<'_>,
    at: Timestamp,
    now: impl Fn() -> Timestamp,
) -> Vec<Finding> {
    let reached = patient.client.probe(None, at).await;
    judge(patient.account, patient.address, &reached, now())
}

fn judge(account: &str, address: &str, reached: &ProbeResult, now: Timestamp) -> Vec<Finding> {
    let about = format!("account {account}");
    let took = reached.latency.as_millis();
    let mut findings = vec![match &reached.status {
        Ok(status) => {
            let found = format!("{address} takes its key (HTTP {status} after {took} ms)");
            Finding::ok(about.clone(), found)
        }
        Err(failure) => {
            let fix = match failure {
                CallFailure::AccountRefused { .. } => format!(
                    "check accounts.{account}.api_key and merchant_id, and that they are for this base_url; SIGHUP reads a new key"
                ),
                CallFailure::Throttled { .. } => {
                    format!("lower accounts.{account}.tps, or wait")
                }
                CallFailure::NotSent { .. } | CallFailure::Unknown { .. } => format!(
                    "check accounts.{account}.base_url, this machine's way out and its CA certificates; `mandated accounts list` \
                     shows what waits"
                ),
            };
            Finding::failed(
                about.clone(),
                format!("{address}: {}", in_words(failure)),
                fix,
            )
        }
    }];
    if let Some(theirs) = reached.clock {
        let apart = theirs.signed_duration_since(now).abs();
        if apart > SKEW {
            let found = format!("its clock is {} s from this machine's", apart.num_seconds());
            let fix = "set this machine's clock by NTP: windows and the 25 hours are counted by it";
            findings.push(Finding::failed(about, found, fix));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ops::doctor::Grade;

    fn grades(status: Result<u16, CallFailure>, seconds_apart: i64) -> Vec<Grade> {
        let now = chrono::DateTime::from_timestamp(1_000_000, 0).unwrap();
        let reached = ProbeResult {
            status,
            latency: Duration::from_millis(20),
            clock: now.checked_add_signed(TimeDelta::seconds(seconds_apart)),
        };
        let found = judge("shop", "https://example.test", &reached, now);
        found.iter().map(|finding| finding.grade).collect()
    }

    #[test]
    fn an_answer_to_somebody_who_is_known_is_sound_whatever_its_status() {
        assert_eq!(grades(Ok(404), 0), [Grade::Ok]);
        assert_eq!(grades(Ok(200), -29), [Grade::Ok]);
        assert_eq!(grades(Ok(200), 31), [Grade::Ok, Grade::Failed]);
        assert_eq!(grades(Ok(200), -31), [Grade::Ok, Grade::Failed]);
        for failure in [
            CallFailure::NotSent { why: String::new() },
            CallFailure::Unknown { why: String::new() },
            CallFailure::AccountRefused { why: String::new() },
            CallFailure::Throttled { after: None },
        ] {
            assert_eq!(grades(Err(failure), 0), [Grade::Failed]);
        }
    }
}
