//! Killed or stopped where no undisturbed story comes by: while a lost worker's job is taken back, and between two attempts to connect.

use rustix::process::Signal;

use super::daemon::{
    agree, killed, leases_end, lives_to_the_end, of_money, passed, received, start,
};
use super::everywhere::PLANNED;
use super::scenario::CrashScenario;
use crate::support::database::forget_environments;
use crate::support::due::{everything, scalar};
use crate::support::running::until;
use crate::support::scenario::{Flow, Scenario};

/// The awaits that these stories come by.
pub(crate) const AWAITS: [&str; 6] = [
    "again",
    "rescue.begin",
    "rescue.clock",
    "rescue.commit",
    "rescue.lock",
    "rescue.write",
];

#[tokio::test]
async fn a_rescue_that_is_lost_too() {
    let prepared = PLANNED.prepared().await;
    let awaits = AWAITS.iter().filter(|name| name.starts_with("rescue"));
    let points = awaits.flat_map(|name| [format!("{name}.before"), format!("{name}.after")]);
    for point in points {
        let mut shop = PLANNED.open(&prepared).await;
        let mut daemon = start(&shop, "send.after=return");
        killed(&mut daemon).await;
        leases_end(&mut shop).await;
        let mut daemon = start(&shop, &format!("{point}=return"));
        let passed = killed(&mut daemon).await;
        assert_eq!(passed.last().unwrap(), &point);
        leases_end(&mut shop).await;
        let mut daemon = start(&shop, "");
        lives_to_the_end(&mut daemon).await;
        agree(&shop, PLANNED.ends).await;
    }
}

/// As many as a rescue takes at once, all of them under way at the same moment.
const MANY: CrashScenario = CrashScenario {
    begins: || Scenario::many(500, Flow::Enach),
    kills: &[],
    awaits: &[],
    ends: ("charged", 500),
};

/// The database ends its session, as long as a statement may take after its last one. Until then nobody else gets at the rows.
#[tokio::test]
async fn a_rescue_that_is_stopped_with_its_rows_locked() {
    let mut shop = MANY.open(&MANY.prepared().await).await;
    let at_once = ["WORKER__BATCH", "ACCOUNTS__JUSPAY_MAIN__MAX_IN_FLIGHT"];
    let at_once = at_once.map(|key| format!("MANDATED__{key}"));
    shop.set("MANDATED__RAILS__ENACH__JITTER", "0s");
    shop.set("MANDATED__DATABASE__STATEMENT_TIMEOUT", "10s");
    for key in &at_once {
        shop.set(key, "500");
    }
    killed(&mut start(&shop, "send.after=return")).await;
    leases_end(&mut shop).await;
    // What is left to a lease of its own would be waited for.
    for key in &at_once {
        shop.forget(key);
    }
    let mut stopped = start(&shop, "rescue.lock.after=return(stop)");
    until("it has stopped", async || stopped.is_stopped()).await;
    assert_eq!(passed(&stopped).last().unwrap(), "rescue.lock.after");
    let leased = "select count(*) from mandated.jobs where lease_until < now()";
    let free = "select count(*) from (select from mandated.jobs for update skip locked) free";
    let count = async |sql: &str| scalar::<i64>(&shop.database.pool, sql).await;
    assert_eq!((count(leased).await, count(free).await), (500, 0));
    let mut other = start(&shop, "");
    lives_to_the_end(&mut other).await;
    assert!(stopped.is_stopped(), "it has not given them back by itself");
    agree(&shop, MANY.ends).await;
    let lost = "select count(*) from mandated.attempts where outcome = 'lost'";
    assert_eq!(count(lost).await, 500, "each was taken back once");
    let before = everything(&shop.database.pool).await;
    let moved = of_money(&shop.ledger().await);
    stopped.signal(Signal::CONT);
    stopped.ended().await;
    assert!(before == everything(&shop.database.pool).await);
    assert_eq!(moved, of_money(&shop.ledger().await));
}

#[tokio::test]
async fn a_call_that_could_not_connect() {
    let prepared = PLANNED.prepared().await;
    for point in ["again.before", "again.after"] {
        let mut shop = PLANNED.open(&prepared).await;
        let url = "MANDATED__ACCOUNTS__JUSPAY_MAIN__BASE_URL";
        let right = shop.get(url);
        shop.set(url, "http://127.0.0.1:1");
        let mut daemon = start(&shop, &format!("{point}=return"));
        let passed = killed(&mut daemon).await;
        assert_eq!(passed.last().unwrap(), point);
        assert_eq!(received(&shop.ledger().await), 0);
        shop.set(url, &right);
        forget_environments(&shop.database.pool).await;
        leases_end(&mut shop).await;
        let mut daemon = start(&shop, "");
        lives_to_the_end(&mut daemon).await;
        agree(&shop, PLANNED.ends).await;
    }
}
