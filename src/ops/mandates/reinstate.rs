//! A mandate that ended because its provider was said not to know it is made active again, if the provider knows it after all.
//!
//! Nothing else is taken back: what the payer, the bank or an operator has ended stays ended.

use sqlx::PgConnection;

use super::change::{ChangeStep, client, record};
use super::find;
use crate::config::Config;
use crate::domain::escape::{Syntax, escape};
use crate::domain::outcome::is_unknown_there;
use crate::domain::{MandateStatus, Timestamp};
use crate::ops::OpsError;
use crate::provider::{MandateAnswer, Provider};
use crate::store;
use crate::store::mandates::{ChangeRequest, Stored};

/// Reinstates a mandate, or says why not and what to do instead.
pub(super) async fn reinstate(
    config: &Config,
    conn: &mut PgConnection,
    change_request: ChangeRequest<'_>,
    now: Timestamp,
    done: &mut Vec<ChangeStep>,
) -> Result<(), OpsError> {
    let stored = find(conn, change_request.reference).await?;
    let refused = |why: String| OpsError::NotReinstated {
        reference: change_request.reference.to_owned(),
        why,
    };
    match stored.mandate.status {
        MandateStatus::Active => {
            return Err(refused(
                "it is active, and nothing is to be taken back".to_owned(),
            ));
        }
        MandateStatus::Paused => {
            return Err(refused(
                "it is paused, and has not ended: `mandated mandates resume REF`".to_owned(),
            ));
        }
        MandateStatus::Revoked
        | MandateStatus::Expired
        | MandateStatus::Completed
        | MandateStatus::Failed => {}
    }
    if let Some(why) = ended_otherwise(conn, &stored).await? {
        return Err(refused(why));
    }
    let client = client(config, conn, &stored).await?;
    let provider = stored.mandate.provider;
    match client.mandate_status(&stored.mandate, now).await {
        MandateAnswer::Status {
            status: MandateStatus::Active,
            word,
        } => done.push(ChangeStep::AtProvider { provider, word }),
        MandateAnswer::Status { word, .. } => {
            return Err(refused(format!(
                "{provider} says that it is {word}, and only an active one can be debited; the payer must register a new mandate, \
                 unless {provider} makes this one active again"
            )));
        }
        MandateAnswer::NotOffered => {
            return Err(refused(format!("{provider} does not say where it stands")));
        }
        MandateAnswer::Failed { why } => {
            let why = escape(&why, Syntax::Terminal);
            return Err(refused(format!(
                "{provider} does not say where it stands ({why}); check the account's base_url, merchant_id and key, and try again"
            )));
        }
    }
    done.push(record(conn, change_request, now).await?);
    Ok(())
}

/// How it ended, if that was not by an answer that its provider does not know it.
async fn ended_otherwise(
    conn: &mut PgConnection,
    stored: &Stored,
) -> Result<Option<String>, OpsError> {
    let status = stored.mandate.status;
    let new = "it stays ended; the payer must register a new mandate";
    let Some(end) = store::mandates::last_end(conn, stored.mandate.id).await? else {
        return Ok(Some(format!(
            "nothing is on record of how it became {status}: {new}"
        )));
    };
    if is_unknown_there(end.code.as_deref(), end.message.as_deref()) {
        return Ok(None);
    }
    Ok(Some(format!(
        "it is {status}, and not because its provider did not know it ({}): {new}",
        end.reason
    )))
}
