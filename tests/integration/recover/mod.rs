//! `recover`: a database that was put back to what it was asks the providers for what it has forgotten.

mod command;
mod found;
mod interrupted;
mod left_alone;
mod meanwhile;
mod payments;
mod processed;
mod reinstate;
mod reinstated;
mod schedules;

use mandated::config::Config;
use mandated::domain::Timestamp;
use mandated::ops::OpsError;
use mandated::ops::recover::{AccountReport, RecoveryReport, RecoveryRequest, recover};

use crate::support::due::{ATTRIBUTION, column};
use crate::support::dump::restore;
use crate::support::world::{World, start};

/// The database is put back to its dump. The daemon is another one: the one before would find out, and call nothing.
async fn put_back(world: &mut World) {
    world.restart().await;
    restore(world.pool()).await;
}

/// Recovers some accounts, or all of them.
async fn recovered_with(
    world: &World,
    config: &Config,
    accounts: &[&str],
    since: Timestamp,
) -> Result<RecoveryReport, OpsError> {
    let accounts: Vec<String> = accounts.iter().map(|name| (*name).to_owned()).collect();
    let request = RecoveryRequest {
        accounts: &accounts,
        since,
        attribution: ATTRIBUTION,
    };
    recover(config, world.pool(), &world.clock, request, &|_| ()).await
}

async fn recovered(world: &World) -> RecoveryReport {
    recovered_with(world, world.config(), &[], start())
        .await
        .unwrap()
}

/// Looked up, collected, not collected, in review, not found: of both accounts.
fn counts(report: &RecoveryReport) -> [i64; 5] {
    let one = |account: &AccountReport| {
        let counts = account.counts.unwrap();
        [
            counts.looked_up,
            counts.collected,
            counts.not_collected,
            counts.review,
            counts.not_found,
        ]
    };
    let each: Vec<[i64; 5]> = report.accounts.iter().map(one).collect();
    [0, 1, 2, 3, 4].map(|nth| each.iter().map(|counts| counts[nth]).sum())
}

/// The accounts that are recovering.
async fn recovering(world: &World) -> Vec<String> {
    column(
        world.pool(),
        "select name from mandated.accounts where recovering_since is not null order by name",
    )
    .await
}
