//! An older dump is restored into a new database, and the operator does what the runbook says.

use chrono::NaiveDate;
use lab::postgres::Dump;
use lab::sandbox::{Call, Faults, Reason, Then};

use super::books::cycles_until;
use super::runbook::{Gaps, follow};
use super::shop::{END, ROUGH, Shop, weekly};
use crate::support::TestDatabase;
use crate::support::due::scalar;
use crate::support::dump::put_back_rows;
use crate::support::scenario::Scenario;

/// Notifications are out, and what the provider debits by itself is handed over.
const BETWEEN_NOTIFICATION_AND_DEBIT: &str = "2040-02-12T12:00:00+05:30";
/// Some debits are under way.
const IN_THE_HOUR_OF_THE_DEBITS: &str = "2040-02-13T07:02:00+05:30";
/// Mandates of this day are younger than the dumps. Their first cycle is open when they are imported again.
const LATER: &str = "2040-02-24T12:00:00+05:30";
/// The database is lost; two cycles and more have passed since the dump.
const LOST: &str = "2040-02-28T12:00:00+05:30";

/// A person pauses this one meanwhile, and does it again afterwards.
const PAUSED: &str = "1001";

/// Where the dump is put back.
enum Into {
    /// As it should be.
    NewDatabase,
    /// Its rows alone, into the tables that they came from: these have the numbers that they had.
    ItsOwnTables,
}

/// The life that is to be lost.
struct Life {
    dumped_at: &'static str,
    into: Into,
    all_equal: bool,
    faults: Faults,
}

/// Cycles that are retried about the time of the dump and after it: what no idempotency key protects.
fn declined(scenario: Scenario) -> Scenario {
    let mut declined = scenario.clone();
    // The first of each flow, in three of its cycles.
    declined.payers.retain({
        let mut flows = Vec::new();
        move |payer| {
            let is_first = !flows.contains(&payer.flow);
            flows.push(payer.flow);
            is_first
        }
    });
    let technical = Then::Declines(Reason::Technical);
    let steps = [
        Then::Normal,
        technical.clone(),
        technical.clone(),
        technical,
    ];
    let mut all = scenario;
    all.script = declined.provider(Call::Execute, steps).script;
    all
}

impl Life {
    async fn holds(self) -> String {
        let mut early = declined(weekly(1000, 3, "2040-02-06"));
        let mut late = weekly(2000, 1, "2040-02-27");
        if !self.all_equal {
            (early, late) = (early.different_amounts(), late.different_amounts());
        }
        let mut shop = Shop::open(&[&early, &late], self.faults).await;
        shop.installation.works(&["migrate"]);
        shop.import(&early);
        shop.live(self.dumped_at).await;
        let dump = Dump::of(&shop.installation.database.url()).await.unwrap();
        shop.live(LATER).await;
        shop.import(&late);
        let pause = ["mandates", "pause", PAUSED, "--local-only"];
        let who = ["--by", "asha", "--reason", "he is on holiday"];
        shop.installation.works(&[&pause[..], &who].concat());
        shop.live(LOST).await;
        let lost = shop.ledger(LOST).debits.len();

        let mut of_its_own = None;
        match self.into {
            Into::NewDatabase => {
                let restored = of_its_own.insert(TestDatabase::restored(&dump).await);
                shop.works_on(&restored.url());
            }
            Into::ItsOwnTables => put_back_rows(&shop.installation.database, &dump).await,
        }
        let restored = of_its_own.as_ref().unwrap_or(&shop.installation.database);
        let pool = restored.pool.clone();
        let known: i64 = scalar(&pool, "select count(*) from mandated.debits").await;
        assert!(usize::try_from(known).unwrap() < lost, "debits are lost");
        let file = shop.write(&late);
        let gaps = Gaps {
            file: &file,
            since: self.dumped_at,
            paused: &[PAUSED],
            cycles: &cycles_until(&late, LOST),
        };
        follow(&mut shop, gaps, END).await;
        let ledger = shop.ledger(END);
        let until: NaiveDate = "2040-03-31".parse().unwrap();
        let ends = shop.payers.hold(&pool, &ledger, until).await;
        ends.join("\n")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_all_equal() {
    let life = Life {
        dumped_at: BETWEEN_NOTIFICATION_AND_DEBIT,
        into: Into::NewDatabase,
        all_equal: true,
        faults: Faults::NONE,
    };
    insta::assert_snapshot!(life.holds().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_all_different() {
    let life = Life {
        dumped_at: IN_THE_HOUR_OF_THE_DEBITS,
        into: Into::NewDatabase,
        all_equal: false,
        faults: Faults::NONE,
    };
    insta::assert_snapshot!(life.holds().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_all_equal_and_answers_that_are_lost() {
    let life = Life {
        dumped_at: IN_THE_HOUR_OF_THE_DEBITS,
        into: Into::NewDatabase,
        all_equal: true,
        faults: ROUGH,
    };
    life.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_all_different_and_answers_that_are_lost() {
    let life = Life {
        dumped_at: BETWEEN_NOTIFICATION_AND_DEBIT,
        into: Into::NewDatabase,
        all_equal: false,
        faults: ROUGH,
    };
    life.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_alone_are_put_back_into_their_own_tables() {
    let life = Life {
        dumped_at: IN_THE_HOUR_OF_THE_DEBITS,
        into: Into::ItsOwnTables,
        all_equal: true,
        faults: Faults::NONE,
    };
    life.holds().await;
}
