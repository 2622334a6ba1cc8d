//! `recover` is killed in the middle, again and again, and typed again: it goes on where it was, and nothing is collected twice.

use std::os::unix::process::ExitStatusExt;

use chrono::TimeDelta;
use lab::postgres::Dump;
use lab::sandbox::Faults;

use super::shop::{END, Shop, time, weekly};
use crate::support::TestDatabase;
use crate::support::due::column;
use crate::support::process::Process;

const DUMPED: &str = "2040-02-12T12:00:00+05:30";
const LOST: &str = "2040-02-28T12:00:00+05:30";
const RECOVER: [&str; 7] = [
    "recover", "--since", DUMPED, "--by", "asha", "--reason", "restored",
];

/// Where it is killed: before and after cycles are planned, and before, during and after its questions.
const KILLS: [&str; 8] = [
    "plan.commit.before=return",
    "plan.commit.after=return",
    "send.before=return",
    "send.after=return",
    "body.after=1*off->return",
    "send.before=9*off->return",
    "body.after=6*off->return",
    "send.after=4*off->return",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_that_is_killed_goes_on_where_it_was() {
    let early = weekly(1000, 3, "2040-02-06");
    let mut shop = Shop::open(&[&early], Faults::NONE).await;
    shop.installation.works(&["migrate"]);
    shop.import(&early);
    shop.live(DUMPED).await;
    let url = shop.installation.database.url();
    let dump = Dump::of(&url).await.unwrap();
    shop.live(LOST).await;
    let restored = TestDatabase::restored(&dump).await;
    shop.works_on(&restored.url());
    let mut now = time(LOST);
    for kill in KILLS {
        let mut command = shop.installation.command(&RECOVER);
        let mut recovery = Process::start({
            command.env("FAILPOINTS", kill);
            command
        });
        let status = recovery.ended().await;
        assert_eq!(status.signal(), Some(9), "{kill}: {}", recovery.err());
        // Nothing of an account that is recovering is claimed, whoever runs.
        let recovering: Vec<String> = column(
            &restored.pool,
            "select name from mandated.accounts where recovering_since is not null order by name",
        )
        .await;
        assert_eq!(recovering, ["juspay_main", "signzy_main"], "{kill}");
        // What was looked up without anybody hearing of it counts.
        now += TimeDelta::hours(3);
        shop.at(&now.to_rfc3339());
    }
    let text = shop.installation.works(&RECOVER);
    assert!(
        text.contains("recovered, its money may move again"),
        "{text}"
    );
    // Typed once more it does no harm.
    shop.installation.works(&RECOVER);
    shop.live(END).await;
    let ledger = shop.ledger(END);
    let until = "2040-03-31".parse().unwrap();
    let ends = shop.payers.hold(&restored.pool, &ledger, until).await;
    insta::assert_snapshot!(ends.join("\n"));
}
