//! Random mandates, failures, clocks and outages against the rules alone: the pure core makes every choice, a provider that keeps
//! its own book judges every call. No database, no network, so that thousands of cycles can be lived through.

mod answers;
mod bank;
mod life;

use std::time::Duration;

use mandated::config::Config;
use mandated::domain::policy::Policy;
use mandated::domain::policy::Strategy::Backoff;
use mandated::domain::{ProviderKind, Rail};
use proptest::prelude::*;

use bank::Chances;
use life::Life;

use lab::flow::Flow;

/// The rules in force without a file: they are what is tested.
fn config() -> Config {
    let variables = [("MANDATED__DATABASE__URL", "postgres://localhost/none")];
    Config::load_with(
        None,
        variables.map(|(key, value)| (key.to_owned(), value.to_owned())),
    )
    .unwrap_or_else(|error| panic!("{error}"))
}

fn chances() -> impl Strategy<Value = Chances> {
    let share = 0u16..400;
    (
        [share.clone(), share.clone(), share.clone(), share.clone()],
        [share.clone(), share.clone(), share.clone(), share.clone()],
        [share.clone(), share.clone(), share],
    )
        .prop_map(
            |(
                [pays, silent, late, lost],
                [not_sent, outage, dies, pending],
                [pauses, refuses, after_all],
            )| Chances {
                pays,
                silent,
                late,
                lost,
                not_sent,
                outage,
                dies,
                pending,
                pauses,
                refuses,
                after_all,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn no_debit_is_unlawful_and_no_outcome_is_guessed(
        flow in prop::sample::select(&Flow::ALL[..]),
        frequency in prop::sample::select(vec!["daily", "weekly", "fortnightly", "monthly", "quarterly"]),
        day in 1u32..29,
        minute in 0u32..1440,
        chances in chances(),
        seed in any::<u64>(),
    ) {
        let (provider, rail, notify) = flow.parts();
        let frequency = match (rail, frequency) {
            (Rail::Enach, "fortnightly") => "twicemonthly",
            (_, frequency) => frequency,
        };
        let mut policy = config().policy(provider, rail);
        if seed % 3 == 0 {
            policy.max_attempts_in_30_days = Some(2);
        }
        let mut life = Life::new((provider, rail, notify), frequency, (day, minute), policy, chances, seed);
        if let Err(why) = life.run() {
            prop_assert!(false, "{why}\n{}", life.story.join("\n"));
        }
    }
}

/// The property above would hold for an engine that never debits. This one says that it does.
#[test]
fn nearly_every_payer_who_has_the_money_is_collected() {
    let chances = Chances {
        pays: 1000,
        ..Chances::CALM
    };
    let mut collected = 0;
    for seed in 0..200 {
        for flow in Flow::ALL {
            let (provider, rail, notify) = flow.parts();
            let policy = config().policy(provider, rail);
            let mut life = Life::new(
                (provider, rail, notify),
                "monthly",
                (5, 360),
                policy,
                chances,
                seed,
            );
            life.run()
                .unwrap_or_else(|why| panic!("{why}\n{}", life.story.join("\n")));
            collected += u32::from(life.is_collected());
        }
    }
    assert_eq!(collected, 1600);
}

type Loosen = fn(&mut Policy);

/// What the judge is for: a life under rules that break the law is caught. Each case is one rule made too loose. (The 24 hours are
/// not among them: the claim keeps them whatever the rules say, see `guards::claim`.)
#[test]
fn the_judge_sees_every_kind_of_rule_that_is_broken() {
    let broken: [(&str, Flow, Loosen); 6] = [
        ("outside the hours", Flow::UpiSeparate, |policy| {
            policy.debit_windows = config()
                .policy(ProviderKind::Juspay, Rail::Card)
                .debit_windows;
        }),
        ("after its 48 hours", Flow::UpiSeparate, |policy| {
            policy.notification_validity = Duration::from_hours(90);
            policy.max_attempts = 4;
        }),
        ("too many attempts in a period", Flow::UpiExempt, |policy| {
            policy.max_attempts_in_period = None;
        }),
        ("too many attempts", Flow::UpiSeparate, |policy| {
            policy.max_attempts = 9;
            policy.max_attempts_in_period = None;
            let hour = Duration::from_hours(1);
            let hourly = Backoff {
                initial: hour,
                max: hour,
            };
            for strategy in policy.retry.values_mut() {
                *strategy = hourly.clone();
            }
        }),
        ("days after the return", Flow::Enach, |policy| {
            policy.min_gap = Duration::from_hours(1);
            policy.min_gap_after_failure = Duration::ZERO;
            policy.retry = config().policy(ProviderKind::Juspay, Rail::Upi).retry;
        }),
        ("look-ups in two hours", Flow::UpiSeparate, |policy| {
            policy.lookup_window = Duration::ZERO;
            policy.lookup_after = vec![Duration::from_secs(90)];
            policy.lookup_every = Duration::from_mins(10);
        }),
    ];
    for (rule, flow, loosen) in broken {
        let (provider, rail, notify) = flow.parts();
        let mut policy = config().policy(provider, rail);
        loosen(&mut policy);
        let caught = (0..300).any(|seed| {
            let chances = Chances {
                pays: 50,
                pending: 300,
                ..Chances::CALM
            };
            let mut life = Life::new(
                (provider, rail, notify),
                "monthly",
                (5, 540),
                policy.clone(),
                chances,
                seed,
            );
            life.run().is_err_and(|why| why.contains(rule))
        });
        assert!(caught, "nobody saw: {rule}");
    }
}
