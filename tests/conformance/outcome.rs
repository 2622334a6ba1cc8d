//! What an answer comes to in a few words, its class with it: what the tables in the tests are written in.

use mandated::domain::outcome::{CallFailure, Failure};
use mandated::domain::{Contradiction, Outcome};

pub(crate) fn brief(outcome: &Outcome) -> String {
    let with = |word: &str, failure: &Failure| format!("{word} {}", failure.class);
    match outcome {
        Outcome::Charged { .. } => "charged".to_owned(),
        Outcome::Pending => "pending".to_owned(),
        Outcome::Failed(failure) => with("failed", failure),
        Outcome::Refused(failure) => with("refused", failure),
        Outcome::AlreadyExists => "already exists".to_owned(),
        Outcome::NotFound => "not found".to_owned(),
        Outcome::Reversed(failure) => with("reversed", failure),
        Outcome::Unrecognized(failure) => with("unrecognized", failure),
        Outcome::Contradicted(contradiction) => {
            let Contradiction {
                field,
                ours,
                theirs,
            } = contradiction;
            format!("contradicted: {field} is {theirs:?}, ours {ours:?}")
        }
        Outcome::Call(CallFailure::NotSent { .. }) => "not sent".to_owned(),
        Outcome::Call(CallFailure::Unknown { .. }) => "unknown".to_owned(),
        Outcome::Call(CallFailure::AccountRefused { .. }) => "account refused".to_owned(),
        Outcome::Call(CallFailure::Throttled { after }) => {
            format!("throttled {:?}", after.map(|after| after.as_secs()))
        }
    }
}
