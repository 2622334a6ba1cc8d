//! A fail-over to a replica that had not received the last commits: really, with two servers and a daemon that runs on.

use chrono::NaiveDate;
use lab::postgres::PrivatePostgres;
use lab::sandbox::Faults;
use mandated::store::pool::DatabasePool;
use rustix::process::Signal;
use sqlx::PgPool;

use super::books::cycles_until;
use super::runbook::{Gaps, follow};
use super::shop::{END, ROUGH, Shop, weekly};
use crate::crash::of_money;
use crate::support::due::scalar;
use crate::support::process::Process;
use crate::support::running::until;
use crate::support::wire::Wire;

/// Notifications for the 13th are out.
const LAST_RECEIVED: &str = "2040-02-12T12:00:00+05:30";
/// Mandates of this day are lost.
const LATER: &str = "2040-02-16T12:00:00+05:30";
/// A minute before the debits of the 20th.
const BEFORE_THE_DEBITS: &str = "2040-02-20T06:59:00+05:30";
const NEW_PRIMARY: &str = "2040-02-20T09:00:00+05:30";

/// What is lost, and what the operator has said of his servers.
struct FailOver {
    all_equal: bool,
    faults: Faults,
    /// He has promised that no commit can be lost, and it was not so.
    promised: bool,
}

/// A daemon that stands still after its second settlement.
async fn stopped_in_the_middle(shop: &Shop) -> Process {
    let mut command = shop.installation.command(&["run"]);
    command.env("FAILPOINTS", "settle.after=1*off->return(stop)");
    let daemon = Process::start(command);
    until("the daemon stands still", async || daemon.is_stopped()).await;
    daemon
}

/// It goes on, finds another server behind the address, and stops moving money.
async fn notices(shop: &Shop, mut daemon: Process) {
    let before = of_money(&shop.sandbox.ledger());
    daemon.signal(Signal::CONT);
    let status = daemon.ended().await;
    let said = daemon.err() + &daemon.out();
    assert_ne!(status.code(), Some(0), "{said}");
    assert!(
        said.contains("no longer has what this daemon settled"),
        "{said}"
    );
    assert!(said.contains("Nothing is planned or called any more"));
    assert_eq!(of_money(&shop.sandbox.ledger()), before, "it sent more");
}

impl FailOver {
    async fn holds(self) -> String {
        let mut early = weekly(1000, 2, "2040-02-06");
        let mut late = weekly(2000, 1, "2040-02-20");
        if !self.all_equal {
            (early, late) = (early.different_amounts(), late.different_amounts());
        }
        let mut shop = Shop::open(&[&early, &late], self.faults).await;
        let mut primary = PrivatePostgres::start(false).unwrap();
        primary.create_database("shop").await.unwrap();
        let wire = Wire::to(&primary.url("shop")).await;
        shop.works_on(&wire.url(&primary.url("shop")));
        if self.promised {
            let key = "MANDATED__DATABASE__SYNCHRONOUS_FAILOVER";
            shop.installation.set(key, "true");
        }
        shop.installation.works(&["migrate"]);
        shop.import(&early);
        shop.live(LAST_RECEIVED).await;
        let replica = PrivatePostgres::start_replica(&primary).unwrap();
        replica.fall_behind(&primary).await.unwrap();

        shop.live(LATER).await;
        shop.import(&late);
        shop.live(BEFORE_THE_DEBITS).await;
        shop.installation.set("MANDATED__CLOCK__END", END);
        let daemon = stopped_in_the_middle(&shop).await;
        shop.installation.forget("MANDATED__CLOCK__END");
        primary.stop_hard().unwrap();
        replica.promote().await.unwrap();
        wire.lead_to(&replica.url("shop"));
        let pool = DatabasePool::from(PgPool::connect(&replica.url("shop")).await.unwrap());
        let attempts = "select count(*) from mandated.attempts where at > '2040-02-13Z'";
        assert_eq!(scalar::<i64>(&pool, attempts).await, 0, "a week is lost");
        notices(&shop, daemon).await;

        shop.at(NEW_PRIMARY);
        let file = shop.write(&late);
        let gaps = Gaps {
            file: &file,
            since: LAST_RECEIVED,
            paused: &[],
            cycles: &cycles_until(&late, NEW_PRIMARY),
        };
        follow(&mut shop, gaps, END).await;
        let ledger = shop.ledger(END);
        let last: NaiveDate = "2040-03-31".parse().unwrap();
        shop.payers.hold(&pool, &ledger, last).await.join("\n")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_amounts_all_equal() {
    let fail_over = FailOver {
        all_equal: true,
        faults: Faults::NONE,
        promised: false,
    };
    insta::assert_snapshot!(fail_over.holds().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_amounts_all_different_where_no_loss_was_promised() {
    let fail_over = FailOver {
        all_equal: false,
        faults: Faults::NONE,
        promised: true,
    };
    insta::assert_snapshot!(fail_over.holds().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_answers_that_are_lost() {
    let fail_over = FailOver {
        all_equal: true,
        faults: ROUGH,
        promised: false,
    };
    fail_over.holds().await;
}
