//! A person says what became of an execution, and by what evidence.

use serde::Serialize;
use sqlx::PgConnection;

use super::OpsError;
use super::error::Unacceptable;
use super::justification::{EVIDENCE, REASON, WHO, acceptable};
use crate::domain::{ExecutionId, Instant};
use crate::store;
use crate::store::resolve::Resolved;

pub use crate::store::resolve::{Resolution, Word};

/// An execution that was resolved.
#[derive(Debug, Serialize)]
pub struct Done {
    pub execution_id: i64,
    #[serde(flatten)]
    pub resolution: Resolution,
}

/// Resolves an execution, or says why not.
pub async fn resolve(
    conn: &mut PgConnection,
    id: ExecutionId,
    said: Word<'_>,
    now: Instant,
) -> Result<Done, OpsError> {
    let said = Word {
        who: said.who.trim(),
        reason: said.reason.trim(),
        evidence: said.evidence.trim(),
        provider_ref: said.provider_ref.map(str::trim),
        ..said
    };
    check(&said).map_err(OpsError::Words)?;
    match store::resolve::resolve(conn, id, &said, now).await? {
        Resolved::Done(resolution) => Ok(Done {
            execution_id: id.0,
            resolution,
        }),
        Resolved::Held => Err(OpsError::Held(id)),
        Resolved::Refused(why) => Err(OpsError::Resolve { execution: id, why }),
        Resolved::NoExecution => Err(OpsError::NoExecution(id)),
    }
}

fn check(said: &Word<'_>) -> Result<(), Unacceptable> {
    acceptable(WHO, said.who)?;
    acceptable(REASON, said.reason)?;
    acceptable(EVIDENCE, said.evidence)?;
    match said.provider_ref {
        Some(id) if id.is_empty() || id.contains(['@', ' ']) || id.chars().count() > 100 => {
            Err(Unacceptable::ProviderRef)
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::resolve::ResolvedAs;

    #[test]
    fn words_must_say_something_and_nothing_about_the_payer() {
        let said = Word {
            resolved_as: ResolvedAs::Failed,
            who: "asha",
            reason: "the bank has no such debit",
            evidence: "RRN412345678901 is not on the settlement report of 2026-11-20",
            provider_ref: None,
        };
        let refused = |said: Word<'_>| check(&said).map_err(|why| why.to_string());
        assert_eq!(refused(said), Ok(()));
        let words = [
            Word { who: "", ..said },
            Word {
                who: "asha@shop.in",
                ..said
            },
            Word { reason: "", ..said },
            Word {
                evidence: "",
                ..said
            },
            Word {
                evidence: "the payer, payer@okbank, says so",
                ..said
            },
            Word {
                evidence: "called +91 98765 43210",
                ..said
            },
            Word {
                provider_ref: Some(""),
                ..said
            },
        ];
        let said: Vec<String> = words.map(|said| refused(said).unwrap_err()).into();
        insta::assert_snapshot!(said.join("\n"));
        let long = "x".repeat(1001);
        assert!(
            refused(Word {
                reason: &long,
                ..words[0]
            })
            .is_err()
        );
    }
}
