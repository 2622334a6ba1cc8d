//! Several daemons, several accounts, more to do than can be done: nobody is starved, and no limit is broken.

mod backlog;
mod members;
mod provider;
mod rate;
mod share;

use mandated::config::Config;

use crate::support::due::scalar;
use crate::support::log::Log;
use crate::support::running::until;
use crate::support::world::World;

async fn count(world: &World, what: &str) -> i64 {
    let sql = format!("select count(*) from mandated.{what}");
    scalar(world.pool(), &sql).await
}

async fn leased(world: &World) -> usize {
    let leased = count(world, "jobs where lease_token is not null").await;
    usize::try_from(leased).unwrap()
}

/// Limits of the account.
fn limits(config: &mut Config, max_in_flight: u32, tps: u32) {
    let account = config.accounts.get_mut("juspay_main").unwrap();
    (account.max_in_flight, account.tps) = (max_in_flight, tps);
}

/// Waits until a daemon had time to do what it must not: it has beaten its heart so many times more.
async fn beats(log: &Log, more: usize) {
    let beaten = || log.text().matches("\"heartbeat\"").count();
    let wanted = beaten() + more;
    until("the heart beats", async || beaten() >= wanted).await;
}
