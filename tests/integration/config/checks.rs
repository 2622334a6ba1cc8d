//! Combinations that cannot work, each on top of a configuration that is right.

use super::{GOOD, load, message};

#[test]
fn combinations_that_cannot_work_are_refused() {
    let refused = [
        ("MANDATED__DATABASE__URL", "x"),
        ("MANDATED__DATABASE__MAX_CONNECTIONS", "8"),
        ("MANDATED__DATABASE__LOCK_TIMEOUT", "31s"),
        ("MANDATED__DATABASE__STATEMENT_TIMEOUT", "3m"),
        ("MANDATED__WORKER__LEASE", "130s"),
        ("MANDATED__ACCOUNTS__JUSPAY_MAIN__TIMEOUT", "71s"),
        ("MANDATED__ACCOUNTS__JUSPAY_MAIN__TIMEOUT", "0s"),
        ("MANDATED__ACCOUNTS__JUSPAY_MAIN__TPS", "0"),
        ("MANDATED__WORKER__DRAIN_TIMEOUT", "3m"),
        ("MANDATED__WORKER__DRAIN_TIMEOUT", "10s"),
        ("MANDATED__WORKER__CONCURRENCY", "1"),
        ("MANDATED__WORKER__BATCH", "0"),
        ("MANDATED__WORKER__POLL_INTERVAL", "0s"),
        ("MANDATED__PLANNER__HORIZON", "50s"),
        ("MANDATED__PLANNER__HORIZON", "60days"),
        ("MANDATED__RETENTION__EVENTS", "30days"),
        ("MANDATED__RESCUE__INTERVAL", "0s"),
        ("MANDATED__RAILS__UPI__NOTIFY_TO_DEBIT", "23h"),
        ("MANDATED__RAILS__CARD__NOTIFICATION_VALIDITY", "31h"),
        ("MANDATED__RAILS__UPI__MAX_ATTEMPTS", "5"),
        ("MANDATED__RAILS__ENACH__MAX_ATTEMPTS", "0"),
        ("MANDATED__RAILS__UPI__LOOKUP_AFTER", "90s,60s"),
        ("MANDATED__RAILS__UPI__REVIEW_AFTER", "1h"),
        ("MANDATED__RAILS__UPI__PROCESSING_TIME", "60s"),
        ("MANDATED__RAILS__UPI__RECHECK_AFTER", "10h"),
        ("MANDATED__PROVIDERS__SIGNZY__MAX_ATTEMPTS", "0"),
        ("MANDATED__RAILS__UPI__WINDOWS", "13:01-17:01"),
        ("MANDATED__RAILS__UPI__NOTIFY_WINDOWS", "[]"),
        ("MANDATED__RAILS__ENACH__JITTER", "1day"),
        ("MANDATED__RETRY__UPI__TRANSIENT__MAX", "10m"),
        ("MANDATED__RETRY__UPI__FUNDS__DAY_PARTS", "16:00,06:30"),
        ("MANDATED__RETRY__UPI__FUNDS__DAYS", "0,32"),
        ("MANDATED__RETRY__ENACH__TRANSIENT__DAY_PARTS", "[]"),
        ("MANDATED__CLOCK__START", "2026-01-01T00:00:00Z"),
        ("MANDATED__CLOCK__MODE", "simulated"),
    ];
    let messages: Vec<String> = refused
        .iter()
        .map(|(variable, value)| {
            let error = load(GOOD, &[(variable, value)]).expect_err(variable);
            format!("{variable}={value}\n{error}\n")
        })
        .collect();
    insta::assert_snapshot!("refused_combinations", messages.join("\n"));
}

#[test]
fn nothing_that_counts_or_lasts_may_be_zero() {
    let counts = "database.max_connections worker.concurrency worker.batch worker.settle_batch worker.parked_limit \
        planner.batch \
        planner.presented_open_days retention.partitions_ahead rails.upi.notification_attempts rails.card.max_orders \
        rails.enach.max_attempts rails.card.max_attempts_in_30_days providers.juspay.max_attempts accounts.juspay_main.tps \
        accounts.juspay_main.max_in_flight";
    let durations = "database.connect_timeout database.statement_timeout database.lock_timeout worker.lease \
        worker.poll_interval worker.parked_within worker.parked_pause worker.snapshot_warn_after worker.snapshot_warn_every planner.interval rescue.interval retention.interval rails.upi.processing_time \
        rails.card.lookup_every rails.enach.recheck_after rails.upi.paused_check_every accounts.juspay_main.timeout \
        accounts.juspay_main.pause_after_refusal retry.card.transient.initial";
    for (keys, zero) in [(counts, "0"), (durations, "0s")] {
        for key in keys.split_whitespace() {
            let variable = format!("MANDATED__{}", key.to_uppercase().replace('.', "__"));
            let errors = load(GOOD, &[(&variable, zero)]).expect_err(key);
            assert!(
                errors.problems().iter().any(|problem| problem.key == key),
                "{errors}"
            );
        }
    }
}

