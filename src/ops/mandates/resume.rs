//! A paused mandate is resumed, whoever paused it: the provider is told, and then asked where the mandate stands. Only *active* is yes.

use sqlx::PgConnection;

use super::change::{ChangeStep, Extent, client, impossible, record};
use super::find;
use crate::config::Config;
use crate::domain::escape::{Syntax, escape};
use crate::domain::machine::decide::operator::OperatorRequestKind;
use crate::domain::{MandateStatus, Timestamp};
use crate::ops::OpsError;
use crate::ops::executions::{OperatorRequest, submit};
use crate::provider::{MandateAnswer, MandateCommand, Provider};
use crate::store;
use crate::store::mandates::{ChangeRequest, Stored};

pub(super) async fn resume(
    config: &Config,
    conn: &mut PgConnection,
    change_request: ChangeRequest<'_>,
    extent: Extent,
    now: Timestamp,
    done: &mut Vec<ChangeStep>,
) -> Result<(), OpsError> {
    let stored = find(conn, change_request.reference).await?;
    match stored.mandate.status {
        MandateStatus::Active | MandateStatus::Paused => {}
        ended @ (MandateStatus::Revoked
        | MandateStatus::Expired
        | MandateStatus::Completed
        | MandateStatus::Failed) => return Err(impossible(change_request, ended)),
    }
    at_provider(config, conn, &stored, now, done).await?;
    if extent.skip_open {
        // While it is still paused: no worker may be faster.
        skip_open(conn, &stored, change_request, now, done).await?;
    }
    done.push(record(conn, change_request, now).await?);
    let zone = stored.mandate.terms.time_zone;
    for cycle in store::open_cycles::of_mandate(conn, stored.mandate.id).await? {
        done.push(ChangeStep::GoesOn { cycle, now, zone });
    }
    Ok(())
}

/// Whatever becomes of the command, the status says what holds: a mandate that is paused here only is active there, and the answer
/// to an earlier command may have been lost.
async fn at_provider(
    config: &Config,
    conn: &mut PgConnection,
    stored: &Stored,
    now: Timestamp,
    done: &mut Vec<ChangeStep>,
) -> Result<(), OpsError> {
    let (mandate, provider) = (&stored.mandate, stored.mandate.provider);
    let client = client(config, conn, stored).await?;
    let answer = client.command(mandate, MandateCommand::Resume, now).await;
    let declined = |why: String| OpsError::ProviderDeclined {
        provider,
        reference: mandate.reference.clone(),
        // An error may have lines; what a provider says has none.
        why: escape(&why, Syntax::Terminal).into_owned(),
        done_here: false,
    };
    let (status, word) = match client.mandate_status(mandate, now).await {
        MandateAnswer::Status { status, word } => (status, word),
        MandateAnswer::NotOffered => {
            return Err(declined(
                "it does not say where the mandate stands".to_owned(),
            ));
        }
        MandateAnswer::Failed { why } => {
            return Err(declined(format!(
                "it does not say where the mandate stands: {why}"
            )));
        }
    };
    match status {
        MandateStatus::Active => {
            done.push(ChangeStep::AtProvider { provider, word });
            Ok(())
        }
        MandateStatus::Paused => {
            let why = match answer {
                MandateAnswer::Failed { why } => format!(": {why}"),
                MandateAnswer::NotOffered => ", and it has no command to resume it".to_owned(),
                MandateAnswer::Status { .. } => String::new(),
            };
            Err(declined(format!("the mandate is {word} there{why}")))
        }
        ended @ (MandateStatus::Revoked
        | MandateStatus::Expired
        | MandateStatus::Completed
        | MandateStatus::Failed) => {
            let reference = mandate.reference.clone();
            store::mandates::end_at_provider(conn, mandate.id, ended, provider, now).await?;
            done.push(ChangeStep::Ended {
                reference: reference.clone(),
                status: ended,
            });
            Err(OpsError::EndedAtProvider {
                provider,
                reference,
                word,
            })
        }
    }
}

async fn skip_open(
    conn: &mut PgConnection,
    stored: &Stored,
    change_request: ChangeRequest<'_>,
    now: Timestamp,
    done: &mut Vec<ChangeStep>,
) -> Result<(), OpsError> {
    for cycle in store::open_cycles::of_mandate(conn, stored.mandate.id).await? {
        if cycle.is_ahead(now) {
            continue;
        }
        let request = OperatorRequest {
            id: cycle.execution_id,
            kind: OperatorRequestKind::Skip,
            attribution: change_request.attribution,
            at: now,
        };
        match submit(conn, request).await {
            Ok(_) => done.push(ChangeStep::LeftOut { cycle }),
            Err(OpsError::Declined { why, .. }) => {
                done.push(ChangeStep::NotLeftOut { cycle, why });
            }
            Err(problem) => return Err(problem),
        }
    }
    Ok(())
}
