//! A copy beside the original, at the same providers: it moves no money until somebody insists, and then nothing is collected twice.

use std::time::Duration;

use chrono::NaiveDate;
use lab::postgres::Dump;
use lab::sandbox::{Faults, Ledger};
use mandated::clock::Clock;
use mandated::compose;
use mandated::config::Config;
use mandated::domain::{ProviderKind, Timestamp};
use mandated::engine::Engine;
use mandated::engine::simulation::{Limits, round_up, run};
use mandated::store::monitor::upcoming_work;
use tokio_util::sync::CancellationToken;

use super::books::Payers;
use super::shop::{END, ROUGH, Shop, time, weekly};
use crate::support::TestDatabase;
use crate::support::scenario::{Flow, Scenario};

/// One cycle has been collected.
const COPIED: &str = "2040-02-08T12:00:00+05:30";
const STEP: Duration = Duration::from_mins(1);

/// How the two databases differ, and what goes wrong.
struct Beside {
    /// The copy has one mandate more, and had it first.
    shifted: bool,
    all_equal: bool,
    faults: Faults,
}

/// The copy refuses whatever moves money, and says where its accounts belong.
fn refuses(shop: &Shop) {
    let (code, said) = shop.refused(&["run"]);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("belongs to"), "{said}");
}

/// Somebody insists.
fn rebind(shop: &Shop) {
    for account in ["juspay_main", "signzy_main"] {
        let who = ["--by", "asha", "--reason", "it must go on here"];
        let words = [&["accounts", "rebind", account][..], &who].concat();
        shop.installation.works(&words);
    }
}

/// The engine of the daemon that an operator would start here, on a clock that it shares.
async fn engine(shop: &mut Shop, url: &str, clock: &Clock) -> Engine {
    shop.works_on(url);
    let environment = shop.installation.environment();
    let config = Config::load_with(None, environment).unwrap();
    let pool = compose::connect(&config).await.unwrap();
    let engine = compose::engine::build(&config, pool, clock.clone()).await;
    engine.unwrap()
}

/// Both live until a time, by one clock. Whoever is first at an instant is second at the next.
async fn live_together(engines: &mut [Engine], clock: &Clock, until: Timestamp) {
    while clock.now() < until {
        let now = clock.now();
        for engine in engines.iter() {
            let limits = Limits {
                until: Some(now),
                step: STEP,
            };
            let going_on = CancellationToken::new();
            run(engine, limits, &going_on, |_| {}).await.unwrap();
        }
        let mut next = until;
        for engine in engines.iter() {
            let upcoming = upcoming_work(&engine.database.pool, None, now)
                .await
                .unwrap();
            let first = upcoming.job_at.into_iter().chain(upcoming.plan_at).min();
            next = next.min(first.map_or(until, |first| round_up(first, STEP)));
        }
        clock.advance_to(next.max(now + chrono::TimeDelta::minutes(1)));
        engines.reverse();
    }
}

impl Beside {
    async fn holds(self) -> String {
        let mut early = weekly(1000, 2, "2040-02-06");
        let mut late = weekly(2000, 1, "2040-02-13");
        let mut more = Scenario::of("3000", Flow::SignzyOnDemand)
            .mandate("3001", Flow::UpiSeparate)
            .every("weekly")
            .from("2040-02-13")
            .until("2040-03-19");
        if !self.all_equal {
            (early, late) = (early.different_amounts(), late.different_amounts());
            more = more.different_amounts();
        }
        let mut shop = Shop::open(&[&early, &late, &more], self.faults).await;
        shop.installation.works(&["migrate"]);
        shop.import(&early);
        shop.live(COPIED).await;
        let url = shop.installation.database.url();
        let copy = TestDatabase::restored(&Dump::of(&url).await.unwrap()).await;
        shop.import(&late);

        shop.works_on(&copy.url());
        refuses(&shop);
        rebind(&shop);
        if self.shifted {
            shop.import(&more);
        }
        shop.import(&late);
        let clock = Clock::simulated(time(COPIED));
        let mut engines = [
            engine(&mut shop, &url, &clock).await,
            engine(&mut shop, &copy.url(), &clock).await,
        ];
        live_together(&mut engines, &clock, time(END)).await;

        let ledger = shop.ledger(END);
        let until: NaiveDate = "2040-03-31".parse().unwrap();
        let common = shop.payers.without(&more);
        let of_copy = if self.shifted { &shop.payers } else { &common };
        let original = &shop.installation.database.pool;
        let mut told = vec!["in the original".to_owned()];
        told.extend(common.hold(original, &ledger, until).await);
        told.push("in the copy".to_owned());
        told.extend(of_copy.hold(&copy.pool, &ledger, until).await);
        self.was_refused(&ledger, &shop.payers);
        told.join("\n")
    }

    /// Juspay has refused what the other had sent, and at Signzy nobody has sent it.
    fn was_refused(&self, ledger: &Ledger, payers: &Payers) {
        let calls = |path: &str| ledger.calls.get(path).copied().unwrap_or_default();
        let of_juspay = ledger.debits.iter();
        let of_juspay = of_juspay.filter(|debit| debit.provider == ProviderKind::Juspay);
        let sent = calls("POST /txns");
        assert!(sent > u64::try_from(of_juspay.count()).unwrap(), "{sent}");
        if self.faults == Faults::NONE {
            let charged = payers.collected(ledger, Flow::SignzyOnDemand);
            assert_eq!(calls("POST /eMandates/{id}/charge"), charged);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_same_order_with_amounts_all_equal() {
    let beside = Beside {
        shifted: false,
        all_equal: true,
        faults: Faults::NONE,
    };
    insta::assert_snapshot!(beside.holds().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn shifted_by_two_mandates_with_amounts_all_different() {
    let beside = Beside {
        shifted: true,
        all_equal: false,
        faults: Faults::NONE,
    };
    insta::assert_snapshot!(beside.holds().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn shifted_by_two_mandates_with_answers_that_are_lost() {
    let beside = Beside {
        shifted: true,
        all_equal: true,
        faults: ROUGH,
    };
    beside.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_same_order_with_answers_that_are_lost() {
    let beside = Beside {
        shifted: false,
        all_equal: false,
        faults: ROUGH,
    };
    beside.holds().await;
}
