//! `executions resolve`: a person says what became of an execution, and by what evidence.

use std::io::{self, Write};

use serde::Serialize;
use sqlx::PgConnection;

use super::AdminError;
use super::error::Unacceptable;
use super::output::write_json;
use super::text::{Format, utc};
use super::words::{EVIDENCE, REASON, WHO, acceptable};
use crate::domain::{ExecutionId, Instant};
use crate::store;
use crate::store::resolve::{Resolution, Resolved, Word};

/// An execution that was resolved.
#[derive(Debug, Serialize)]
pub struct Done {
    execution_id: i64,
    #[serde(flatten)]
    resolution: Resolution,
}

/// Resolves an execution, or says why not.
pub async fn resolve(
    conn: &mut PgConnection,
    id: ExecutionId,
    said: Word<'_>,
    now: Instant,
) -> Result<Done, AdminError> {
    let said = Word {
        who: said.who.trim(),
        reason: said.reason.trim(),
        evidence: said.evidence.trim(),
        provider_ref: said.provider_ref.map(str::trim),
        ..said
    };
    check(&said).map_err(AdminError::Words)?;
    match store::resolve::resolve(conn, id, &said, now).await? {
        Resolved::Done(resolution) => Ok(Done {
            execution_id: id.0,
            resolution,
        }),
        Resolved::Held => Err(AdminError::Held(id)),
        Resolved::Refused(why) => Err(AdminError::Resolve { execution: id, why }),
        Resolved::NoExecution => Err(AdminError::NoExecution(id)),
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

impl Done {
    /// Prints it.
    pub fn write(&self, out: &mut dyn Write, format: Format) -> io::Result<()> {
        if format == Format::Json {
            return write_json(out, self);
        }
        let Resolution {
            mandate_ref,
            cycle_on,
            order_id,
            from,
            to,
            is_debit,
            verify_at,
        } = &self.resolution;
        let id = self.execution_id;
        writeln!(
            out,
            "execution {id}, cycle {cycle_on} of {mandate_ref}: {from} became {to}"
        )?;
        if *is_debit {
            writeln!(out, "the debit of order {order_id} is on record")?;
        }
        if verify_at.is_some() {
            let at = utc(*verify_at);
            writeln!(out, "the provider is asked once more at {at}")?;
        }
        Ok(())
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