#[test]
fn a_stand_in_on_this_machine_may_be_debited_at_any_time() {
    let local = GOOD.replace("https://api.juspay.in", "http://localhost:9190");
    load(&local, &[("MANDATED__RAILS__UPI__WINDOWS", "[]")]).unwrap();
}

#[test]
fn an_account_must_be_able_to_work() {
    let changed = |from: &str, to: &str| message(&GOOD.replace(from, to), &[]);
    insta::assert_snapshot!(changed("merchant_id = \"acme\"", ""), @"accounts.juspay_main.merchant_id is not set, and accounts.juspay_main.provider is juspay, which wants it with every call");
    insta::assert_snapshot!(changed("https://api", "http://api"), @"accounts.juspay_main.base_url (http://api.juspay.in/) must start with https://: the key goes with every call; http:// is for this machine only");
    insta::assert_snapshot!(changed("https://api", "https://user@api"), @"accounts.juspay_main.base_url must be an address only: no user, password, query or fragment (it is not shown)");
    insta::assert_snapshot!(changed("https://api", "api"), @r#"mandated.toml: accounts.juspay_main.base_url: this is not an address: relative URL without a base; an example is "https://api.juspay.in""#);
    for local in [
        "http://127.0.0.1:9190/juspay",
        "http://[::1]:9190",
        "http://localhost:9190",
    ] {
        load(&GOOD.replace("https://api.juspay.in", local), &[]).unwrap();
    }
}

#[test]
fn simulated_time_is_for_this_machine_and_goes_forward() {
    let local = GOOD.replace("https://api.juspay.in", "http://localhost:9190");
    let (mode, start) = (
        ("MANDATED__CLOCK__MODE", "simulated"),
        ("MANDATED__CLOCK__START", "2026-01-01T00:00:00Z"),
    );
    let end = |time| ("MANDATED__CLOCK__END", time);
    let config = load(&local, &[mode, start, end("2026-02-01T00:00:00+05:30")]).unwrap();
    assert_eq!(
        config.clock.end.unwrap().to_rfc3339(),
        "2026-01-31T18:30:00+00:00"
    );
    insta::assert_snapshot!(load(&local, &[mode, start, end("2025-02-01T00:00:00Z")]).unwrap_err(), @"clock.end (2025-02-01T00:00:00+00:00) must be after clock.start (2026-01-01T00:00:00+00:00)");
    insta::assert_snapshot!(load(&local, &[mode]).unwrap_err(), @"clock.start is not set, but clock.mode is simulated: time needs a start");
}

#[test]
fn what_a_risk_check_or_a_court_has_stopped_has_no_strategy() {
    for class in ["RISK", "LEGAL"] {
        let prefix = format!("MANDATED__RETRY__UPI__{class}");
        let (strategy, at) = (format!("{prefix}__STRATEGY"), format!("{prefix}__AT"));
        load(GOOD, &[(&strategy, "none")]).unwrap();
        let error = load(GOOD, &[(&strategy, "after_reset"), (&at, "06:30:00")])
            .expect_err("it is never tried again");
        assert!(error.to_string().contains("never tried again"), "{error}");
    }
}

#[test]
fn what_is_presented_again_waits_as_npci_wants() {
    for (key, value, why) in [
        ("MAX_ATTEMPTS", "4", "one presentation and two more"),
        ("MAX_ORDERS", "2", "one more presentation"),
        (
            "MIN_GAP_AFTER_FAILURE",
            "71h",
            "three days after the return",
        ),
    ] {
        let key = format!("MANDATED__RAILS__ENACH__{key}");
        let error = load(GOOD, &[(&key, value)]).expect_err("NPCI does not allow it");
        assert!(error.to_string().contains(why), "{error}");
    }
}
