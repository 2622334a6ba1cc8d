use super::*;

#[test]
fn cron_days_are_local_days_at_the_crons_own_time() {
    let payday = cron("30 1 1,15 * *", "2026-01-02");
    assert_eq!(days(&payday, 3), "2026-01-15 2026-02-01 2026-02-15");
    let cycle = payday.cycle_from(day("2026-02-01"), NEXT).unwrap();
    assert_eq!(cycle.debit_at, at("2026-01-31T20:00:00Z"));
    assert_eq!(cycle.closes_at, at("2026-02-14T18:30:00Z"));
    assert_eq!(
        days(&cron("0 30 9 29 2 ? *", "2026-01-01"), 2),
        "2028-02-29 2032-02-29"
    );
    // Both days must match: the first Monday.
    assert_eq!(
        days(&cron("0 9 1-7 * MON", "2026-01-01"), 3),
        "2026-01-05 2026-02-02 2026-03-02"
    );
    let once = cron("0 0 9 1 3 ? 2026", "2026-01-01");
    assert_eq!(days(&once, 5), "2026-03-01");
    assert_eq!(
        once.cycle_from(day("2026-01-01"), NEXT).unwrap().closes_at,
        at("2026-03-30T18:30:00Z")
    );
    assert_eq!(
        days(&cron("0 9 31 12 *", "2099-06-01"), 5),
        "2099-12-31 2100-12-31"
    );
    assert_eq!(
        days(&cron("0 9 1 1 *", "1950-06-01"), 2),
        "1970-01-01 1971-01-01"
    );
}

#[test]
fn a_cron_fires_in_a_gap_of_the_clock_too() {
    let terms = Terms {
        time_zone: chrono_tz::America::New_York,
        ..cron("30 2 * * *", "2026-03-07")
    };
    let cycle = terms.cycle_from(day("2026-03-08"), NEXT).unwrap();
    assert_eq!(
        (cycle.on, cycle.debit_at),
        (day("2026-03-08"), at("2026-03-08T07:00:00Z"))
    );
}

#[test]
fn expressions_that_cannot_be_schedules_say_why() {
    let why = |expression| {
        CronSchedule::parse(expression)
            .map(drop)
            .unwrap_err()
            .to_string()
    };
    let expressions = [
        "* * * * *",
        "0 */6 * * *",
        "0,30 0 9 1 * ?",
        "0 9 L * *",
        "0 9 ? * 5L",
        "0 9 * * 1",
        "0 9 30 2 *",
        "0 25 * * *",
        "0 9 1 Foo *",
        "0 9 15W * *",
        "@daily",
        "@monthly",
        "@reboot",
        "0 6 * * MON#2",
        "30 7 * 3 fri#5",
        "0 6 * * 1#2",
        "0 24 * * *",
        "60 6 1 * *",
        "60 0 6 1 * *",
        "0 6 32 * *",
        "0 6 0 * *",
        "0 6 1 13 *",
        "0 6 1-40 * *",
        "0 6 1 * FUNDAY",
        "0 6 1 * * * * *",
        "",
        "₹ ₹ ₹ ₹ ₹",
    ];
    let text: Vec<String> = expressions.into_iter().map(why).collect();
    insta::assert_snapshot!(text.join("\n"));
    let good = CronSchedule::parse(" 0  9 1 JUL * ").unwrap();
    assert_eq!(good.as_str(), " 0  9 1 JUL * ");
    assert_eq!(good, good.clone());
    assert_ne!(good, CronSchedule::parse("0 9 2 JUL *").unwrap());
}

#[test]
fn the_expression_that_a_hint_names_is_taken() {
    for (written, meant, days_of_it) in [
        ("0 6 * * MON#2", "0 6 8-14 * MON", "2026-01-12 2026-02-09"),
        (
            "30 7 * 3 fri#5",
            "30 7 29-31 3 FRI",
            "2028-03-31 2029-03-30",
        ),
    ] {
        let why = CronSchedule::parse(written).unwrap_err().to_string();
        assert!(why.ends_with(meant), "{why}");
        assert_eq!(days(&cron(meant, "2026-01-01"), 2), days_of_it);
    }
}
