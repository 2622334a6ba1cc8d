//! The steps of a change: on record here, at the provider, and what the provider goes on with all the same.

use chrono_tz::Tz;
use sqlx::PgConnection;

use crate::compose;
use crate::config::Config;
use crate::domain::escape::{Syntax, escape};
use crate::domain::{MandateStatus, ProviderKind, Timestamp};
use crate::ops::OpsError;
use crate::ops::justification::checked;
use crate::provider::{Client, MandateAnswer, MandateCommand, Provider};
use crate::store;
use crate::store::mandates::{Change, ChangeRequest, ChangeResult, Stored};

pub use crate::store::open_cycles::OpenCycle;

/// What has been done of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeStep {
    /// It is on record here.
    Recorded { reference: String, change: Change },
    /// It was on record here before.
    Already { reference: String, change: Change },
    /// The provider did it, in its own word.
    AtProvider {
        provider: ProviderKind,
        word: String,
    },
    /// The provider has no such command: it is done here only.
    NotOffered {
        provider: ProviderKind,
        /// Whether the provider goes on debiting by its own schedule.
        debits_by_itself: bool,
    },
    /// The provider says that the mandate has ended: it has ended here too.
    Ended {
        reference: String,
        status: MandateStatus,
    },
    /// What a pause does not stop: the provider has it already. It is watched.
    StillDebited {
        provider: ProviderKind,
        cycle: OpenCycle,
        /// When, if that is still to come.
        at: Option<Timestamp>,
        zone: Tz,
    },
    /// The provider had it already, and has taken it back.
    OrderCancelled {
        provider: ProviderKind,
        cycle: OpenCycle,
        /// When it would have been debited.
        at: Timestamp,
        zone: Tz,
    },
    /// How a cycle goes on now that its mandate is resumed.
    GoesOn {
        cycle: OpenCycle,
        now: Timestamp,
        zone: Tz,
    },
    /// A cycle that is left out, as was asked.
    LeftOut { cycle: OpenCycle },
    /// A cycle that cannot be left out, and why.
    NotLeftOut { cycle: OpenCycle, why: String },
}

/// How far a change goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// The provider is not told.
    pub local_only: bool,
    /// A resume leaves the open cycle out.
    pub skip_open: bool,
}

/// Records here that a mandate is paused, resumed or revoked.
pub async fn record(
    conn: &mut PgConnection,
    change_request: ChangeRequest<'_>,
    now: Timestamp,
) -> Result<ChangeStep, OpsError> {
    let change_request = ChangeRequest {
        attribution: checked(change_request.attribution)?,
        ..change_request
    };
    let (reference, change) = (change_request.reference.to_owned(), change_request.change);
    match store::mandates::set_status(conn, change_request, now).await? {
        ChangeResult::Applied => Ok(ChangeStep::Recorded { reference, change }),
        ChangeResult::Already => Ok(ChangeStep::Already { reference, change }),
        ChangeResult::Impossible(status) => Err(impossible(change_request, status)),
        ChangeResult::NoMandate => Err(OpsError::NoMandate(reference)),
    }
}

pub(super) fn impossible(change_request: ChangeRequest<'_>, status: MandateStatus) -> OpsError {
    OpsError::Status {
        reference: change_request.reference.to_owned(),
        status,
        wanted: change_request.change.done(),
    }
}

pub(super) async fn at_provider(
    config: &Config,
    conn: &mut PgConnection,
    change_request: ChangeRequest<'_>,
    now: Timestamp,
) -> Result<ChangeStep, OpsError> {
    let ChangeRequest {
        reference,
        change,
        until,
        ..
    } = change_request;
    let stored = super::find(conn, reference).await?;
    let provider = stored.mandate.provider;
    let client = client(config, conn, &stored).await?;
    let command = match change {
        Change::Pause => MandateCommand::Pause { until },
        Change::Resume | Change::Reinstate => MandateCommand::Resume,
        Change::Revoke => MandateCommand::Revoke,
    };
    match ask(&client, &stored, command, now).await {
        MandateAnswer::Status { status, word } => {
            if (change, status) == (Change::Pause, MandateStatus::Paused) {
                store::mandates::paused_at_provider(conn, reference, now).await?;
            }
            Ok(ChangeStep::AtProvider { provider, word })
        }
        MandateAnswer::NotOffered => Ok(ChangeStep::NotOffered {
            provider,
            debits_by_itself: stored.mandate.is_watched(),
        }),
        MandateAnswer::Failed { why } => Err(OpsError::ProviderDeclined {
            provider,
            reference: reference.to_owned(),
            // An error may have lines; what a provider says has none.
            why: escape(&why, Syntax::Terminal).into_owned(),
            done_here: true,
        }),
    }
}

pub(super) async fn client(
    config: &Config,
    conn: &mut PgConnection,
    stored: &Stored,
) -> Result<Client, OpsError> {
    let classifier = compose::classifier(config)?;
    let account = config
        .accounts
        .get(&stored.account)
        .ok_or_else(|| OpsError::NotConfigured {
            account: stored.account.clone(),
            reference: stored.mandate.reference.clone(),
        })?;
    compose::check_environment(config, conn, &stored.account, account).await?;
    let clock = compose::clock(config);
    Ok(compose::client(
        &stored.account,
        account,
        &classifier,
        &clock,
    )?)
}

async fn ask(
    client: &Client,
    stored: &Stored,
    command: MandateCommand,
    now: Timestamp,
) -> MandateAnswer {
    let answer = client.command(&stored.mandate, command, now).await;
    let is_pause = matches!(command, MandateCommand::Pause { .. });
    if is_pause && matches!(answer, MandateAnswer::Failed { .. }) {
        // Paused by the payer, or by this command before its answer was lost.
        let stands = client.mandate_status(&stored.mandate, now).await;
        if let MandateAnswer::Status {
            status: MandateStatus::Paused,
            ..
        } = stands
        {
            return stands;
        }
    }
    answer
}
