//! A person says what became of an execution, and by what evidence.

use serde::Serialize;
use sqlx::PgConnection;

use super::OpsError;
use super::error::Unacceptable;
use super::justification::{EVIDENCE, REASON, WHO, acceptable};
use crate::domain::{ExecutionId, Timestamp};
use crate::store;
use crate::store::resolve::ResolutionResult;

pub use crate::store::resolve::{Resolution, ResolutionRequest};

/// An execution that was resolved.
#[derive(Debug, Serialize)]
pub struct RecordedResolution {
    pub execution_id: i64,
    #[serde(flatten)]
    pub resolution: Resolution,
}

/// Resolves an execution, or says why not.
pub async fn resolve(
    conn: &mut PgConnection,
    id: ExecutionId,
    request: ResolutionRequest<'_>,
    now: Timestamp,
) -> Result<RecordedResolution, OpsError> {
    let request = ResolutionRequest {
        who: request.who.trim(),
        reason: request.reason.trim(),
        evidence: request.evidence.trim(),
        provider_ref: request.provider_ref.map(str::trim),
        order: request.order.map(str::trim),
        ..request
    };
    check(&request).map_err(OpsError::Words)?;
    match store::resolve::resolve(conn, id, &request, now).await? {
        ResolutionResult::Recorded(resolution) => Ok(RecordedResolution {
            execution_id: id.0,
            resolution,
        }),
        ResolutionResult::Held => Err(OpsError::Held(id)),
        ResolutionResult::Refused(why) => Err(OpsError::Resolve { execution: id, why }),
        ResolutionResult::NoExecution => Err(OpsError::NoExecution(id)),
    }
}

fn check(request: &ResolutionRequest<'_>) -> Result<(), Unacceptable> {
    acceptable(WHO, request.who)?;
    acceptable(REASON, request.reason)?;
    acceptable(EVIDENCE, request.evidence)?;
    match request.provider_ref {
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
        let request = ResolutionRequest {
            resolved_as: ResolvedAs::Failed,
            who: "asha",
            reason: "the bank has no such debit",
            evidence: "RRN412345678901 is not on the settlement report of 2026-11-20",
            provider_ref: None,
            order: None,
        };
        let refused =
            |request: ResolutionRequest<'_>| check(&request).map_err(|why| why.to_string());
        assert_eq!(refused(request), Ok(()));
        let words = [
            ResolutionRequest { who: "", ..request },
            ResolutionRequest {
                who: "asha@shop.in",
                ..request
            },
            ResolutionRequest {
                reason: "",
                ..request
            },
            ResolutionRequest {
                evidence: "",
                ..request
            },
            ResolutionRequest {
                evidence: "the payer, payer@okbank, says so",
                ..request
            },
            ResolutionRequest {
                evidence: "called +91 98765 43210",
                ..request
            },
            ResolutionRequest {
                provider_ref: Some(""),
                ..request
            },
        ];
        let request: Vec<String> = words.map(|request| refused(request).unwrap_err()).into();
        insta::assert_snapshot!(request.join("\n"));
        let long = "x".repeat(1001);
        assert!(
            refused(ResolutionRequest {
                reason: &long,
                ..words[0]
            })
            .is_err()
        );
    }
}
